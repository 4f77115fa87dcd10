"""The terminal, the one way to it: every text is shown as it is.

Values, ids and messages of orgs stand in what commands print. None of it is markup, and none of it
reaches the terminal as a control: see `core.printable`. A style stands beside a text, never in it.
"""

from __future__ import annotations

from typing import IO, Any

import rich.console
from rich.text import Text

from dc_assets.core.printable import printable

UNWRAPPED_CHARS = 500
"""Wider than any line of ours."""


class Console(rich.console.Console):
    """A Rich console that reads no markup; each text that it is given is one line.

    What is piped or kept is read by programs: there no id is cut, and no line or row wraps.
    """

    def __init__(
        self,
        *,
        stderr: bool = False,
        soft_wrap: bool = False,
        file: IO[str] | None = None,
        width: int | None = None,
    ) -> None:
        super().__init__(
            stderr=stderr,
            soft_wrap=soft_wrap,
            file=file,
            width=width,
            markup=False,
            emoji=False,
            highlight=False,
        )
        if width is None and not self.is_terminal:
            self.width = UNWRAPPED_CHARS

    def print(self, *objects: Any, **how: Any) -> None:  # type: ignore[override]  # noqa: ANN401 - Rich's own options
        """Print a line; line ends before its first sign are empty lines above it."""
        first = objects[0] if objects else None
        if isinstance(first, str) and first.startswith("\n"):
            super().print()
            objects = (first.lstrip("\n"), *objects[1:])
        super().print(*objects, **how)

    def render_str(self, text: str, **how: Any) -> Text:  # type: ignore[override]  # noqa: ANN401 - Rich's own options
        """Return what every printed text and every cell of a table becomes."""
        how |= {"markup": False, "emoji": False, "highlight": False}
        return super().render_str(printable(text), **how)
