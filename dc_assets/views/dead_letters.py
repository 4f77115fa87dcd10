"""Open dead letters: the latest outcome of their row, and no load replayed them since."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

import sqlalchemy as sa

from dc_assets.core.phases import UNSENT, Phase
from dc_assets.core.row_outcomes import shown_code
from dc_assets.core.target_fields import TargetPath
from dc_assets.ledger.absence import one_transaction
from dc_assets.ledger.database import Database
from dc_assets.ledger.spec_records import SpecRecords
from dc_assets.ledger.tables import dead_letter, load, range_state
from dc_assets.views.partitions import LedgerViews
from dc_assets.views.receipts import ReceiptExplanations

_UNSENT = [phase.value for phase in UNSENT]


@dataclass(frozen=True, slots=True)
class OpenDeadLetter:
    """A dead letter with everything that the ledger keeps of it; times are seconds since 1970."""

    partition_key: str
    external_id: str
    code: str
    message: str
    fields: str
    attempts: int
    first_refused_at: float
    refused_at: float
    run_id: str
    load_id: str
    row_json: str


@dataclass(frozen=True, slots=True)
class DeadLetterChoice:
    """Which dead letters are meant; what is None does not narrow."""

    partition_keys: Collection[str] | None = None
    codes: Collection[str] | None = None
    external_ids: Collection[str] | None = None

    def holds(self, letter: OpenDeadLetter) -> bool:
        """Tell whether a letter is meant."""
        return (
            (self.partition_keys is None or letter.partition_key in self.partition_keys)
            and (self.codes is None or letter.code in self.codes)
            and (self.external_ids is None or letter.external_id in self.external_ids)
        )


class OpenDeadLetters(SpecRecords):
    """The open dead letters of one spec, in one org or, without an org id, in whatever org."""

    def __init__(self, database: Database, spec_name: str, org_id: str | None = None) -> None:
        super().__init__(database, spec_name, org_id)
        self._explanations = ReceiptExplanations(LedgerViews(database, spec_name, org_id))

    def chosen(
        self, choice: DeadLetterChoice, *, until: float | None = None
    ) -> Sequence[OpenDeadLetter]:
        """Return the open dead letters that are meant, by partition and external id.

        ``until`` leaves out dead letters written later.
        """
        newest = [
            letter
            for letter in self._not_replayed()
            if choice.holds(letter) and (until is None or letter.refused_at <= until)
        ]
        latest_outcomes = {
            key: set(self._explanations.refused_keys(key))
            for key in partitions_of_dead_letters(newest)
        }
        return [one for one in newest if one.external_id in latest_outcomes[one.partition_key]]

    @one_transaction
    def unfinished(self) -> Sequence[str]:
        """Return the partitions of an unfinished replay that were begun and are not done."""
        with self._database.read() as connection:
            query = (
                sa.select(range_state.c.partition_key)
                .join(load, load.c.load_id == range_state.c.load_id)
                .where(load.c.mode == "replay", load.c.state == "open")
                .where(range_state.c.phase.in_(_UNSENT), range_state.c.phase != Phase.NEW)
                .order_by(range_state.c.partition_key)
            )
            return list(connection.execute(query.where(self.is_ours())).scalars())

    @one_transaction
    def replayed_by(self, load_id: str, partition_key: str) -> int:
        """Count the external ids of a partition whose dead letters a load answered."""
        with self._database.read() as connection:
            return connection.execute(
                sa.select(sa.func.count(dead_letter.c.external_id.distinct()))
                .where(dead_letter.c.replayed_by == load_id)
                .where(dead_letter.c.partition_key == partition_key)
            ).scalar_one()

    @one_transaction
    def _not_replayed(self) -> list[OpenDeadLetter]:
        """Return the newest dead letters of each external id, if no load answered them.

        A replay that was given up before its end answered nothing.
        """
        newest = (
            sa.select(
                dead_letter.c.partition_key,
                dead_letter.c.external_id,
                sa.func.max(dead_letter.c.refused_at).label("at"),
            )
            .join(load, load.c.load_id == dead_letter.c.load_id)
            .where(self.is_ours(), load.c.mode != "restore")  # it was no row of the source
            .group_by(dead_letter.c.partition_key, dead_letter.c.external_id)
            .subquery()
        )
        answer, replayed = load.alias("answer"), range_state.alias("answered")
        given_up = (answer.c.state == "superseded") & replayed.c.phase.in_(_UNSENT)
        query = (
            sa.select(dead_letter)
            .join(load, load.c.load_id == dead_letter.c.load_id)
            .join(
                newest,
                (newest.c.partition_key == dead_letter.c.partition_key)
                & (newest.c.external_id == dead_letter.c.external_id)
                & (newest.c.at == dead_letter.c.refused_at),
            )
            .outerjoin(answer, answer.c.load_id == dead_letter.c.replayed_by)
            .outerjoin(
                replayed,
                (replayed.c.load_id == dead_letter.c.replayed_by)
                & (replayed.c.partition_key == dead_letter.c.partition_key),
            )
            .where(dead_letter.c.replayed_by.is_(None) | given_up)
            .order_by(dead_letter.c.partition_key, dead_letter.c.external_id, dead_letter.c.id)
        )
        with self._database.read() as connection:
            return [_letter(row) for row in connection.execute(query.where(self.is_ours()))]


def partitions_of_dead_letters(dead_letters: Iterable[OpenDeadLetter]) -> list[str]:
    """Return the partition keys of dead letters, each once, in order."""
    return sorted({letter.partition_key for letter in dead_letters})


def _letter(row: sa.Row[Any]) -> OpenDeadLetter:
    return OpenDeadLetter(
        partition_key=row.partition_key,
        external_id=row.external_id,
        code=row.code,
        message=row.message,
        fields=row.fields,
        attempts=row.attempts,
        first_refused_at=row.first_refused_at or row.refused_at,
        refused_at=row.refused_at,
        run_id=row.run_id or "",
        load_id=row.load_id,
        row_json=row.row_json,
    )


CODES_MAX = 20
DEAD_LETTERS_OF_A_CODE = 20
REASON_CHARS_MAX = 300

LONG_CHARS = 20
"""Of a value that is longer an org may quote the begin only."""


@dataclass(frozen=True, slots=True)
class RefusedExample:
    """A dead letter without the row's values, which its reason may quote."""

    partition_key: str
    external_id: str
    reason: str
    attempts: int


