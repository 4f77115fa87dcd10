"""What a command says while Dagster's webserver is away, and how long it bears that."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from dc_assets.cli.connections import FOLLOWS_S
from dc_assets.cli.console import Console
from dc_assets.core.durations import duration_text
from dc_assets.core.errors import DcError, RemoteError
from dc_assets.core.errors import TransientRemoteError as NotReplayed
from dc_assets.ledger.clock import SystemClock
from dc_assets.wiring.dagster_api import NoWebserver, Webserver

T = TypeVar("T")


class Silence:
    """Bears a webserver that is away for a while, as when it is started anew."""

    def __init__(self, webserver: Webserver, console: Console, clock: SystemClock) -> None:
        """Talk of one webserver."""
        self._webserver = webserver
        self._console = console
        self._clock = clock
        self._since_s: float | None = None

    def bear(self, ask: Callable[[], T]) -> T | None:
        """Ask once; return None while nobody answers.

        Raises:
            RemoteError: nobody has answered for long.
        """
        try:
            answer = ask()
        except (NoWebserver, NotReplayed) as error:
            self._wait_on(error)
            return None
        if self._since_s is not None:
            self._since_s = None
            self._console.print(f"Dagster at {self._webserver.url} answers again.")
        return answer

    def _wait_on(self, error: DcError) -> None:
        now_s = self._clock.now_s()
        borne = duration_text(FOLLOWS_S)
        if self._since_s is None:
            self._since_s = now_s
            self._console.print(
                f"Dagster at {self._webserver.url} does not answer. What was launched continues "
                f"without it; this command asks again for {borne}.",
                style="yellow",
                soft_wrap=True,
            )
        elif now_s - self._since_s > FOLLOWS_S:
            raise RemoteError(
                f"Dagster at {self._webserver.url} has not answered for {borne}, the last "
                f"word was: {error} What was launched may continue: dc-assets status tells."
            ) from error
