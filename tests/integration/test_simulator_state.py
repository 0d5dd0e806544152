"""A simulator that is killed goes on from its state file, as a vendor would who was out of reach for a while."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

TOKEN = {
    "grant_type": "client_credentials",
    "client_id": "talkbridge",
    "client_secret": "simulator-secret",
    "scope": "talk:read_all tickets:read_all tickets:write",
}
TICKET = {
    "subject": "Call",
    "comment": {"body": "x [call c-1 · started]"},
    "requester": {"name": "A", "email": "a@b.c"},
}


class Vendor(httpx.Client):
    """A client of a simulator process."""

    numbers = itertools.count(1)
    token = "none"

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> httpx.Response:
        """One request with an id of its own."""
        own = {"X-Request-ID": f"s.{next(self.numbers)}", "Authorization": f"Bearer {self.token}"}
        return self.request(method, path, json=body, headers={**own, **headers})

    def create(self, key: str, subject: str = "Call") -> httpx.Response:
        """One ticket."""
        body = {"ticket": {**TICKET, "external_id": key, "subject": subject}}
        return self.ask("POST", "/api/v2/tickets", body, **{"Idempotency-Key": key})

    def told(self, path: str) -> dict[str, Any]:
        """What the control interface answers."""
        found: dict[str, Any] = self.get(f"/_sim{path}").json()
        return found


@contextmanager
def killed_at_the_end(state: Path, *flags: str) -> Iterator[Vendor]:
    """A simulator that goes on from this file, ended by `kill -9`."""
    command = [sys.executable, "-m", "simulator", "--port", "0", "--state", str(state), *flags]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = json.loads(process.stdout.readline())["url"]
            with Vendor(base_url=url, timeout=10, trust_env=False) as vendor:
                yield vendor
        finally:
            process.kill()


def test_everything_acted_upon_and_answered_outlives_the_process(tmp_path: Path) -> None:
    """Tickets, comments, keys, tokens, pops, customers, settings, request ids and journal are there after a kill."""
    with killed_at_the_end(tmp_path / "state") as vendor:
        token = vendor.token = vendor.ask("POST", "/api/v2/oauth/token", TOKEN).json()["access_token"]
        ticket = vendor.create("k-1").json()["ticket"]
        vendor.ask(
            "PUT", f"/api/v2/tickets/{ticket['id']}", {"ticket": {"status": "pending", "comment": {"body": "y"}}}
        )
        vendor.ask("PATCH", "/api/v2/talk/calls/c-1.json", {"call": {"custom_properties": {"a": "1"}}})
        vendor.put("/_sim/customers", json={"email": "a@b.c", "properties": {"tier": "gold"}})
        vendor.patch("/_sim/settings", json={"token_lifetime_s": 1800})
        vendor.post("/_sim/tickets", json={"subject": "seed", "external_id": "s-1"})
        vendor.delete(f"/_sim/tickets/{vendor.post('/_sim/tickets', json={'subject': 'gone'}).json()['ticket']['id']}")
        before = {path: vendor.told(path) for path in ("/books", "/journal", "/settings", "/counts")}
    with killed_at_the_end(tmp_path / "state") as vendor:
        assert {path: vendor.told(path) for path in before} == before
        assert before["/counts"]["marks"] == {"started": 1, "": 1}
        vendor.token = token
        again = vendor.create("k-1")
        assert (again.headers["x-idempotency-lookup"], again.json()["ticket"]["id"]) == ("hit", ticket["id"])
        assert vendor.create("k-1", "another wish").status_code == 400
        assert vendor.create("k-2").json()["ticket"]["id"] == ticket["id"] + 3
        found = vendor.ask("GET", '/api/v2/search/query.json?query=type:ticket status:open customer_email:"a@b.c"')
        assert ticket["id"] in [each["id"] for each in found.json()["results"]]
        customer = vendor.ask("GET", "/crm/customers?email=a@b.c", Authorization="Bearer crm-secret")
        assert customer.json() == {"customer": {"tier": "gold"}}
        assert vendor.ask("GET", "/api/v2/tickets/1", **{"X-Request-ID": "s.1"}).status_code == 400
        assert vendor.told("/journal")["requests"][-1]["n"] == len(before["/journal"]["requests"]) + 6


def test_what_was_acted_upon_without_an_answer_outlives_it_too(tmp_path: Path) -> None:
    """A request that is acted upon and never answered is in the next process' books; one that only hung is not."""
    with killed_at_the_end(tmp_path / "state") as vendor:
        vendor.token = vendor.ask("POST", "/api/v2/oauth/token", TOKEN).json()["access_token"]
        token = vendor.token
        for key, fault in (("k-1", "hang_after"), ("k-2", "hang")):
            vendor.post("/_sim/faults", json={"kind": "create_ticket", "fault": fault})
            vendor.timeout = httpx.Timeout(0.4)
            with pytest.raises(httpx.ReadTimeout):
                vendor.create(key)
            vendor.timeout = httpx.Timeout(10)
    with killed_at_the_end(tmp_path / "state") as vendor:
        requests = vendor.told("/journal")["requests"]
        assert [(each["fault"], each["acted"], each["status"]) for each in requests[1:]] == [
            ("hang_after", True, None),
            ("hang", False, None),
        ]
        vendor.token = token
        assert vendor.create("k-1").headers["x-idempotency-lookup"] == "hit"
        assert vendor.create("k-2").headers["x-idempotency-lookup"] == "miss"
        assert vendor.told("/counts")["tickets"] == 2


def test_a_torn_end_is_cut_off(tmp_path: Path) -> None:
    """A commit that was not written whole never happened; what follows it is kept."""
    file = tmp_path / "state"
    with killed_at_the_end(file) as vendor:
        vendor.post("/_sim/tickets", json={"subject": "whole"})
        whole = file.stat().st_size
        vendor.post("/_sim/tickets", json={"subject": "torn"})
    with file.open("r+b") as log:
        log.truncate(file.stat().st_size - 7)
    with killed_at_the_end(file) as vendor:
        assert file.stat().st_size == whole
        assert vendor.told("/counts")["tickets"] == 1
        vendor.post("/_sim/tickets", json={"subject": "next"})
    with killed_at_the_end(file) as vendor:
        assert [each["subject"] for each in vendor.told("/books")["tickets"]] == ["whole", "next"]
        vendor.post("/_sim/reset")
    with killed_at_the_end(file) as vendor:
        assert vendor.told("/counts")["tickets"] == 0
