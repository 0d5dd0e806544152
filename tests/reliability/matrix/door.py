"""The way from the product to the vendors: a TCP forwarder that can be shut, so that nobody listens any more."""

import select
import socket
import threading
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from tests.e2e.waiting import eventually

_LOOK_S = 0.05
_REST_S = 0.005


class Door:
    """Forwards connections to `url`; what is under way when it shuts still gets its answer, and then the end."""

    def __init__(self, url: str) -> None:
        target = urlsplit(url)
        self._target = (target.hostname, target.port)
        self._listener = _bound(0)
        self._port = int(self._listener.getsockname()[1])
        self._open = threading.Event()
        self._idle: set[socket.socket] = set()
        self._ended = False

    @property
    def url(self) -> str:
        """Where the product finds the vendors."""
        return f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ended = True
        self.shut()
        self._listener.close()

    def open(self) -> None:
        """Listen."""
        self._listener.listen(128)
        self._open.set()
        threading.Thread(target=self._accept, args=[self._listener], daemon=True).start()

    def shut(self) -> None:
        """Connections are refused from now on, and none is left to ask on; the port stays ours."""
        self._open.clear()
        # Closing alone would leave the thread in `accept` listening.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._listener = _bound(self._port)
        eventually(lambda: not self._idle)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._forward, args=[near], daemon=True).start()

    def _forward(self, near: socket.socket) -> None:
        with near, socket.create_connection(self._target) as far:
            try:
                self._pass_on(near, far)
            finally:
                near.close()
                self._idle.discard(near)

    def _pass_on(self, near: socket.socket, far: socket.socket) -> None:
        self._idle.add(near)
        while not self._ended:
            ready, _, _ = select.select([near, far], [], [], _LOOK_S)
            if not ready and near in self._idle and not self._open.is_set():
                return
            for one in ready:
                if not self._pass(one, near if one is far else far):
                    return
                (self._idle.discard if one is near else self._idle.add)(near)
            if far in ready and not self._open.is_set():
                # The rest of the answer; nobody is to ask anything more on this connection.
                while select.select([far], [], [], _REST_S)[0] and self._pass(far, near):
                    pass
                return

    def _pass(self, one: socket.socket, other: socket.socket) -> bool:
        """Bytes from one to the other; an end is passed on as it came, an orderly one or a reset."""
        try:
            data = one.recv(65536)
            other.sendall(data)
        except ConnectionResetError:
            _reset(other)
            return False
        except OSError:
            return False
        return bool(data)


def _reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")


def _bound(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    return listener
