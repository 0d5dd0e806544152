"""The account a call keeps of itself: for its query, the Temporal UI, the metrics and the ledger."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace

from temporalio import workflow
from temporalio.common import SearchAttributeKey

with workflow.unsafe.imports_passed_through():
    from workflows.domain.call import Attention, Call, CallState, Pop, PopState, ticket_step
    from workflows.domain.customer import masked
    from workflows.domain.events import CallEvent
    from workflows.domain.mend import foretold
    from workflows.domain.status import (
        AgentStatus,
        CallStatus,
        CauseStatus,
        CustomerStatus,
        EventStatus,
        PopStatus,
        SearchAttribute,
    )
    from workflows.domain.ticket import iso
    from workflows.ports import CallOpened, Ledger, Memory, SaveCall
    from workflows.requests import Requests

_CALL_STATE = SearchAttributeKey.for_keyword(SearchAttribute.CALL_STATE)
_TICKET_ID = SearchAttributeKey.for_keyword(SearchAttribute.TICKET_ID)
_AGENT_ID = SearchAttributeKey.for_keyword(SearchAttribute.AGENT_ID)
_NEEDS_ATTENTION = SearchAttributeKey.for_bool(SearchAttribute.NEEDS_ATTENTION)


class Account:
    """What a call tells about itself; writes nothing but search attributes, details, metrics and its ledger row."""

    def __init__(self, call: Call, requests: Requests) -> None:
        self._call = call
        self._requests = requests
        self._published: dict[str, str | bool] = {}
        self._saving: asyncio.Task[None] | None = None
        self._last_saved: SaveCall | None = None
        self._version = 0

    def status(self, *, kept: bool = False) -> CallStatus:
        """The call as of now, customer data masked; `kept`: for the ledger, where mends matter to the list of needs."""
        call, facts = self._call, self._call.facts
        shown, agent = masked(facts.customer), facts.agents[-1] if facts.agents else None
        return CallStatus(
            call_id=call.call_id,
            state=call.state,
            needs_attention=bool(call.attention),
            attention="; ".join(each.text for each in call.attention.values()) or None,
            causes=[_cause_status(subject, each) for subject, each in call.attention.items()],
            mends={} if kept and not call.attention else self._mends(),
            warnings=self._warnings(),
            ticket_id=call.ticket.id if call.ticket else None,
            ticket_origin=call.ticket.origin if call.ticket else None,
            customer=CustomerStatus(email=shown.email, phone=shown.phone),
            agent=AgentStatus(id=agent.id, name=agent.name) if agent else None,
            events=[_event_status(event) for event in call.events.values()],
            steps=[replace(step) for step in self._requests.steps],
            screen_pops=[_pop_status(pop) for pop in call.pops.values()],
            workflow_id=workflow.info().workflow_id,
            run_id=workflow.info().run_id,
        )

    def take_over(self, opened: CallOpened, *, as_it_stands: bool) -> None:
        """Go on from what an earlier run of this call had finished.

        `as_it_stands`: nothing has happened since the call was entered, so a new call's row needs no write.
        """
        call, memory = self._call, opened.memory
        call.generation = opened.generation
        if memory is None:
            self._last_saved = _without_steps(self._snapshot()) if as_it_stands else None
            return
        self._version = opened.version
        call.ticket, call.excluded, call.follows = memory.ticket, list(memory.excluded), memory.follows
        call.in_call_done, call.key_number = memory.in_call_done, memory.key_number
        call.told, call.told_at, call.corrections = memory.told, memory.told_at, memory.corrections
        call.popped_before = list(memory.popped_agents)
        call.left = list(memory.left)
        call.settle(workflow.now())

    def publish(self) -> None:
        """Search attributes that changed, and the details the Temporal UI shows beside the history."""
        call = self._call
        values: dict[SearchAttributeKey[str] | SearchAttributeKey[bool], str | bool] = {
            _CALL_STATE: str(call.state),
            _NEEDS_ATTENTION: bool(call.attention),
        }
        if call.ticket is not None:
            values[_TICKET_ID] = str(call.ticket.id)
        if (answer := call.facts.last_answer) is not None and answer.agent is not None and answer.agent.id:
            values[_AGENT_ID] = answer.agent.id
        changed = {key: value for key, value in values.items() if self._published.get(key.name) != value}
        if changed:
            workflow.upsert_search_attributes([key.value_set(value) for key, value in changed.items()])  # type: ignore[arg-type]
            self._published.update({key.name: value for key, value in changed.items()})
        workflow.set_current_details(self._details())

    @property
    def saved(self) -> bool:
        """Whether the ledger has the call as it stands."""
        return self._saving is None and self._last_saved == _without_steps(self._snapshot())

    def save(self) -> None:
        """Begin to write the call to the ledger, if it changed and no write is under way."""
        if self._saving is None and not self.saved:
            self._saving = asyncio.create_task(self._save())

    def count_event(self, event: CallEvent, *, new: bool) -> None:
        """Count a delivery; a late one apart from a repeated one."""
        kind = "repeated" if not new else "late" if self._call.told is not None else "first"
        workflow.metric_meter().create_counter("talkbridge_events", "Webhooks that reached their call").add(
            1, {"type": event.type, "delivery": kind}
        )

    def count_pops(self, pops: Iterable[Pop]) -> None:
        """Count screen pops that ended, and time those that were shown."""
        meter = workflow.metric_meter()
        for pop in pops:
            meter.create_counter("talkbridge_screen_pops", "Screen pops by end").add(1, {"state": str(pop.state)})
            if pop.state == PopState.SHOWN and pop.latency_ms is not None:
                meter.create_histogram(
                    "talkbridge_screen_pop_latency", "Webhook received to screen pop answered", "ms"
                ).record(pop.latency_ms)

    def count_outcome(self, outcome: CallState) -> None:
        """Count a call whose ticket was told how it ended."""
        counter = workflow.metric_meter().create_counter("talkbridge_calls", "Calls by outcome")
        counter.add(1, {"outcome": str(outcome)})

    async def _save(self) -> None:
        snapshot = self._snapshot()
        self._version += 1
        try:
            await self._requests.ledger(Ledger.save_call, replace(snapshot, version=self._version))
            self._last_saved = _without_steps(snapshot)
        finally:
            self._saving = None
            self._requests.changed()

    def _snapshot(self) -> SaveCall:
        call = self._call
        return SaveCall(
            call_id=call.call_id,
            generation=call.generation,
            version=0,
            status=self.status(kept=True),
            memory=self._memory(),
            customer=call.customer,
            pending=call.ticket is None and call.told is None,
            active=call.active,
            max_duration_s=call.policy.max_duration_s,
        )

    def _memory(self) -> Memory:
        call = self._call
        return Memory(
            ticket=call.ticket,
            excluded=list(call.excluded),
            follows=call.follows,
            in_call_done=call.in_call_done,
            told=call.told,
            told_at=call.told_at,
            corrections=call.corrections,
            key_number=call.key_number,
            left=list(call.left),
            popped_agents=call.popped_before + [key for key, pop in call.pops.items() if pop.state == PopState.SHOWN],
        )

    def _warnings(self) -> list[str]:
        call = self._call
        warnings = list(dict.fromkeys(text for event in call.events.values() for text in event.warnings))
        if call.overheard:
            warnings.append(f"{call.overheard} further events were not kept: one call keeps {len(call.events)}")
        if call.correction_abandoned:
            warnings.append("a late event would have corrected the ticket, but the ticket is gone or closed")
        return warnings

    def _mends(self) -> dict[str, str]:
        due = ticket_step(self._call, workflow.now())
        return {str(action): text for action, text in foretold(self._call, due)}

    def _details(self) -> str:
        call = self._call
        lines = [f"**{call.state.replace('_', ' ')}**"]
        if call.ticket is not None:
            lines.append(f"Ticket {call.ticket.id} ({call.ticket.origin.replace('_', ' ')})")
        lines += [f"Screen pop for {pop.agent.key}: {pop.state}" for pop in call.pops.values()]
        lines += [f"Needs attention: {each.text}" for each in call.attention.values()]
        return "\n\n".join(lines)


def _without_steps(command: SaveCall) -> SaveCall:
    """What is worth a write of its own: how far a request has come and what can be done are not, they go along."""
    status = replace(command.status, steps=[], mends={})
    return replace(command, status=status, memory=replace(command.memory, key_number=0))


def _event_status(event: CallEvent) -> EventStatus:
    return EventStatus(
        type=event.type,
        event_id=event.event_id,
        occurred_at=iso(event.occurred_at),
        received_at=iso(event.received_at),
    )


def _cause_status(subject: str, attention: Attention) -> CauseStatus:
    return CauseStatus(step=subject, cause=attention.cause, text=attention.text, since=iso(attention.since))


def _pop_status(pop: Pop) -> PopStatus:
    return PopStatus(agent_id=pop.agent.id, state=pop.state, latency_ms=pop.latency_ms, left_out=list(pop.left_out))
