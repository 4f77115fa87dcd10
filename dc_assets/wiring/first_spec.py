"""Asks both sides what a first spec must say; what only a person can know is put to a person."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass

from dc_assets.core.errors import ConfigError
from dc_assets.core.first_spec.draft import (
    Draft,
    lane_choice,
    lane_columns,
    modification_column,
    partitions_for,
    read_by_refresh,
)
from dc_assets.core.first_spec.keys import (
    external_id_choice,
    external_ids,
    key_choice,
    key_columns,
    nearest,
)
from dc_assets.core.first_spec.mapping import MappedColumn, mapped_by_name, reasons_left
from dc_assets.core.first_spec.references import (
    Looked,
    Parents,
    Way,
    called_by_key,
    guesses,
    guesses_by_key,
    no_way,
    settled,
    ways,
)
from dc_assets.core.first_spec.sides import Choice, Distinctness, SourcePlace
from dc_assets.core.organization import long_id
from dc_assets.core.ranges import EVERYTHING
from dc_assets.core.target_fields import TargetField, TargetObject
from dc_assets.core.value_kinds import is_typed
from dc_assets.load.preflight.findings import meant
from dc_assets.load.preflight.survey import NamedParent
from dc_assets.salesforce.describe import described_object
from dc_assets.salesforce.org_facts import SalesforceFacts
from dc_assets.salesforce.session import OrgSession
from dc_assets.wiring.first_source import FirstSource, open_first_source

VALUES_ASKED = 50
"""Values of a column that are looked for among its parents, the most frequent first."""

LOOKUPS_DESCRIBED_MAX = 20
"""Lookups whose parents are described to find columns that are called like their keys."""

Ask = Callable[[Choice], str | None]
"""Answers a choice; None leaves it open."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a person said of the spec to be; what is None is proposed."""

    name: str
    object: str
    place: SourcePlace
    key: str | None = None
    external_id: str | None = None
    parent: str | None = None


@dataclass(frozen=True, slots=True)
class Key:
    """How rows are told apart, and how many there are."""

    column: str
    fact: str
    external_id: str
    rows: int


@dataclass(frozen=True, slots=True)
class Interview:
    """Both sides, asked for one spec; nothing is written."""

    session: OrgSession
    wishes: Wishes
    ask: Ask
    source: FirstSource
    target: TargetObject

    def key(self) -> Key:
        """Propose key and external id.

        Raises:
            ConfigError: no field or column can be one, or only a person can know which.
        """
        external_id = self.wishes.external_id
        if external_id is not None:
            _refuse_unlisted(external_id, self.target)
        measured = self._measured()
        unique = [name for name, found in measured.items() if found.is_unique]
        if external_id is None:
            choice = external_id_choice(self.target, unique)
            external_id = self._answered(choice, _no_external_id(self.target))
        choice = key_choice(self.source.side, measured, external_id)
        column = self.wishes.key or self._answered(choice, self._no_key(measured))
        found = measured[column]
        primary = "primary key; " if column in self.source.side.primary_keys else ""
        return Key(column, f"{primary}{found.fact}", external_id, found.rows)

    def _measured(self) -> Mapping[str, Distinctness]:
        """Measure the wished key, or all columns that may be one."""
        side, key = self.source.side, self.wishes.key
        if key is not None and key not in side.kinds:
            raise ConfigError(
                f"{side.place.name} has no column {key}{meant(key, side.kinds)} Correct --key."
            )
        if key is not None and side.place.object and is_typed(side.kinds[key]):
            raise ConfigError(
                f"{key} holds {side.kinds[key]} values, and ids are compared as text there. "
                "Correct --key, or make a text column of it."
            )
        columns = [key] if key is not None else key_columns(side, self.target)
        if not columns:
            raise ConfigError(self._no_key({}))
        return self.source.asked(*columns).distinctness(columns)

    def _answered(self, choice: Choice, nothing: str) -> str:
        """Return what is chosen where something must be.

        Raises:
            ConfigError: there is nothing to choose from, or nobody who could.
        """
        if not choice.candidates:
            raise ConfigError(nothing)
        answer = choice.only or self.ask(choice)
        if answer is None:
            listed = "; ".join(f"{one.name} ({one.fact})" for one in choice.candidates)
            raise ConfigError(
                f"{choice.question} Only you can know: {listed}. Say it with {choice.option}. "
                "Nothing was written."
            )
        return answer

    def _no_key(self, measured: Mapping[str, Distinctness]) -> str:
        seen = f" Nearest are: {nearest(measured)}." if measured else ""
        return (
            f"No text column of {self.source.side.place.name} has a value of its own in every row."
            f"{seen} Only you can know which one is the id: say it with --key, or make one in the "
            "source. Nothing was written."
        )

    def references(
        self, key: Key, free: Sequence[str]
    ) -> tuple[Sequence[MappedColumn], dict[str, str]]:
        """Propose the columns that name parents, by name and by what the org has."""
        found, left = guesses(free, self.target)
        known = {self.target.name: self.target}
        self._describe([guess.lookup for guess in found], known)
        others = [name for name in free if name not in {guess.column for guess in found}]
        if others:
            self._describe(called_by_key(self.target)[:LOOKUPS_DESCRIBED_MAX], known)
            found = [*found, *guesses_by_key(others, self.target, known)]
        looked: dict[Way, Looked] = {}
        for guess in found:
            values = self._values(key.column, guess.column)
            parents = Parents(known, (self.target.name, key.external_id))
            tried = ways(guess, parents, values)
            beyond = self._beyond(key.column, guess.column, values)
            looked |= {way: self._looked(way, values, beyond) for way in tried}
            if not tried:
                left[guess.column] = no_way(guess)
        matches = settled(looked)
        return matches.columns, {**left, **matches.left}

    def _values(self, key: str, column: str) -> Sequence[str]:
        frequent = self.source.asked(key, column).most_frequent(column, VALUES_ASKED)
        return [value for value, _ in frequent if value]

    def _beyond(self, key: str, column: str, values: Sequence[str]) -> int:
        """Count the values that were not asked for; where few came, there are no others."""
        if len(values) < VALUES_ASKED:
            return 0
        counted = self.source.asked(key, parent=column).rows_per_parent()
        return max(0, sum(many for _, many in counted) - len(values))

    def _describe(self, lookups: Sequence[TargetField], known: dict[str, TargetObject]) -> None:
        """Describe the objects that lookups lead to; one that our user does not see is left out."""
        for kind in dict.fromkeys(kind for lookup in lookups for kind in lookup.reference_to):
            if kind not in known:
                with suppress(ConfigError):
                    known[kind] = described_object(self.session, kind, correct="--object")

    def _looked(self, way: Way, values: Sequence[str], beyond: int) -> Looked:
        facts = SalesforceFacts(self.session, self.source.side.asked_by(way.column))
        names = [long_id(value) for value in values] if way.field == "Id" else values
        found = facts.present(NamedParent(way.parent, way.field), names)
        return Looked(len(names), len(found), beyond)

    def lanes(self, key: Key, columns: Sequence[MappedColumn]) -> Choice:
        """Propose the column that decides the lanes.

        Raises:
            ConfigError: the wished one names no parents.
        """
        names, wished = lane_columns(columns, self.target), self.wishes.parent
        if wished is not None and wished not in names:
            known = f"These do: {', '.join(names)}." if names else "None does."
            raise ConfigError(
                f"{wished} names no parents of {self.target.name} that lanes could go by. {known} "
                "Correct --parent, or leave it out."
            )
        facts = {name: self._parent_fact(key, name) for name in names}
        return lane_choice(columns, facts)

    def _parent_fact(self, key: Key, column: str) -> str:
        counted = self.source.asked(key.column, parent=column).rows_per_parent()
        parents = sum(many for _, many in counted)
        most = max((rows for rows, _ in counted), default=0)
        return f"parents: {parents:,}, the biggest with {most:,} of {key.rows:,} rows"

    def bounds(self, key: Key) -> tuple[str, ...]:
        """Cut the keys into partitions of about the same size."""
        parts = partitions_for(key.rows)
        if parts == 1:
            return ()
        return tuple(dict.fromkeys(self.source.asked(key.column).key_quantiles(parts, EVERYTHING)))


