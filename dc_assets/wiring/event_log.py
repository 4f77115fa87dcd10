"""Events of a run as lines of a log: a sentence for people, or JSON for machines."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from dc_assets.core.printable import printable
from dc_assets.core.run_events import Note, RunEvent
from dc_assets.wiring.settings import read_settings

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING}
FIELDS = "dc_assets"
"""Attribute of a log record: the fields of the event."""


def noted_in(logger: logging.Logger) -> Note:
    """Return what writes events into a log, as the setting DC_ASSETS_LOG says.

    Either way the record has the fields in `FIELDS`, for whoever adds a handler. A handler that
    fails costs the line, not the load: Dagster's raises while its storage is away (1.13).
    """
    as_json = read_settings().log == "json"

    def note(event: RunEvent) -> None:
        fields = event.for_machines()
        message = json.dumps(fields) if as_json else printable(str(event))
        with suppress(Exception):
            logger.log(_LEVELS[event.level], "%s", message, extra={FIELDS: fields})

    return note


class JsonLines(logging.Formatter):
    """Writes the fields of an event as one line of JSON, with its time."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; JSON escapes whatever could end it."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        fields: Mapping[str, Any] = getattr(record, FIELDS)
        return json.dumps({"time": at, **fields})
