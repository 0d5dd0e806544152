"""A webhook that somebody pasted, explained by the functions that would take it; nothing is sent, kept or logged."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from api import problems
from api.checks.finding import Finding, fails, ok, skipped
from api.gateway import Gateway
from api.problems import Problem
from api.schemas import Ignored, Received
from api.signature import Verdict, verify
from api.webhooks import MAX_BODY_BYTES, translate
from workflows.domain.customer import mask_text, masked
from workflows.domain.events import CallEvent
from workflows.domain.ticket import iso
from workflows.ports import call_workflow_id

ASK_S = 2.0
_ALIKE = "give the telephony platform one of WEBHOOK_SECRETS, or set here what it signs with"
_HIDDEN = "given; not shown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pasted:
    """A body and, where they were given, its signature and the signature's timestamp."""

    body: bytes
    signature: bytes | None
    timestamp: bytes | None

    def variants(self) -> Iterator[bytes]:
        """The body, and what it may have been: a form makes every line end CRLF, and pasting adds one at the end."""
        unix = self.body.replace(b"\r\n", b"\n")
        yield from dict.fromkeys((self.body, unix, unix.rstrip(b"\n"), unix.strip()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """`answer`: status and meaning of what the webhook would be answered. Customer data is masked."""

    signature: Finding
    answer: str
    taken: bool
    happens: str
    errors: Sequence[tuple[str, str]] = ()
    fields: Sequence[tuple[str, str]] = ()
    warnings: Sequence[str] = ()
    call_id: str | None = None


def check_signature(
    secrets: Sequence[bytes], pasted: Pasted, now: datetime, tolerance_s: int
) -> tuple[Finding, Verdict | None]:
    """Whether it would be taken for genuine now, and which secret fits; None where there is nothing to check."""
    if not pasted.signature and not pasted.timestamp:
        return skipped("signature", "neither signature nor timestamp was given: nothing was checked"), None
    for number, secret in enumerate(secrets, start=1):
        for body in pasted.variants():
            verdict = verify(
                [secret],
                signature=pasted.signature,
                timestamp=pasted.timestamp,
                body=body,
                now=now,
                tolerance_s=tolerance_s,
            )
            if verdict is Verdict.GENUINE:
                return ok("signature", f"it is right: secret {number} of {len(secrets)} made it"), verdict
            if verdict is Verdict.TOO_OLD:
                return _too_old(number, len(secrets), tolerance_s), verdict
    return _wrong(pasted, len(secrets))


def _too_old(number: int, count: int, tolerance_s: int) -> Finding:
    text = (
        f"secret {number} of {count} made it, but its timestamp is more than {tolerance_s} s from now, or is no moment"
    )
    mend = "nothing, if it was taken when it was sent; else a clock is wrong, or something holds webhooks back"
    return fails("signature", text, mend=mend)


def _wrong(pasted: Pasted, count: int) -> tuple[Finding, Verdict]:
    if not pasted.signature or not pasted.timestamp:
        gone = "timestamp" if pasted.signature else "signature"
        mend = "send both headers; here, paste both"
        return fails("signature", f"the {gone} is missing", mend=mend), Verdict.MISSING
    text = "no secret made it" if count == 1 else f"none of the {count} secrets made it"
    mend = f"{_ALIKE}; and paste the body byte for byte: a changed blank changes the signature"
    return fails("signature", f"{text} for this body and this timestamp", mend=mend), Verdict.WRONG


async def explain(pasted: Pasted, gateway: Gateway) -> Explained:
    """What this gateway would make of it, asking Temporal only whether it knows the call."""
    now, settings = gateway.now(), gateway.settings
    signature, verdict = check_signature(settings.secrets, pasted, now, settings.webhook_tolerance_s)
    refused = verdict not in (None, Verdict.GENUINE)
    try:
        received = _translate(pasted.body, now, settings.phone_region)
    except Problem as problem:
        return _unusable(signature, problem, refused=refused)
    if isinstance(received, Ignored):
        kind = mask_text(received.type, 80)
        told = f"The event type “{kind}” is not handled: it is counted, and nothing else happens."
        return _explained(signature, "200 ignored", told, refused=refused)
    answer, happens = await _would(gateway, received)
    return _explained(signature, answer, happens, refused=refused, received=received)


def _translate(body: bytes, now: datetime, region: str | None) -> Received | Ignored:
    if len(body) > MAX_BODY_BYTES:
        raise Problem(problems.BODY_TOO_LARGE, f"at most {MAX_BODY_BYTES} bytes are read")
    return translate(body, now, region)


def _unusable(signature: Finding, problem: Problem, *, refused: bool) -> Explained:
    found = problem.members.get("errors")
    errors = [(each["field"], each["problem"]) for each in found] if isinstance(found, list) else []
    told = f"{problem.kind.title}{f': {problem.detail}' if problem.detail else ''}."
    kind = problems.SIGNATURE_REFUSED if refused else problem.kind
    return Explained(signature=signature, answer=_refusal(kind), taken=False, happens=told, errors=errors)


def _explained(
    signature: Finding, answer: str, happens: str, *, refused: bool, received: Received | None = None
) -> Explained:
    if refused:
        answer, happens = _refusal(problems.SIGNATURE_REFUSED), f"Nothing. With a right signature: {answer}. {happens}"
    return Explained(
        signature=signature,
        answer=answer,
        taken=not refused and answer.startswith("2"),
        happens=happens,
        fields=list(_fields(received)) if received else (),
        warnings=received.event.warnings if received else (),
        call_id=received.call_id if received else None,
    )


def _refusal(kind: problems.Kind) -> str:
    return f"{kind.status} {kind.name}"


async def _would(gateway: Gateway, received: Received) -> tuple[str, str]:
    """Answer and consequence of a genuine webhook, in the order in which the endpoint decides."""
    call_id = received.call_id
    if gateway.keys.misfit is not None:
        return _refusal(
            problems.NOT_READY
        ), "ENCRYPTION_KEYS do not fit the database: no webhook is taken until they do."
    if gateway.recent.acknowledged(call_id, received.event.key, gateway.steady()):
        return "200 already_processed", "This gateway has acknowledged this very event within the last hour."
    known = await _known(gateway.temporal, call_id)
    if known is RPCStatusCode.NOT_FOUND:
        return "202 accepted", f"It begins call {call_id}: Temporal does not know it yet."
    if isinstance(known, RPCStatusCode):
        return _refusal(
            problems.TEMPORAL_UNAVAILABLE
        ), "Temporal does not answer, so the sender would be asked to repeat it."
    if known is WorkflowExecutionStatus.RUNNING:
        return "202 accepted", f"Call {call_id} is there: it is told of this event, once however often it is sent."
    return "200 already_processed", f"Call {call_id} is closed: nothing happens."


async def _known(client: Client, call_id: str) -> WorkflowExecutionStatus | RPCStatusCode | None:
    try:
        handle = client.get_workflow_handle(call_workflow_id(call_id))
        return (await handle.describe(rpc_timeout=timedelta(seconds=ASK_S))).status
    except RPCError as error:
        return error.status
    except (RuntimeError, TimeoutError):
        return RPCStatusCode.UNAVAILABLE


def _fields(received: Received) -> Iterator[tuple[str, str]]:
    """The event as it was understood; what is absent is left out, what may be a customer's is masked."""
    for name, value in _every_field(received.call_id, received.event):
        if value is not None:
            yield name, str(value)


def _every_field(call_id: str, event: CallEvent) -> Iterator[tuple[str, object]]:
    shown = masked(event.customer)
    yield "Event", event.type
    yield "Call", call_id
    yield "Event id", event.event_id and mask_text(event.event_id)
    yield "Happened", iso(event.occurred_at)
    yield "Customer’s email", shown.email
    yield "Customer’s number", shown.phone
    yield "Customer’s name", _HIDDEN if event.customer.name else None
    yield "Agent", " ".join(part for part in (event.agent.name, event.agent.id) if part) if event.agent else None
    yield "Ticket", event.ticket_id
    for name, text in (
        ("Direction", event.direction),
        ("From line", event.from_line),
        ("To line", event.to_line),
        ("Queue", event.queue),
        ("Disposition", event.disposition),
    ):
        yield name, text and mask_text(text)
    yield "Duration", None if event.duration_s is None else f"{event.duration_s} s"
    yield "Recording", _HIDDEN if event.recording_url else None
    yield "Known again by", mask_text(event.key)
