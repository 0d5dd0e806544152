"""Everything at rest and everything printed, gathered in one folder: dump, histories, visibility, logs, metrics."""

import shutil
import subprocess
from pathlib import Path

import psycopg
from psycopg import sql
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError

from tests.e2e.stack import Stack


async def gather(stack: Stack, folder: Path) -> None:
    """Put all there is of this stack into the folder, which exists. Temporal is stopped at the end."""
    (folder / "database.sql").write_text(dump(stack))
    for name, raw in (await raw_workflows(stack.temporal.address)).items():
        (folder / f"temporal-{name}").write_bytes(raw)
    stack.temporal.stop()
    for path in [*stack.folder.glob("*.log"), *stack.folder.glob("temporal.db*"), *_servers_logs(stack)]:
        # The simulator's own log is the vendor's business.
        if not path.name.startswith("simulator"):
            shutil.copyfile(path, folder / path.name)


def dump(stack: Stack) -> str:
    """The database as `pg_dump` writes it, or every row as text where there is no `pg_dump`."""
    program = stack.postgres._bin / "pg_dump"
    if program.exists():
        return subprocess.run([program, stack.postgres.url], capture_output=True, text=True, check=True).stdout
    with psycopg.connect(stack.postgres.url) as connection:
        names = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        tables = [sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(name)) for (name,) in names]
        return "\n".join(row for table in tables for (row,) in connection.execute(table).fetchall())


async def raw_workflows(address: str) -> dict[str, bytes]:
    """Each workflow as Temporal keeps it, read without a codec: visibility, description, every event."""
    client = await Client.connect(address)
    found: dict[str, bytes] = {}
    async for workflow in client.list_workflows():
        number = len(found)
        found[f"{number}.visibility"] = workflow.raw_info.SerializeToString()
        handle = client.get_workflow_handle(workflow.id, run_id=workflow.run_id)
        found[f"{number}.description"] = await _described(handle)
        events = [event.SerializeToString() async for event in handle.fetch_history_events()]
        found[f"{number}.history"] = b"\n".join(events)
    return found


async def _described(handle: "WorkflowHandle[object, object]") -> bytes:
    """Pending activities with their last failures, memo, summary, search attributes."""
    try:
        return (await handle.describe()).raw_description.SerializeToString()
    except RPCError:
        return b""


def _servers_logs(stack: Stack) -> list[Path]:
    folders = [stack.postgres._folder, stack.temporal._folder]
    return [path for folder in folders if folder is not None for path in folder.path.glob("*.log")]


KINDS = (
    ("database.sql", "database dump"),
    ("temporal-", "histories, visibility and descriptions without the codec"),
    ("temporal.db", "Temporal's database file"),
    ("start-", "output of starts that fail"),
    ("gateway-", "output of gateways"),
    ("worker-", "output of workers"),
    ("metrics", "metrics"),
    ("answers", "answers of the gateway"),
    ("", "output of the servers"),
)
"""The beginnings of names, and what the files are; the first that fits counts."""


def kind_of(name: str) -> str:
    """What a gathered file is, in words."""
    return next(kind for beginning, kind in KINDS if name.removeprefix("name of ").startswith(beginning))


def made_folder(folder: Path) -> Path:
    """The folder, made."""
    folder.mkdir(parents=True)
    return folder
