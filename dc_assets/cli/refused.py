"""Refused rows for people: those that are alike stand once, with how many there are."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from dc_assets.cli.console import Console
from dc_assets.core.spec import LoadSpec
from dc_assets.views.partitions import Refusal

GROUPS_SHOWN = 20
REASON_CHARS_MAX = 120

READ_MAX = 20_000
"""Dead letters that are grouped; the others are counted. Who wants them all exports them."""


class Letter(Protocol):
    """What decides whether two refused rows are alike."""

    @property
    def code(self) -> str:
        """Salesforce's word for the reason."""
        ...

    @property
    def fields(self) -> str:
        """The fields that it names."""
        ...

    @property
    def row_json(self) -> str:
        """The row as it was sent."""
        ...


L = TypeVar("L", bound=Letter)


@dataclass(slots=True)
class Alike(Generic[L]):
    """Refused rows of one code, field and parent: the first of them, and how many they are."""

    example: L
    rows: int = 0

    @property
    def more(self) -> str:
        """What is said behind the example."""
        return f" (and {self.rows - 1:,} more like it)" if self.rows > 1 else ""


def alike(dead_letters: Iterable[L], parent: str | None) -> Sequence[Alike[L]]:
    """Group dead letters by code, field and parent, the biggest group first.

    ``parent`` is the target field that names the parent, if the spec has one.
    """
    groups: dict[tuple[str, str, str], Alike[L]] = {}
    for letter in dead_letters:
        row: dict[str, Any] = json.loads(letter.row_json or "{}") if parent else {}
        kind = (letter.code, letter.fields, str(row.get(parent or "", "")))
        groups.setdefault(kind, Alike(letter)).rows += 1
    return sorted(groups.values(), key=lambda group: -group.rows)


def print_alike(console: Console, spec: LoadSpec, refusals: Sequence[Refusal], total: int) -> None:
    """Print an example of each of the biggest groups, and how many rows are not among them."""
    shown = alike(refusals, spec.parent_target)[:GROUPS_SHOWN]
    for group in shown:
        one = group.example
        reason = f"{one.code}: {one.message}"
        if len(reason) > REASON_CHARS_MAX:
            reason = f"{reason[: REASON_CHARS_MAX - 2]} …"
        console.print(
            f"  {one.partition_key}  {one.external_id}  {reason}{group.more}",
            soft_wrap=True,
        )
    others = total - sum(group.rows for group in shown)
    if others:
        console.print(
            f"  … and {others:,} other rows: dc-assets replay {spec.name} --export FILE.csv has "
            "them all",
            soft_wrap=True,
        )
