"""The interface for tests and demo, under `/_sim`: faults, journal, books, settings, seeds and calls to play."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, asdict, fields
from typing import Any, TypeVar

from fastapi import APIRouter, HTTPException, Request

from simulator.books import books, counts
from simulator.exchange import Document
from simulator.faults import Fault
from simulator.scripts import Play
from simulator.settings import changed
from simulator.telephony import Telephony
from simulator.tickets import Ticket
from simulator.world import World

_Built = TypeVar("_Built", Fault, Play)
_SEED = {"status", "custom_status", "external_id", "subject", "requester", "tags", "metadata", "via_followup_source_id"}


def control(world: World, telephony: Telephony) -> APIRouter:
    """All control addresses."""
    router = APIRouter(prefix="/_sim")
    _about_faults(router, world)
    _about_records(router, world, telephony)
    _about_settings(router, world)
    _about_tickets(router, world)
    _about_calls(router, world, telephony)
    return router


def _about_faults(router: APIRouter, world: World) -> None:
    @router.post("/faults", status_code=201)
    async def add_fault(request: Request) -> Document:
        return {"id": world.faults.add(_build(Fault, await _object(request), hidden=frozenset({"id", "hits"})))}

    @router.get("/faults")
    async def list_faults() -> Document:
        return {"faults": [fault.document() for fault in world.faults.all()]}

    @router.delete("/faults")
    async def clear_faults() -> Document:
        world.faults.clear()
        return {"status": "cleared"}

    @router.delete("/faults/{fault_id}")
    async def remove_fault(fault_id: int) -> Document:
        if not world.faults.remove(fault_id):
            raise HTTPException(404, "no such fault")
        return {"status": "removed"}


def _about_records(router: APIRouter, world: World, telephony: Telephony) -> None:
    @router.get("/journal")
    async def journal(kind: str | None = None) -> Document:
        return {"requests": [entry.document() for entry in world.journal.of_kind(kind)]}

    @router.delete("/journal")
    async def clear_journal() -> Document:
        world.journal.clear()
        return {"status": "cleared"}

    @router.get("/books")
    async def whole_books() -> Document:
        return books(world)

    @router.get("/counts")
    async def only_counts() -> Document:
        return counts(world)

    @router.post("/reset")
    async def reset() -> Document:
        await telephony.stop()
        world.reset()
        return {"status": "reset"}


def _about_settings(router: APIRouter, world: World) -> None:
    @router.get("/settings")
    async def settings() -> Document:
        return asdict(world.settings)

    @router.patch("/settings")
    async def change_settings(request: Request) -> Document:
        try:
            world.put_settings(changed(world.settings, await _object(request)))
        except (TypeError, ValueError) as error:
            raise HTTPException(422, str(error)) from None
        return asdict(world.settings)

    @router.post("/tokens/revoke")
    async def revoke() -> Document:
        return {"revoked": world.tokens.revoke_all()}

    @router.put("/customers")
    async def put_customer(request: Request) -> Document:
        given = await _object(request)
        if not (given.get("email") or given.get("phone")) or not isinstance(given.get("properties"), dict):
            raise HTTPException(422, "give email or phone, and properties")
        _refuse_unknown(given, {"email", "phone", "properties"})
        world.crm.put(given.get("email"), given.get("phone"), given["properties"])
        return {"customer": given["properties"]}


def _about_tickets(router: APIRouter, world: World) -> None:
    @router.post("/tickets", status_code=201)
    async def seed(request: Request) -> Document:
        given = await _object(request)
        _refuse_unknown(given, _SEED | {"comment", "age_s"})
        comment, age_s = given.pop("comment", None), float(given.pop("age_s", 0))
        return {"ticket": world.tickets.add({"status": "open", **given}, comment, age_s).whole()}

    @router.get("/tickets/{ticket_id}")
    async def show(ticket_id: int) -> Document:
        return {"ticket": _ticket(world, ticket_id).whole()}

    @router.patch("/tickets/{ticket_id}")
    async def agent_changes(ticket_id: int, request: Request) -> Document:
        given = await _object(request)
        _refuse_unknown(given, _SEED | {"comment"})
        ticket = _ticket(world, ticket_id)
        world.tickets.change(ticket, given, given.pop("comment", None), by="agent")
        return {"ticket": ticket.whole()}

    @router.delete("/tickets/{ticket_id}")
    async def delete(ticket_id: int) -> Document:
        if not world.tickets.delete(ticket_id):
            raise HTTPException(404, "no such ticket")
        return {"status": "deleted"}


def _about_calls(router: APIRouter, world: World, telephony: Telephony) -> None:
    @router.post("/calls", status_code=202)
    async def play(request: Request) -> Document:
        return {"call_ids": telephony.play(_build(Play, await _object(request)))}

    @router.get("/calls")
    async def list_calls() -> Document:
        return {"calls": [call.whole() for call in world.calls.all()]}

    @router.get("/calls/{call_id:path}")
    async def show_call(call_id: str) -> Document:
        call = world.calls.get(call_id)
        if call is None:
            raise HTTPException(404, "no such call")
        return {"call": call.whole()}


def _ticket(world: World, ticket_id: int) -> Ticket:
    ticket = world.tickets.get(ticket_id)
    if ticket is None:
        raise HTTPException(404, "no such ticket")
    return ticket


async def _object(request: Request) -> Document:
    try:
        given = await request.json()
    except ValueError:
        raise HTTPException(400, "the body is not JSON") from None
    if not isinstance(given, dict):
        raise HTTPException(422, "the body must be a JSON object")
    return given


def _refuse_unknown(given: Mapping[str, Any], known: set[str]) -> None:
    unknown = sorted(set(given) - known)
    if unknown:
        # A typing error in a test must not pass for a test.
        raise HTTPException(422, f"unknown field: {', '.join(unknown)}")


def _build(wanted: type[_Built], given: Document, hidden: frozenset[str] = frozenset()) -> _Built:
    """A dataclass from JSON, refusing what it does not know or lacks."""
    all_fields = fields(wanted)
    _refuse_unknown(given, {each.name for each in all_fields} - hidden)
    for each in all_fields:
        if each.default is MISSING and each.default_factory is MISSING and each.name not in given:
            raise HTTPException(422, f"{each.name} is required")
    try:
        return wanted(**given)
    except (TypeError, ValueError) as error:
        raise HTTPException(422, str(error)) from None