def first_draft(session: OrgSession, wishes: Wishes, ask: Ask) -> Draft:
    """Propose a spec.

    Raises:
        ConfigError: a side does not show what was named, or only a person can know the key.
    """
    target = described_object(session, wishes.object, correct="--object")
    if not external_ids(target):
        raise ConfigError(_no_external_id(target))
    with ExitStack() as cleanup:
        source = open_first_source(wishes.place, session, cleanup)
        return _drafted(Interview(session, wishes, ask, source, target))


def _drafted(interview: Interview) -> Draft:
    side, target, wishes = interview.source.side, interview.target, interview.wishes
    key = interview.key()
    matches = mapped_by_name(side, target, {key.column: key.external_id})
    taken = {key.column, *(one.source for one in matches.columns)}
    free = [name for name in side.columns if name not in taken]
    references, why_not = interview.references(key, free)
    first = MappedColumn(key.column, key.external_id)
    columns = (first, *matches.columns, *references)
    lanes, modified = interview.lanes(key, columns), modification_column(side)
    return Draft(
        name=wishes.name,
        place=wishes.place,
        key=key.column,
        key_fact=key.fact,
        target=target,
        external_id=key.external_id,
        columns=columns,
        left=reasons_left(side, columns, {**why_not, **matches.left, **read_by_refresh(modified)}),
        lanes=lanes,
        parent=wishes.parent or lanes.only or (interview.ask(lanes) if lanes.candidates else None),
        bounds=interview.bounds(key),
        modified=modified,
        rows=key.rows,
    )


def _refuse_unlisted(name: str, target: TargetObject) -> None:
    """Refuse a field that rows cannot be matched by."""
    names = [field.name for field in external_ids(target)]
    if name not in names:
        raise ConfigError(
            f"{target.name}.{name} is no External ID of the type Text or Email that our user may "
            f"fill. There is: {', '.join(names)}. Correct --external-id."
        )


def _no_external_id(target: TargetObject) -> str:
    return (
        f"{target.name} has no External ID field of the type Text or Email that our user may fill. "
        f"In Setup, Object Manager, {target.name}, Fields & Relationships: make a Text field with "
        "External ID and Unique ticked, and let the integration user edit it. Nothing was written."
    )
