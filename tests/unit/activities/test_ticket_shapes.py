"""A ticket in the call's words becomes a request the vendor can take."""

import pytest

from activities.ticket_shapes import create_request
from workflows.domain.ticket import NewTicket


@pytest.mark.parametrize("plain", [False, True])
def test_a_long_name_does_not_keep_a_call_from_its_ticket(plain: bool) -> None:
    """The gateway lets 256 characters through, a requester's name takes 255."""
    ticket = NewTicket(subject="s", comment="c", requester_name="x" * 256, external_id="c-1", plain=plain)
    body = create_request(ticket, "key").body
    assert body is not None
    assert body["ticket"]["requester"]["name"] == "x" * 255
