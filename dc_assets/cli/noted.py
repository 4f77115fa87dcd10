"""Events of a run on stderr: what a command answers on stdout stays whole."""

from __future__ import annotations

import logging
import sys

from dc_assets.core.run_events import Note
from dc_assets.wiring.event_log import JsonLines, noted_in
from dc_assets.wiring.settings import read_settings


class _Terminal(logging.Handler):
    """Writes to what stderr is at the moment: a progress display puts itself in its place."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print one line; `click.echo` would go past the display and into its line."""
        print(self.format(record), file=sys.stderr)


def noted_on_stderr() -> Note:
    """Return what writes events to stderr, as sentences or as lines of JSON.

    Made before a progress display is: JSON goes past it, to where stderr leads.
    """
    logger = logging.getLogger("dc_assets.events")
    logger.propagate = False  # what a host program does with its own log is not ours
    if read_settings().log == "json":
        handler: logging.Handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(JsonLines())
    else:
        handler = _Terminal(logging.INFO)
        handler.setFormatter(logging.Formatter("[%(asctime)s] %(message)s", "%H:%M:%S"))
    logger.setLevel(logging.DEBUG)
    logger.handlers = [handler]  # one command, one place to tell
    return noted_in(logger)
