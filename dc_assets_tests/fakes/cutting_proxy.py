"""A way to a PostgreSQL server that cuts a connection, or falls silent for a while."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import Literal

COMMIT = b"COMMIT\0"
"""How psycopg2 ends a transaction: a simple query."""

Where = Literal["before", "after"]


class CuttingProxy:
    """Hands bytes on between clients on 127.0.0.1 and a server on a Unix socket.

    Attributes:
        cuts: where the next connections are cut that end a transaction: ``before`` the server
            hears of it, or ``after`` it has answered, which the client never hears.
        done: how many it has cut.
        flows: while it is not set, what either side says waits on the way, as in a network that
            is cut without a word.
    """

    def __init__(self, server: str) -> None:
        self.cuts: list[Where] = []
        self.done = 0
        self.flows = threading.Event()
        self.flows.set()
        self._server = server
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def port(self) -> int:
        """The port that clients connect to."""
        return int(self._listener.getsockname()[1])

    def close(self) -> None:
        """Take no more clients."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        server = socket.socket(socket.AF_UNIX)
        server.connect(self._server)
        is_cut = threading.Event()
        threading.Thread(target=self._answers, args=(server, client, is_cut), daemon=True).start()
        with suppress(OSError):
            while asked := client.recv(65_536):
                self.flows.wait()
                if self.cuts and asked.endswith(COMMIT):
                    where = self.cuts.pop(0)
                    is_cut.set()
                    self.done += 1
                    if where == "after":
                        server.sendall(asked)
                        continue  # the answer ends the connection
                    break
                server.sendall(asked)
        _end(server, client)

    def _answers(
        self, server: socket.socket, client: socket.socket, is_cut: threading.Event
    ) -> None:
        with suppress(OSError):
            while (answer := server.recv(65_536)) and not is_cut.is_set():
                self.flows.wait()
                client.sendall(answer)
        _end(server, client)


def _end(*ends: socket.socket) -> None:
    for one in ends:
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        one.close()
