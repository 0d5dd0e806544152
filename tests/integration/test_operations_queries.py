"""The queries `docs/operations.md` gives are ones that a Temporal server takes."""

import re
from pathlib import Path

import pytest
from temporalio.client import Client

from cli.servers.temporal import TemporalServer
from cli.setup import setup
from workflows.connection import Keyring

PAGE = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
QUERIES = re.findall(r"^\| [^|]+ \| `(Workflow[^`]+)` \|$", PAGE, re.MULTILINE)


@pytest.mark.parametrize("query", QUERIES)
async def test_a_saved_query_can_be_asked(temporal_server: TemporalServer, database_url: str, query: str) -> None:
    """On a namespace as `talkbridge setup` leaves it."""
    client = await Client.connect(temporal_server.address)
    await setup(database_url, Keyring({"k1": bytes(32)}), client)
    assert (await client.count_workflows(query)).count >= 0
