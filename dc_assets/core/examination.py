"""What an examination of a set-up says: lines of one state each."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from dc_assets.core.exit_codes import ExitCode


class State(StrEnum):
    """How one thing is."""

    OK = "ok"
    """As a load needs it."""
    WARN = "warn"
    """A load works, and somebody should know."""
    RED = "red"
    """A load does not work."""
    NOT_ASKED = "not asked"
    """It cannot be asked before something else is mended, or there is nothing to ask."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One thing that was seen.

    Attributes:
        remedy: what to do about it, "" where there is nothing to do.
    """

    state: State
    text: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the examination: ``seen``, and in which area."""

    area: str
    state: State
    seen: str
    remedy: str = ""


def ok(text: str) -> Seen:
    """Return what is as it must be."""
    return Seen(State.OK, text)


def warned(text: str, remedy: str) -> Seen:
    """Return what somebody should know."""
    return Seen(State.WARN, text, remedy)


def red(text: str, remedy: str = "") -> Seen:
    """Return what keeps a load from working."""
    return Seen(State.RED, text, remedy)


def not_asked(text: str) -> Seen:
    """Return what was not looked at, and why."""
    return Seen(State.NOT_ASKED, text)


_SENTENCE_ENDS = re.compile(r"(?<=[a-z0-9)\]'\"%]\.) (?=[A-Z])")


def refused(error: Exception) -> Seen:
    """Return an error as what was seen and what to do: its first sentence, and the others.

    >>> refused(ValueError("db:5432 is away. Start it. Look again."))
    Seen(state=<State.RED: 'red'>, text='db:5432 is away.', remedy='Start it. Look again.')
    """
    text, *others = _SENTENCE_ENDS.split(" ".join(str(error).split()), maxsplit=1)
    return red(text, others[0] if others else "")


def exit_code_of(lines: Iterable[Line]) -> ExitCode:
    """Return 2 if one line is red, else 0: a warning keeps nobody from loading."""
    is_red = any(line.state is State.RED for line in lines)
    return ExitCode.CONFIGURATION if is_red else ExitCode.PROVED
