"""uvicorn, asked to stop: pages that update by themselves would hold it up, so they are sent away first."""

import socket

import uvicorn

from api.watching import Watching


class Server(uvicorn.Server):
    """A server that ends streams as soon as it is asked to stop; whoever watches comes back to the next process."""

    def __init__(self, config: uvicorn.Config, watching: Watching) -> None:
        super().__init__(config)
        self._watching = watching

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop taking connections, and wait for what is being answered."""
        self._watching.stop()
        await super().shutdown(sockets)
