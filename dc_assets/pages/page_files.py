"""Pages: their templates, and files that are whole or not there."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

from dc_assets.core.errors import ConfigError
from dc_assets.core.printable import printable

FOLDER = Path(__file__).parent


def templates(**filters: Callable[..., object]) -> Environment:
    """Return the templates of this folder; everything that they are given is text, not markup."""
    pages = Environment(
        autoescape=True,
        finalize=_shown,
        loader=FileSystemLoader(FOLDER),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters.update(filters)
    return pages


def _shown(value: object) -> object:
    """Return what stands on the page for a value: text shows its controls, our markup passes."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return printable(value, keep="\n\t")
    return value


def write_whole(file: Path, text: str) -> None:
    """Write a file so that nobody ever sees a part of it; a pipe or a device is written to.

    Raises:
        ConfigError: the file cannot be written.
    """
    try:
        place = file.resolve()  # a link stays a link
        if place.exists() and not place.is_file():
            place.write_text(text, encoding="utf-8")
        else:
            _replace(place, text)
    except OSError as error:
        raise ConfigError(f"The page {file} cannot be written: {error.strerror}.") from error


def _replace(place: Path, text: str) -> None:
    scratch = place.with_name(f".{place.name}.{os.getpid()}.tmp")
    try:
        with os.fdopen(os.open(scratch, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as sink:
            sink.write(text.encode("utf-8", "backslashreplace"))
        scratch.replace(place)
    finally:
        with suppress(OSError):
            scratch.unlink(missing_ok=True)
