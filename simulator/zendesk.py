"""Zendesk's ticket and search requests in the `guide` dialect, as strict as the contract."""

from __future__ import annotations

import re
from collections.abc import Collection

from simulator import shapes
from simulator.exchange import Answer, Asked, Document, RefusedError, json_body, not_found, record_invalid
from simulator.idempotency import IdempotencyKeys
from simulator.settings import Settings
from simulator.ticket_bodies import create_body, update_body
from simulator.tickets import Ticket, Tickets

_QUERY = re.compile(r'type:ticket status:open customer_(email|phone):"([^"]+)"')


class Zendesk:
    """One method per request; each acts at once or refuses, and never waits."""

    def __init__(self, tickets: Tickets, keys: IdempotencyKeys) -> None:
        self._tickets = tickets
        self._keys = keys

    def search(self, asked: Asked, settings: Settings) -> Answer:
        """Open tickets of one customer, as old as the index is."""
        _only_query(asked, ("query",))
        query = _QUERY.fullmatch(asked.query.get("query", ""))
        if query is None:
            raise record_invalid({"query": ["is not a search this account understands"]})
        results = self._tickets.search(query[1], query[2], settings.search_lag_s)
        return Answer(status=200, body={"results": results[:100], "count": len(results)})

    def find_by_external_id(self, asked: Asked, _: Settings) -> Answer:
        """Tickets by external id, without any lag."""
        _only_query(asked, ("external_id",))
        if not asked.query.get("external_id"):
            raise record_invalid({"external_id": ["is required"]})
        found = self._tickets.with_external_id(asked.query["external_id"])
        return Answer(status=200, body={"tickets": [ticket.document() for ticket in found], "count": len(found)})

    def read(self, asked: Asked, _: Settings) -> Answer:
        """One ticket."""
        _only_query(asked, ())
        return Answer(status=200, body={"ticket": self._ticket(asked).document()})

    def comments(self, asked: Asked, settings: Settings) -> Answer:
        """A page of a ticket's comments, oldest first."""
        _only_query(asked, ("page",))
        page = asked.query.get("page", "1")
        if not re.fullmatch(r"[1-9][0-9]{0,5}", page):
            raise record_invalid({"page": ["must be a positive integer"]})
        comments = self._ticket(asked).comments
        end = int(page) * settings.comments_page_size
        shown = comments[end - settings.comments_page_size : end]
        more = f"{asked.path}?page={int(page) + 1}" if end < len(comments) else None
        return Answer(status=200, body={"comments": shown, "count": len(comments), "next_page": more})

    def create(self, asked: Asked, settings: Settings) -> Answer:
        """A new ticket, or the one this key made before."""
        key = asked.idempotency_key
        if not key or len(key) > 255:
            raise RefusedError(400, "IdempotentRequestError", "The Idempotency-Key header is missing or too long.")
        raw = json_body(asked)
        earlier = self._keys.earlier(key, raw, settings.idempotency_ttl_s)
        if earlier is not None:
            return Answer(status=201, body=earlier, headers={"x-idempotency-lookup": "hit"})
        fields = dict(shapes.require(create_body(settings), raw)["ticket"])
        self._check_follow_up(fields)
        ticket = self._tickets.add(fields, fields.pop("comment"))
        answer = {"ticket": ticket.document()}
        self._keys.remember(key, raw, answer)
        headers = {"x-idempotency-lookup": "miss", "Location": f"/api/v2/tickets/{ticket.id}"}
        return Answer(status=201, body=answer, headers=headers, acted=True)

    def update(self, asked: Asked, settings: Settings) -> Answer:
        """Changes and one comment, all or nothing, optimistic when asked to be."""
        ticket = self._ticket(asked)
        fields = dict(shapes.require(update_body(settings), json_body(asked))["ticket"])
        if ticket.status == "closed":
            raise record_invalid({"status": ["closed prevents ticket update"]})
        _check_stamp(ticket, fields)
        acted = self._tickets.change(ticket, fields, fields.pop("comment", None), by=asked.request_id or "api")
        return Answer(status=200, body={"ticket": ticket.document()}, acted=acted)

    def _ticket(self, asked: Asked) -> Ticket:
        ticket_id = asked.ids[0]
        ticket = self._tickets.get(int(ticket_id)) if re.fullmatch(r"[0-9]{1,18}", ticket_id) else None
        if ticket is None:
            raise not_found()
        return ticket

    def _check_follow_up(self, fields: Document) -> None:
        source_id = fields.get("via_followup_source_id")
        if source_id is None:
            return
        source = self._tickets.get(source_id)
        if source is None or source.status != "closed":
            raise record_invalid({"via_followup_source_id": ["is not a closed ticket"]})


def _check_stamp(ticket: Ticket, fields: Document) -> None:
    safe, seen = fields.pop("safe_update", None), fields.pop("updated_stamp", None)
    if safe is None and seen is not None:
        # A stamp alone protects nothing: whoever sends one has forgotten the other.
        raise record_invalid({"safe_update": ["is required with updated_stamp"]})
    if safe and seen is None:
        raise record_invalid({"updated_stamp": ["is required when safe_update is true"]})
    if safe and seen != ticket.updated_at:
        raise RefusedError(409, "UpdateConflict", "Safe Update prevented the update due to outdated ticket data.")


def _only_query(asked: Asked, known: Collection[str]) -> None:
    unknown = sorted(set(asked.query) - set(known))
    if unknown:
        raise record_invalid({name: ["is not a known parameter"] for name in unknown})
