"""Calls as they were when their histories were recorded: one story each, with an end, so that a history is whole."""

from datetime import timedelta

from temporalio.testing import WorkflowEnvironment

from tests.twins.calls import (
    ANSWERED,
    CALLER,
    COMPLETED,
    FINAL,
    OTHER_AGENT,
    STARTED,
    Stage,
    done,
    event,
    has_ticket,
    shown,
    until,
)
from tests.twins.groups import Group, begin, stuck
from tests.twins.tokens import TokenStage
from workflows.domain.token import Alert
from workflows.ports import GROUP_STOP_SIGNAL


async def reference_call(stage: Stage) -> None:
    """A new caller: each event when the one before has had its effect. Asks the call nothing: a query costs tasks."""
    world, key = stage.world, ("reference", 1)
    await stage.send("reference", event(STARTED))
    await until(lambda: key in world.saved and world.saved[key].memory.ticket)
    await stage.send("reference", event(ANSWERED))
    await until(lambda: world.saved[key].memory.popped_agents)
    await stage.send("reference", event(COMPLETED))
    await until(lambda: world.saved[key].memory.told)


async def shuffled_call(stage: Stage) -> None:
    """Every event three times, the end first."""
    for kind in (COMPLETED, ANSWERED, STARTED, STARTED, COMPLETED, ANSWERED, ANSWERED, STARTED, COMPLETED):
        await stage.play("shuffled", kind)
    await stage.until_told("shuffled")


async def transferred_call(stage: Stage) -> None:
    """Two agents, a CRM that is slow for the first, and a ticket that was found."""
    stage.world.add_ticket(requester=CALLER)
    crm = stage.world.hold("fetch_customer")
    await stage.play("transferred", STARTED, ANSWERED)
    await stage.until("transferred", shown())
    crm.set()
    await until(lambda: len(stage.world.pops) == 2)
    await stage.play("transferred", ANSWERED, agent=OTHER_AGENT)
    await stage.until("transferred", shown(OTHER_AGENT))
    await stage.play("transferred", COMPLETED)
    await stage.until_told("transferred")


async def corrected_call(stage: Stage) -> None:
    """Missed, as it seemed; answered, as was learned later."""
    await stage.play("corrected", COMPLETED)
    await stage.until("corrected", done(FINAL))
    await stage.play("corrected", ANSWERED)
    await stage.until("corrected", done("update_ticket-correct-1"))


async def followed_up_call(stage: Stage) -> None:
    """A ticket that closes in mid-call, a create that is refused once, an update of unknown outcome."""
    await stage.play("followed-up", STARTED)
    await stage.until("followed-up", has_ticket)
    await stage.play("followed-up", ANSWERED)
    await stage.until("followed-up", shown())
    stage.world.tickets[1001].written_by_agent(status="closed")
    stage.world.answers["create_ticket"] = ["refused"]
    await stage.play("followed-up", COMPLETED)
    await stage.until("followed-up", lambda s: s.ticket_origin == "follow_up")
    await stage.until_told("followed-up")


async def mended_group(stage: Stage) -> Group:
    """Calls that were refused and are taken again, one that is not known, and one that is stopped before its turn."""
    calls = ["group-1", "group-2"]
    await stuck(stage, calls)
    group = await begin(stage.client, "recorded", [*calls, "nobody", "group-1-again"], per_second=2)
    await until(lambda: len(stage.world.mends) == 2)
    await group.signal(GROUP_STOP_SIGNAL)
    return group


CALLS = (reference_call, shuffled_call, transferred_call, corrected_call, followed_up_call)


async def token_day(environment: WorkflowEnvironment, token: TokenStage) -> None:
    """A day of a token that lives four hours: a refusal, a 403, an outage and an alert on the way."""
    await token.start()
    await environment.sleep(timedelta(hours=5))
    await token.tell("refused", (await token.state()).version)
    await environment.sleep(timedelta(minutes=5))
    await token.tell("forbidden", (await token.state()).version)
    await environment.sleep(timedelta(minutes=5))
    await token.handle.signal("alert", Alert(kind="misconfigured", text="something"))
    await environment.sleep(timedelta(hours=19))
