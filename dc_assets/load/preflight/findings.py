"""What a look before a load finds: one thing, its cause, what to do about it, and how bad it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import IntEnum

from dc_assets.core.errors import ConfigError


class Advice(IntEnum):
    """What to do, the worst finding decides."""

    GO = 0
    CARE = 1
    STOP = 2


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is worth knowing before the load.

    Attributes:
        remedy: what to do about it, "" where the reason says it.
        column: the target of the column that it is about, "" for none.
        setting: where it stands in the spec, such as ("columns", 3) or ("source", "where").
        bars: whether the sides cannot be asked for rows as long as it is so.
        place: file and line of the setting, where they are known.
    """

    advice: Advice
    reason: str
    remedy: str = ""
    column: str = ""
    setting: tuple[str | int, ...] = ()
    bars: bool = False
    place: str = ""

    @property
    def sentence(self) -> str:
        """Everything in one text."""
        place = f"{self.place}: " if self.place else ""
        return f"{place}{self.reason} {self.remedy}".rstrip()


class SpecRefused(ConfigError):
    """A spec that does not fit its org or its source; nothing was sent."""

    def __init__(self, message: str, findings: Sequence[Finding]) -> None:
        super().__init__(message)
        self.findings = tuple(findings)


def advice_of(findings: Iterable[Finding]) -> Advice:
    """Return the worst advice; without findings it is to go."""
    return max((finding.advice for finding in findings), default=Advice.GO)


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings in the order in which they are shown."""
    return sorted(findings, key=lambda finding: -finding.advice)


def refuse(findings: Sequence[Finding], reasons: Iterable[Finding], *, remedy: str = "") -> None:
    """Refuse a spec if there is a reason.

    Raises:
        SpecRefused: there is; it says all reasons, and holds all findings.
    """
    said = " ".join(finding.sentence for finding in reasons)
    if said:
        raise SpecRefused(f"{said} Nothing was sent. {remedy}".rstrip(), findings)


def meant(name: str, names: Iterable[str]) -> str:
    """Return the name that was probably meant, as the end of a sentence.

    >>> meant("amout", ["Amount", "Name"]), meant("x", ["Amount"])
    ('; did you mean Amount?', '.')
    """
    by_case = {one.casefold(): one for one in names}
    close = get_close_matches(name.casefold(), by_case, n=1)
    return f"; did you mean {by_case[close[0]]}?" if close else "."
