"""Clocks that are five minutes off: of workers, of the database, of the gateway; and workers that are not the same."""

from tests.reliability.credentials.laws import Distance, Number
from tests.reliability.credentials.stage import Scene, Stage

OFF_S = 300
JUST_ADMITTED_S = 290
"""A webhook's timestamp may be 300 s away: a gateway that is further off refuses them all, and says so."""
SHORT_LIFE_S = 8


def _workers(*offsets: int, life_s: int = 3600, revocations: int = 0) -> Scene:
    """Workers whose clocks are off by so much."""

    def play(stage: Stage) -> None:
        stage.sim(token_lifetime_s=life_s)
        stage.stack.start_gateway()
        for offset in offsets:
            stage.start_off("worker", offset)
        with stage.load() as load:
            for number in range(1, revocations + 1):
                load.until(number * stage.seconds / (revocations + 1))
                stage.revoke()
        renewals = _renewals(stage, life_s)
        stage.laws.append(Number(at_most=1 + revocations + renewals))
        if not revocations:
            stage.laws.append(Distance(began=0, ended=float("inf"), at_least=lambda _: life_s / 2))

    named = " and ".join(f"{offset:+} s" for offset in offsets)
    what = "a worker's clock is" if len(offsets) == 1 else "workers' clocks are"
    more = f", tokens live {life_s} s" if life_s < 3600 else ""
    more += f", {revocations} revocations" if revocations else ""
    name = f"workers{''.join(f'{offset:+}' for offset in offsets)}-{life_s}"
    return Scene(name=name, title=f"{what} {named} off{more}", play=play)


def _renewals(stage: Stage, life_s: int) -> int:
    """How often a token is due within the scene, at half its life when that is short."""
    journal = stage.stack.journal()
    return int((journal[-1]["at"] - journal[0]["at"] + 60) / (life_s / 2)) if life_s < 2 * OFF_S else 0


def _database(offset: int, life_s: int) -> Scene:
    def play(stage: Stage) -> None:
        stage.move_database(offset)
        stage.sim(token_lifetime_s=life_s)
        stage.start(2)
        with stage.load() as load:
            load.until(stage.seconds / 2)
            stage.revoke()
        stage.laws.append(Number(at_most=2 + _renewals(stage, life_s)))

    return Scene(
        name=f"database{offset:+}", title=f"PostgreSQL's clock is {offset:+} s off, tokens live {life_s} s", play=play
    )


def _gateway(offset: int) -> Scene:
    def play(stage: Stage) -> None:
        stage.start_off("gateway", offset)
        stage.stack.settings["ALERT_WEBHOOK_URL"] = stage.administrators.url
        stage.stack.start_workers(2)
        with stage.load() as load:
            load.until(stage.seconds / 2)
            stage.revoke()
        stage.laws.append(Number(at_most=2))

    return Scene(name=f"gateway{offset:+}", title=f"the gateway's clock is {offset:+} s off", play=play)


def _unlike(stage: Stage) -> None:
    """Two workers that differ in margin and scopes; whoever asks last decides, and nobody asks twice."""
    stage.sim(token_lifetime_s=SHORT_LIFE_S)
    stage.start(1, TOKEN_REFRESH_MARGIN_S="5", ZENDESK_SCOPES="tickets:read_all tickets:write talk:read_all")
    stage.stack.settings.update(TOKEN_REFRESH_MARGIN_S="300", ZENDESK_SCOPES="talk:read_all tickets:write")
    with stage.load() as load:
        load.until(stage.seconds / 4)
        stage.stack.start_workers(1)
        load.until(stage.seconds / 2)
        stage.revoke()
    stage.laws.append(Number(at_most=3 + _renewals(stage, SHORT_LIFE_S)))


SCENES = (
    _workers(OFF_S),
    _workers(-OFF_S),
    _workers(OFF_S, -OFF_S, revocations=4),
    _workers(OFF_S, life_s=SHORT_LIFE_S),
    _workers(-OFF_S, life_s=SHORT_LIFE_S),
    _workers(OFF_S, -OFF_S, life_s=SHORT_LIFE_S),
    _database(OFF_S, SHORT_LIFE_S),
    _database(-OFF_S, SHORT_LIFE_S),
    _gateway(JUST_ADMITTED_S),
    _gateway(-JUST_ADMITTED_S),
    Scene(name="unlike", title="two workers differ in margin and scopes", play=_unlike),
)
