"""Temporal's development server, running on loopback."""

import asyncio
import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Self

from temporalio.client import Client
from temporalio.service import RPCError

from cli.servers.child import Child, environment_without, free_port
from cli.servers.folder import Folder
from cli.servers.progress import say
from cli.servers.server import Server
from cli.servers.temporal_binary import find

START_LIMIT_S = 30


class TemporalServer(Server):
    """A Temporal development server of our own, or the one that TEMPORAL_ADDRESS names.

    Has the namespace `default`, one partition a task queue (so that a rate holds), and no search attributes of ours:
    `talkbridge setup` registers those. In memory unless `db_filename` is given: then it comes back with what was in
    it. `own=True` never takes the one that TEMPORAL_ADDRESS names: for whoever wants to stop or kill it.
    """

    name = "Temporal"

    def __init__(
        self,
        *,
        db_filename: Path | None = None,
        ui: bool = False,
        port: int | None = None,
        own: bool = False,
        extra_args: Sequence[str] = (),
    ) -> None:
        """Only remember what is wanted; `start()` does the work."""
        super().__init__(None if own else os.environ.get("TEMPORAL_ADDRESS"), port)
        self._db_filename = db_filename
        self._binary = Path()
        self._ui_port: int | None = None
        self._ui = ui
        self._extra_args = extra_args

    @property
    def address(self) -> str:
        """`host:port` for clients. Only there once started."""
        if self._external is not None:
            return self._external
        assert self._port is not None, "start() comes first"
        return f"127.0.0.1:{self._port}"

    @property
    def ui_url(self) -> str | None:
        """Address of its web page; None when it has none, or is somebody else's."""
        return f"http://127.0.0.1:{self._ui_port}" if self._ui_port else None

    def start(self) -> Self:
        """Start it and wait until it serves. Raises ServerNotFound, ServerDidNotStart."""
        if self._external is not None:
            say(f"Temporal: the server at {self._external} (TEMPORAL_ADDRESS)")
            return self
        self._binary = find()
        if self._folder is None:
            self._folder = Folder()
        return self._run_until_it_serves()

    def _run(self) -> Child:
        assert self._folder is not None
        self._ui_port = (self._ui_port or free_port()) if self._ui else None
        folder = self._folder.path
        return Child(
            [str(self._binary), *self._arguments()],
            log=folder / "temporal.log",
            env=environment_without("TEMPORAL_"),
            cwd=folder,
        )

    def _serves(self, child: Child) -> bool:
        # The SDK's client needs a loop of its own: the caller may be inside one.
        with ThreadPoolExecutor(max_workers=1) as thread:
            return thread.submit(asyncio.run, _answers(self.address, child)).result()

    def _arguments(self) -> list[str]:
        arguments = ["server", "start-dev", "--ip", "127.0.0.1", "--port", str(self._port), "--namespace", "default"]
        arguments += ["--log-level", "error"]
        arguments += ["--ui-port", str(self._ui_port)] if self._ui_port else ["--headless"]
        # The rate of a task queue is divided among its partitions; with four of them, a low rate is not reached.
        for kind in ("Read", "Write"):
            arguments += ["--dynamic-config-value", f"matching.numTaskqueue{kind}Partitions=1"]
        if self._db_filename is not None:
            arguments += ["--db-filename", str(self._db_filename.absolute())]
        return [*arguments, *self._extra_args]


async def _answers(address: str, child: Child) -> bool:
    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline and child.running:
        try:
            client = await Client.connect(address)
            # The namespace is the last thing that becomes usable.
            await client.count_workflows(rpc_timeout=timedelta(seconds=2))
        except (RuntimeError, RPCError):
            await asyncio.sleep(0.05)
        else:
            # Another server may have taken the port: then ours has ended.
            return child.running
    return False
