"""Creating, reading and updating tickets as strictly as the contract."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from simulator.settings import changed

if TYPE_CHECKING:
    from tests.unit.simulator.conftest import Client


def test_a_created_ticket_can_be_read(client: Client) -> None:
    """A create answers 201 with a ticket from number 1001 on; it reads the same by id and by external id."""
    created = client.create()
    ticket = created.body["ticket"]
    assert (created.status, ticket["id"], ticket["custom_status"]) == (201, 1001, "In-Call")
    assert ticket["updated_at"] == "2023-11-14T22:13:20Z"
    assert client.ask("GET", "/api/v2/tickets/1001").body == {"ticket": ticket}
    assert client.ask("GET", "/api/v2/tickets", query="external_id=c-1").body["tickets"] == [ticket]
    assert client.ask("GET", "/api/v2/tickets", query="external_id=c-2").body["tickets"] == []


@pytest.mark.parametrize("path", ["/api/v2/tickets/1001", "/api/v2/tickets/x", "/api/v2/tickets/1001/comments"])
def test_an_unknown_ticket_is_404(client: Client, path: str) -> None:
    """A ticket that does not exist is Zendesk's RecordNotFound."""
    answer = client.ask("GET", path)
    assert (answer.status, answer.body["error"]) == (404, "RecordNotFound")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"colour": "red"}, "ticket.colour"),
        ({"status": "opened"}, "ticket.status"),
        ({"custom_status": "In call"}, "ticket.custom_status"),
        ({"comment": {"body": ""}}, "ticket.comment.body"),
        ({"comment": {"body": "x", "html": "x"}}, "ticket.comment.html"),
        ({"requester": {"email": "user@example.com"}}, "ticket.requester.name"),
        ({"metadata": {"call": {"colour": "red"}}}, "ticket.metadata.call.colour"),
        ({"tags": "one"}, "ticket.tags"),
        ({"subject": None}, "ticket.subject"),
        ({"via_followup_source_id": 1}, "via_followup_source_id"),
    ],
)
def test_a_wrong_create_names_the_field(client: Client, changes: dict[str, Any], field: str) -> None:
    """An unknown or unfit field is 422 RecordInvalid with a description under the field's name; no ticket is made."""
    answer = client.create(**changes)
    assert (answer.status, answer.body["error"], list(answer.body["details"])) == (422, "RecordInvalid", [field])
    assert answer.body["details"][field][0]["description"]
    assert client.world.tickets.all() == []


def test_only_json_is_read(client: Client) -> None:
    """A body of another content type is 415; one that is no JSON is 400."""
    key = {"idempotency-key": "k"}
    other = {**key, "content-type": "text/plain"}
    assert client.ask("POST", "/api/v2/tickets", {}, headers=other).status == 415
    assert client.ask("POST", "/api/v2/tickets", headers={**key, "content-type": "application/json"}).status == 400


def test_a_replayed_key_makes_no_second_ticket(client: Client) -> None:
    """The same key and body answer the first answer with `hit`, also after the ticket has changed."""
    first = client.create()
    client.update(1001, status="pending")
    again = client.create()
    assert (first.headers["x-idempotency-lookup"], again.headers["x-idempotency-lookup"]) == ("miss", "hit")
    assert (again.status, again.body, again.acted) == (201, first.body, False)
    assert len(client.world.tickets.all()) == 1


def test_a_key_stands_for_one_body(client: Client) -> None:
    """A create without a key, or under a key used with another body, is 400."""
    client.create()
    assert client.create(subject="Another").status == 400
    assert client.create(key="").status == 400


def test_a_key_is_forgotten_after_two_hours(client: Client) -> None:
    """A key that is over two hours old makes a new ticket."""
    client.create()
    client.now += 7200
    client.sign_in()
    assert client.create().body["ticket"]["id"] == 1002


def test_a_refused_create_does_not_use_up_its_key(client: Client) -> None:
    """A key under which a create was refused serves another body."""
    assert client.create(status="nonsense").status == 422
    assert client.create().status == 201


def test_a_follow_up_needs_a_closed_ticket(client: Client) -> None:
    """A follow-up is made of a closed ticket and of no other."""
    client.create()
    assert client.create("k-2", via_followup_source_id=1001).status == 422
    client.update(1001, status="closed")
    assert client.create("k-2", via_followup_source_id=1001).body["ticket"]["via_followup_source_id"] == 1001


def test_a_closed_ticket_takes_no_update(client: Client) -> None:
    """An update of a closed ticket is 422 in Zendesk's words and leaves it as it is."""
    client.create()
    client.update(1001, status="closed")
    answer = client.update(1001, comment={"body": "late", "public": False})
    assert answer.status == 422
    assert answer.body["details"] == {"status": [{"description": "closed prevents ticket update"}]}
    assert [len(ticket.comments) for ticket in client.world.tickets.all()] == [1]


def test_an_optimistic_update_needs_the_present_stamp(client: Client) -> None:
    """`safe_update` with the ticket's stamp works; with another it is 409; either without the other is 422."""
    stamp = client.create().body["ticket"]["updated_at"]
    client.now += 1
    updated = client.update(1001, status="pending", safe_update=True, updated_stamp=stamp)
    assert (updated.status, updated.body["ticket"]["updated_at"]) == (200, "2023-11-14T22:13:21Z")
    conflict = client.update(1001, status="open", safe_update=True, updated_stamp=stamp)
    assert (conflict.status, conflict.body["error"]) == (409, "UpdateConflict")
    assert client.update(1001, status="open", safe_update=True).status == 422
    assert client.update(1001, status="open", updated_stamp=stamp).status == 422
    assert client.update(1001, status="open", safe_update="true", updated_stamp=stamp).status == 422


def test_an_update_need_not_be_optimistic(client: Client) -> None:
    """Without `safe_update`, or with false, an update needs no stamp."""
    client.create()
    assert client.update(1001, status="pending").status == 200
    assert client.update(1001, status="open", safe_update=False, updated_stamp="of long ago").status == 200


def test_the_stamp_moves_only_when_something_changed(client: Client) -> None:
    """An update that changes nothing leaves the stamp, and is not counted as an act; a comment always counts."""
    stamp = client.create().body["ticket"]["updated_at"]
    client.now += 5
    same = client.update(1001, status="open", custom_status="In-Call")
    assert (same.body["ticket"]["updated_at"], same.acted) == (stamp, False)
    noted = client.update(1001, comment={"body": "note", "public": False})
    assert noted.acted
    assert noted.body["ticket"]["updated_at"] != stamp


def test_comments_come_in_pages(client: Client) -> None:
    """Comments are listed oldest first; what exceeds a page is announced by `next_page`."""
    client.world.settings = changed(client.world.settings, {"comments_page_size": 2})
    client.create()
    for number in range(2):
        client.update(1001, comment={"body": f"note {number}", "public": False})
    first = client.ask("GET", "/api/v2/tickets/1001/comments").body
    assert [set(comment) for comment in first["comments"]] == [{"id", "body", "public"}] * 2
    assert (first["count"], first["next_page"]) == (3, "/api/v2/tickets/1001/comments?page=2")
    second = client.ask("GET", "/api/v2/tickets/1001/comments", query="page=2").body
    assert ([comment["body"] for comment in second["comments"]], second["next_page"]) == (["note 1"], None)
