"""What a worker refuses to start with, before it has sent anything to Temporal or Zendesk."""

import base64
import os
import socket

import pytest

from tests.e2e.stack import Stack


@pytest.mark.parametrize("key_id", ["another", "same"])
def test_a_stray_key_ends_the_start(stack: Stack, key_id: str) -> None:
    """A worker that cannot read the database ends in one sentence, and the token workflow never hears of it."""
    if key_id == "same":
        key_id = stack.key.partition(":")[0]
    worker = stack.start_worker(ENCRYPTION_KEYS=f"{key_id}:{base64.b64encode(os.urandom(32)).decode()}")
    assert worker.wait() == 1
    log = stack.log("worker-1")
    assert "The worker does not start: ENCRYPTION_KEYS cannot read the identity key in the database: " in log
    assert "Traceback" not in log
    assert stack.counts() == {}

    stack.workers.clear()
    stack.start_worker()
    stack.until_log("worker-1", "worker serves")


def test_a_taken_metrics_port_ends_the_start(stack: Stack) -> None:
    """One sentence names the setting."""
    with socket.create_server(("0.0.0.0", 0)) as taken:  # where the worker would listen
        port = taken.getsockname()[1]
        worker = stack.start_worker(METRICS_PORT=str(port))
        assert worker.wait() == 1
    log = stack.log("worker-1")
    assert f"The worker does not start: METRICS_PORT {port} cannot be used: " in log
    assert "Traceback" not in log


def test_an_unknown_namespace_ends_the_start(stack: Stack) -> None:
    """One sentence names the setting and the command that makes a namespace."""
    worker = stack.start_worker(TEMPORAL_NAMESPACE="nowhere")
    assert worker.wait() == 1
    log = stack.log("worker-1")
    assert "The worker does not start: Temporal has no namespace nowhere (TEMPORAL_NAMESPACE)" in log
    assert "talkbridge setup" in log
    assert "Traceback" not in log
