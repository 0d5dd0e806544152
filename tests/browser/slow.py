"""A line on which every word takes its time, between a browser and a gateway."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

from tests.reliability.chaos.proxy import Proxy, Trouble


@contextmanager
def slow_line(port: int, latency_s: float) -> Iterator[str]:
    """The address of a gateway of this machine at the other end of such a line."""
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever, daemon=True)
    thread.start()
    proxy = Proxy(lambda: ("127.0.0.1", port))

    async def begin() -> None:
        await proxy.start()
        proxy.harm(Trouble.LATENCY, latency_s=latency_s)

    try:
        asyncio.run_coroutine_threadsafe(begin(), loop).result(10)
        yield f"http://{proxy.address}"
        asyncio.run_coroutine_threadsafe(proxy.stop(), loop).result(10)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
