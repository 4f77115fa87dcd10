"""Whether a spec fits its org and its source, by what both say of themselves; no row is read.

A plan shows all of it; a run asks the same before it sends a row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from dc_assets.core.errors import ConfigError
from dc_assets.core.spec import LoadSpec
from dc_assets.core.target_fields import TargetDescription, TargetObject, TargetPath
from dc_assets.core.value_kinds import ValueKind
from dc_assets.load.preflight.columns import findings_of_columns
from dc_assets.load.preflight.findings import Advice, Finding, meant, worst_first
from dc_assets.load.preflight.key import findings_of_key

DATED = frozenset[ValueKind]({"date", "datetime", "text", "unknown"})
"""Kinds that a modification time may have; in text, times of one form compare as they should."""

RIGHTS_ARE_SET = "In Setup, Permission Sets > the integration user's > Object Settings >"


class SourceColumns(Protocol):
    """What the source says of its columns."""

    def columns(self) -> Mapping[str, ValueKind]:
        """Return the kind of each column.

        Raises:
            ConfigError: there is no such object or file, or our user may not see it.
        """
        ...

    def check_columns(self) -> None:
        """Ask for no rows of the spec's columns under its condition.

        Raises:
            ConfigError: they are refused.
        """
        ...


class TargetCondition(Protocol):
    """What the target says of its condition."""

    def check_scope(self) -> None:
        """Ask for no records under the spec's scope.

        Raises:
            ConfigError: it is refused.
        """
        ...


@dataclass(frozen=True, slots=True)
class Fit:
    """How a spec fits.

    Attributes:
        kinds: of the source's columns.
        findings: the worst first.
    """

    spec: LoadSpec
    kinds: Mapping[str, ValueKind]
    findings: Sequence[Finding]


def fit(
    spec: LoadSpec, described: TargetDescription, source: SourceColumns, target: TargetCondition
) -> Fit:
    """Compare a spec with both sides."""
    findings: list[Finding] = []
    kinds: Mapping[str, ValueKind] = {}
    try:
        kinds = source.columns()
    except ConfigError as error:
        places = {"object": spec.source.object, "files": spec.source.files}
        setting = next((name for name, place in places.items() if place), "sql")
        findings.append(_refused(error, ("source", setting)))
    else:
        findings += _of_source(spec, kinds, source)
    findings += _of_rights(spec, described.object)
    findings += findings_of_columns(spec, described, kinds)
    findings += findings_of_key(spec, described)
    if spec.target.scope:
        findings += _asked(target.check_scope, ("target", "scope"))
    findings += [*_of_distributions(spec, described), *_of_self_references(spec, described)]
    return Fit(spec, kinds, worst_first(findings))


def _refused(error: ConfigError, setting: tuple[str | int, ...]) -> Finding:
    return Finding(Advice.STOP, str(error), setting=setting, bars=True)


def _asked(ask: Callable[[], None], setting: tuple[str | int, ...]) -> Iterator[Finding]:
    try:
        ask()
    except ConfigError as error:
        yield _refused(error, setting)


def _of_source(
    spec: LoadSpec, kinds: Mapping[str, ValueKind], source: SourceColumns
) -> Iterator[Finding]:
    """Look for the columns of the spec; only where all are there its condition can be asked."""
    missing = [*_missing_columns(spec, kinds), *_of_refresh(spec, kinds)]
    yield from missing
    if spec.source.where and not any(finding.bars for finding in missing):
        yield from _asked(source.check_columns, ("source", "where"))


def _missing_columns(spec: LoadSpec, kinds: Mapping[str, ValueKind]) -> Iterator[Finding]:
    for number, column in enumerate(spec.columns):
        if column.source not in kinds:
            yield Finding(
                Advice.STOP,
                f"{spec.source.place} has no column {column.source}{meant(column.source, kinds)}",
                f"Correct the source of the column {column.target}.",
                column=column.target,
                setting=("columns", number, "source"),
                bars=True,
            )


def _of_refresh(spec: LoadSpec, kinds: Mapping[str, ValueKind]) -> Iterator[Finding]:
    modified = spec.refresh.modified
    setting = ("refresh", "modified")
    if modified is not None and modified not in kinds:
        yield Finding(
            Advice.STOP,
            f"{spec.source.place} has no column {modified}{meant(modified, kinds)}",
            "Correct refresh.modified, or leave it out: then ranges are compared by fingerprint.",
            setting=setting,
            bars=True,
        )
    elif modified is not None and kinds[modified] not in DATED:
        yield Finding(
            Advice.STOP,
            f"{modified} holds {kinds[modified]} values, and refresh.modified wants the time of a "
            "row's last change.",
            "Name a timestamp column, or leave it out: then ranges are compared by fingerprint.",
            setting=setting,
        )


def _of_rights(spec: LoadSpec, target: TargetObject) -> Iterator[Finding]:
    """Say what our user may not do with records of the object; an upsert creates and edits."""
    if target.createable is False and spec.target.operation == "upsert":
        yield Finding(
            Advice.STOP,
            f"Our user may not create records of {target.name}: every new row would be refused.",
            f"{RIGHTS_ARE_SET} {target.name} > Edit: select Create and Edit.",
            setting=("target", "object"),
        )
    if target.updateable is False:
        yield Finding(
            Advice.STOP,
            f"Our user may not edit records of {target.name}: rows of records that exist would be "
            "refused.",
            f"{RIGHTS_ARE_SET} {target.name} > Edit: select Edit.",
            setting=("target", "object"),
        )


def _of_distributions(spec: LoadSpec, described: TargetDescription) -> Iterator[Finding]:
    for number, target in enumerate(spec.checks.distributions):
        field = described.field_of(target)
        if field is not None and field.groupable is False:
            yield Finding(
                Advice.CARE,
                f"{spec.target.object}.{target} cannot be grouped in a query (groupable is false), "
                "so the org does not tell its distribution.",
                "Leave it out of checks.distributions: values_match compares the field anyway.",
                column=target,
                setting=("checks", "distributions", number),
            )


def _of_self_references(spec: LoadSpec, described: TargetDescription) -> Iterator[Finding]:
    for number, column in enumerate(spec.columns):
        parent = described.filled_by(column.target).parent
        path = TargetPath.of(column.target)
        if parent is not None and parent.name == spec.target.object and path.relationship:
            yield Finding(
                Advice.GO,
                f"{column.target} names records of {spec.target.object} itself: rows whose parent "
                "is a row of the same load land after it.",
                column=column.target,
                setting=("columns", number),
            )