@dataclass(frozen=True, slots=True)
class RefusedCode:
    """The dead letters of one code: how many, and the first by external id."""

    code: str
    rows: int
    first: Sequence[RefusedExample]


@one_transaction
def refused_rows(database: Database, load_id: str) -> Sequence[RefusedCode]:
    """Return the most frequent codes of a load with their first rows.

    Of a hundred thousand dead letters only those that are shown are read.
    """
    with database.read() as connection:
        counts = connection.execute(
            sa.select(dead_letter.c.code, sa.func.count().label("rows"))
            .where(dead_letter.c.load_id == load_id)
            .group_by(dead_letter.c.code)
            .order_by(sa.desc("rows"), dead_letter.c.code)
            .limit(CODES_MAX)
        ).all()
        dead_letters = connection.execute(
            _first_dead_letters(load_id, [c.code for c in counts])
        ).all()
    rows: Counter[str] = Counter()
    for one in counts:
        rows[shown_code(one.code)] += one.rows
    first: dict[str, list[RefusedExample]] = {code: [] for code in rows}
    for row in dead_letters:
        reason = without_values(row.message, row.row_json, row.external_id)
        shown = RefusedExample(row.partition_key, row.external_id, reason, row.attempts)
        first[shown_code(row.code)].append(shown)
    return [
        RefusedCode(code, number, first[code][:DEAD_LETTERS_OF_A_CODE])
        for code, number in rows.most_common()
    ]


def without_values(reason: str, row_json: str, external_id: str) -> str:
    """Replace the values of a row that a reason quotes by the names of their fields.

    The external id stays, and so do the ids of parents, whose fields lie behind a relationship.

    >>> without_values("bad value: Nope (acc1)", '{"Stage": "Nope", "A.Id": "acc1"}', "x")
    'bad value: [Stage] (acc1)'
    >>> without_values("too large: " + 255 * "x" + " (max 9)", json.dumps({"Name": 300 * "x"}), "")
    'too large: [Name] (max 9)'
    """
    names: dict[str, str] = {}
    for name, value in json.loads(row_json or "{}").items():
        text = "" if value is None else str(value).strip()
        if text and text != external_id and not TargetPath.of(name).relationship:
            names.setdefault(text, name)
    for text, name in names.items():
        reason = _without_begin(reason, text, f"[{name}]")
    if names:
        values = "|".join(re.escape(text) for text in sorted(names, key=len, reverse=True))
        found = re.compile(rf"(?<!\w)(?:{values})(?!\w)")
        reason = found.sub(lambda match: f"[{names[match.group()]}]", reason)
    return reason if len(reason) <= REASON_CHARS_MAX else f"{reason[: REASON_CHARS_MAX - 2]} …"


def _without_begin(reason: str, value: str, name: str) -> str:
    """Replace the begin of a long value, however much of it the org quotes."""
    if len(value) < LONG_CHARS:
        return reason
    before, begin, after = reason.partition(value[:LONG_CHARS])
    if not begin:
        return reason
    pairs = zip(after, value[LONG_CHARS:], strict=False)
    quoted = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    return before + name + _without_begin(after[quoted:], value, name)


def _first_dead_letters(load_id: str, codes: Sequence[str]) -> sa.Select[Any]:
    """Select the first letters of each code; the rows of the others stay where they are."""
    place = sa.func.row_number().over(
        partition_by=dead_letter.c.code, order_by=(dead_letter.c.external_id, dead_letter.c.id)
    )
    ranked = (
        sa.select(dead_letter.c.id, place.label("place"))
        .where(dead_letter.c.load_id == load_id, dead_letter.c.code.in_(codes))
        .subquery()
    )
    shown = sa.select(ranked.c.id).where(ranked.c.place <= DEAD_LETTERS_OF_A_CODE)
    return (
        sa.select(dead_letter)
        .where(dead_letter.c.id.in_(shown))
        .order_by(dead_letter.c.code, dead_letter.c.external_id, dead_letter.c.id)
    )
