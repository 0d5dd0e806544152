"""Run as the gateway process instead of `python -m api`: the same gateway, that can be killed at the named points."""

from api import __main__ as process
from api import webhooks
from api.gateway import Gateway
from api.schemas import Received
from tests.reliability.kills.points import GATEWAY
from tests.reliability.kills.trigger import here, put_in
from workflows.connection import leave


def install() -> None:
    """Put the points into the gateway that this process is about to be."""
    for patch in GATEWAY:
        put_in(patch)
    signal = webhooks._signal

    async def named(gateway: Gateway, received: Received) -> None:
        here.set((received.call_id, received.event.type))
        await signal(gateway, received)

    webhooks._signal = named


if __name__ == "__main__":
    install()
    leave(process.main())
