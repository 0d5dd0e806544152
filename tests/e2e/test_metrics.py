"""What `docs/metrics.md` promises, a running gateway and worker expose; lines of a call's log name call and request."""

import json
import re

from cli.servers.child import free_port
from tests.e2e.stack import Stack, eventually
from tests.unit.test_observability import DOCUMENTED

RARE = {"talkbridge_outcomes_lost_total"}
"""Needs a ledger that dies between request and answer; `tests/unit/activities/test_meters.py` counts one."""


def exposed(text: str) -> dict[str, str]:
    """Names and types of our metrics."""
    return dict(re.findall(r"^# TYPE (talkbridge_\w+) (\w+)$", text, re.MULTILINE))


def value(text: str, name: str, **labels: str) -> float:
    """The sum of the samples with these labels."""
    wanted = [f'{label}="{each}"' for label, each in labels.items()]
    lines = [line for line in text.splitlines() if re.match(rf"{name}(\{{| )", line)]
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if all(each in line for each in wanted))


def test_every_documented_metric_is_there_after_a_call(stack: Stack) -> None:
    """And no other of ours; the fleet's figures are right while a call waits and when it is over."""
    port = free_port()
    stack.settings["LOG_FORMAT"] = "json"
    stack.start_gateway()
    stack.start_worker(METRICS_PORT=str(port))
    stack.until_log("worker-1", "worker serves")
    told = {"X-Rate-Limit": "700", "X-Rate-Limit-Remaining": "42", "Retry-After": "1"}
    stack.fault("search", "status", status=429, headers=told)
    stack.fault("patch_call", "status", status=422, times=2)
    stack.run_call("c-1")
    stack.run_call("c-2")
    stack.send("started", "c-2")
    assert stack.post({"event": "ticket.updated", "id": 1}).json() == {"status": "ignored"}

    def scrape(at: int) -> str:
        return stack.http.get(f"http://127.0.0.1:{at}/metrics").text

    eventually(lambda: "talkbridge_alerts" in scrape(port), lambda: stack.log("worker-1")[-2000:])
    gateway, worker = scrape(stack.gateway_port), scrape(port)
    assert exposed(gateway) | exposed(worker) == {name: kind for name, kind in DOCUMENTED.items() if name not in RARE}

    assert value(gateway, "talkbridge_webhooks_total", answer="accepted") == 6
    assert value(gateway, "talkbridge_signal_seconds_count") == 6
    assert value(gateway, "talkbridge_queue_pollers", queue="zendesk", kind="activity") >= 1
    assert 0 < value(gateway, "talkbridge_token_left_seconds") <= 3600
    assert value(worker, "talkbridge_vendor_requests_total", request="search_tickets", status="429") == 1
    assert value(worker, "talkbridge_steps_total", activity_type="search_tickets", result="RateLimited") == 1
    assert value(worker, "talkbridge_steps_total", activity_type="search_tickets", result="done") == 1
    assert value(worker, "talkbridge_zendesk_rate_remaining") == 42
    assert value(worker, "talkbridge_screen_pops_total", state="refused") == 1
    assert value(worker, "talkbridge_screen_pop_latency_count") == 1
    assert {'le="1750"', 'le="2000"', 'le="2250"'} <= set(re.findall(r'le="\d+"', worker))

    lines = [json.loads(line) for line in stack.log("worker-1").splitlines()]
    requests = [line for line in lines if line.get("action") == "vendor_request" and "call_id" in line]
    sent = [entry["request_id"] for entry in stack.journal()]
    of_calls = {request_id: request_id.split(".")[0] for request_id in sent if request_id.startswith("c-")}
    assert {line["request_id"]: line["call_id"] for line in requests} == of_calls
