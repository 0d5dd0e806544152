"""What a vendor does to a token: it ends, is revoked, is refused, cannot be had, loses scopes, changes its secret."""

from tests.e2e.process import Process
from tests.e2e.waiting import eventually
from tests.reliability.credentials.laws import Distance, Number, a_minute, doubling
from tests.reliability.credentials.stage import Scene, Stage
from workflows.domain.errors import AlertKind

NEW_SECRET = "rotated-secret"
FOREVER = float("inf")
ZENDESK = (
    "search",
    "read_ticket",
    "find_by_external_id",
    "list_comments",
    "create_ticket",
    "update_ticket",
    "patch_call",
)
"""Every request that carries a token."""


def expiry(life_s: int, margin_s: int) -> Scene:
    """Tokens that live for seconds."""
    distance = life_s - margin_s if life_s >= 2 * margin_s else life_s / 2

    def play(stage: Stage) -> None:
        stage.sim(token_lifetime_s=life_s)
        stage.start(3, TOKEN_REFRESH_MARGIN_S=str(margin_s))
        stage.laws.append(Distance(began=0, ended=FOREVER, at_least=lambda _: distance))
        with stage.load():
            pass

    return Scene(name=f"expiry-{life_s}", title=f"tokens that live {life_s} s (margin {margin_s} s)", play=play)


def _revocation(stage: Stage) -> None:
    every_s, times = max(1.5, stage.seconds / 15), 0
    stage.start(3)
    with stage.load() as load:
        while (times + 1) * every_s < stage.seconds:
            load.until((times + 1) * every_s)
            stage.revoke()
            times += 1
    stage.laws.append(Number(at_most=1 + times))
    stage.seen.append(f"{times} revocations, one every {every_s:.1f} s")


def _storm(stage: Stage) -> None:
    stage.start(3)
    with stage.load() as load:
        began = load.until(stage.seconds / 6)
        faults = [stage.stack.fault(kind, "status", status=401, times=None) for kind in ZENDESK]
        ended = load.until(stage.seconds * 5 / 6)
        for fault in faults:
            stage.stack.end_fault(fault)
    stage.laws += [
        # The first exchange comes at once, the ones after it 1, 2, 4 … s apart.
        Distance(began=began, ended=FOREVER, at_least=doubling),
    ]
    stage.seen.append(f"401 to every request of Zendesk's for {ended - began:.0f} s")


def _outage(stage: Stage) -> None:
    life_s = max(4, int(stage.seconds / 2))
    stage.sim(token_lifetime_s=life_s)
    stage.start(2, TOKEN_REFRESH_MARGIN_S=str(life_s // 2))
    with stage.load() as load:
        # The exchange that makes the present token is in the simulator's journal: before the next one is due.
        began = load.until(0.5)
        outage = stage.stack.fault("token", "status", status=503, times=None)
        ended = load.until(stage.seconds)
        stage.stack.end_fault(outage)
    tokens = [r for r in stage.stack.journal(kind="token") if r["at"] < began]
    expires_at = tokens[-1]["answered_at"] + life_s
    worked = [r for r in stage.stack.journal() if r["kind"] in ZENDESK and r["acted"] and r["at"] > began]
    during = sum(r["at"] < expires_at for r in worked)
    stage.laws.append(Distance(began=began, ended=ended, at_least=doubling))
    stage.seen.append(f"{during} requests were carried out with the old token while no new one was to be had")
    stage.seen.append(f"it ended {ended - expires_at:.0f} s before the endpoint was back")


def _shrinking(stage: Stage) -> None:
    granted = "talk:read_all tickets:read_all tickets:write"
    stage.start(2)
    with stage.load() as load:
        began = load.until(stage.seconds / 4)
        stage.sim(granted_scopes="talk:read_all tickets:write")
        load.until(stage.seconds)
    # Short once it has noticed, and a minute later still: that one is asked for in vain.
    eventually(lambda: len(_tokens_since(stage, began)) >= 2, limit_s=90)
    stage.sim(granted_scopes=granted)
    stage.laws.append(Distance(began=began, ended=FOREVER, at_least=a_minute))
    eventually(lambda: len(_tokens_since(stage, began)) >= 3, limit_s=90)


def _tokens_since(stage: Stage, began: float) -> list[object]:
    """Those that were answered: until then it is not settled what they are granted."""
    return [r for r in stage.stack.journal(kind="token") if r["at"] > began and r["answered_at"]]


def _rotated(stage: Stage) -> None:
    stage.start(2)
    old = list(stage.stack.workers)
    with stage.load() as load:
        load.until(stage.seconds / 4)
        stage.sim(client_secret=NEW_SECRET)
        load.until(stage.seconds / 2)
        stage.revoke()
        eventually(lambda: AlertKind.CLIENT_REFUSED in stage.administrators.kinds)
        stage.stack.settings["ZENDESK_CLIENT_SECRET"] = NEW_SECRET
        for worker in old:
            worker.terminate()
        for worker in old:
            worker.wait()
        stage.stack.start_workers(2)
    # The start's, the one that is refused, and the new workers'; a minute may pass before all of them serve.
    stage.laws.append(Number(at_most=4))
    refused = [request for request in stage.stack.journal(kind="token") if request["status"] == 401]
    stage.seen.append(f"the old secret was refused {len(refused)} time(s)")


def _rolled(stage: Stage) -> None:
    stage.start(2)
    old = list(stage.stack.workers)
    with stage.load() as load:
        load.until(stage.seconds / 4)
        stage.sim(client_secret=NEW_SECRET)
        stage.revoke()
        eventually(lambda: AlertKind.CLIENT_REFUSED in stage.administrators.kinds)
        stage.stack.settings["ZENDESK_CLIENT_SECRET"] = NEW_SECRET
        for worker in old:
            _replace(stage, worker)
    # The start's, the one refused, and one for the new workers; slow machines may be a minute, and a try, later.
    stage.laws.append(Number(at_most=5))
    stage.seen.append(f"{len(stage.stack.workers) - 2} starts until two workers had the new secret")


def _replace(stage: Stage, old: Process) -> None:
    """The new one first, as a rolling update does; one that does not start is started again, as a supervisor does."""
    while not _serves(stage, stage.stack.start_worker()):
        stage.stack.workers[-1].wait()
    old.terminate()
    old.wait()


def _serves(stage: Stage, new: Process) -> bool:
    name = f"worker-{len(stage.stack.workers)}"
    eventually(lambda: not new.running or "worker serves" in stage.stack.log(name), limit_s=90)
    return new.running


SCENES = (
    expiry(8, 3),
    expiry(4, 300),
    Scene(name="revocation", title="the token is revoked again and again", play=_revocation),
    Scene(name="storm", title="401 to everything, though the token is good", play=_storm),
    Scene(
        name="outage",
        title="no new token to be had, while the present one ends",
        play=_outage,
        alerts=(AlertKind.TOKEN_ENDING,),
    ),
    Scene(
        name="scopes", title="a scope is taken away and comes back", play=_shrinking, alerts=(AlertKind.SCOPES_MISSING,)
    ),
    Scene(
        name="secret",
        title="the secret is changed; workers are restarted with the new one",
        play=_rotated,
        alerts=(AlertKind.CLIENT_REFUSED,),
    ),
    Scene(
        name="rolling",
        title="the secret is changed; workers are replaced one by one",
        play=_rolled,
        alerts=(AlertKind.CLIENT_REFUSED,),
    ),
)
