"""Step 6: hold both sides against each other, and believe neither the writer nor the ledger.

Each check decides from the two sides alone. The ledger only labels what was found: a missing row
with a dead letter is "refused", an extra row with a receipt of ours is "deleted in source".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import polars as pl

from dc_assets.core.checks import (
    COVERAGE,
    DUPLICATES,
    OUTGROWN,
    PENDING,
    ROW_COUNT,
    VALUES,
    check_descriptions,
)
from dc_assets.core.deletions import deletes_rows_max
from dc_assets.core.errors import DcError, OrgMoved
from dc_assets.core.spec import ColumnSpec, LoadSpec, check_name
from dc_assets.core.verdicts import (
    CheckOutcome,
    CountVerdict,
    Severity,
    ValueCount,
    compare_distributions,
    is_outgrown,
    middle_of,
    not_asked,
    severity_of,
    worst,
)
from dc_assets.frames.agreement import agreeing_setting
from dc_assets.frames.canon import comparable_text
from dc_assets.frames.differences import (
    ALIKE,
    IN_SOURCE,
    IN_TARGET,
    SENT_AGAIN,
    at_source,
    at_target,
    changed_values,
    doubled_keys,
    runs_of,
    with_sent_again,
    without_values,
)
from dc_assets.load.both_sides import BothSides
from dc_assets.load.explanations import NO_VALUES, Explanations

SHOWN = 20
"""Ids and runs that a table shows; the evidence file has all."""

ROWS_AT_ONCE = 50_000
"""Differing rows whose fields are in memory at one time."""


@dataclass(frozen=True)
class Audit:
    """The checks of one partition."""

    partition_key: str
    sides: BothSides
    explanations: Explanations

    def outcomes(self, wanted: Collection[str] | None = None) -> Iterator[CheckOutcome]:
        """Evaluate the checks, all of them or the wanted ones, each for itself."""
        for check in check_descriptions(self._spec):
            if wanted is None or check in wanted:
                yield self._outcome(check)

    def _outcome(self, check: str) -> CheckOutcome:
        """Evaluate one check; a side that does not answer it takes nothing from the others."""
        try:
            return self._checks[check]()
        except OrgMoved:  # no other check would be answered either
            raise
        except DcError as error:
            key = self.partition_key
            return not_asked(check, key, str(error), ask_again=self._command("reconcile"))

    @property
    def _spec(self) -> LoadSpec:
        return self.sides.spec

    @cached_property
    def _checks(self) -> Mapping[str, Callable[[], CheckOutcome]]:
        checks: dict[str, Callable[[], CheckOutcome]] = {
            ROW_COUNT: self.row_count,
            COVERAGE: self.coverage,
            DUPLICATES: self.duplicates,
            VALUES: self.values,
            OUTGROWN: self.outgrown,
            PENDING: self.pending,
        }
        for field in self._spec.checks.distributions:
            checks[check_name(field)] = lambda field=field: self.distribution(field)
        return checks

    def row_count(self) -> CheckOutcome:
        """Compare the number of rows, each side asked for its count."""
        source = self.sides.count_source()
        target = self.sides.count_target()
        counts = CountVerdict(source, target, refused=0)
        if counts.unexplained:
            counts = CountVerdict(source, target, self._refused.height, self._deleted.height)
        return CheckOutcome(
            ROW_COUNT,
            self.partition_key,
            counts.severity,
            counts.sentence,
            counts.unexplained,
            refused=counts.refused,
            values=(ValueCount("rows", counts),),
            repair=self._repair("--missing") if counts.unexplained and target < source else "",
        )

    def distribution(self, field: str) -> CheckOutcome:
        """Compare how many rows have each value of a field, each side asked to group."""
        column = self._spec.column(source=self._spec.source_of(field))
        source = _canonical(self.sides.count_source_values(column), column)
        target = _canonical(self.sides.count_target_values(field), column)
        values = compare_distributions(source, target, {})
        if worst(values) is not Severity.PASSED:
            values = compare_distributions(source, target, self._explained_by_refusals(field))
        unequal = sum(1 for value in values if value.counts.unexplained)
        named = ", ".join(str(v.value) for v in values if v.counts.unexplained)[:200]
        return CheckOutcome(
            check_name(field),
            self.partition_key,
            worst(values),
            f"{len(values)} values, {unequal} with unexplained rows"
            + (f": {named}" if named else ""),
            sum(value.counts.unexplained for value in values),
            values=tuple(values),
            repair=self._repair_of_rows() if unequal else "",
        )

    def coverage(self) -> CheckOutcome:
        """Compare the external ids themselves: what is missing, what is extra, as ranges."""
        joined = self.sides.keys
        missing, extra = joined.filter(~pl.col(IN_TARGET)), joined.filter(~pl.col(IN_SOURCE))
        refused, deleted = self._refused.height, self._deleted.height
        unexplained = missing.height + extra.height - refused - deleted
        found = pl.concat(
            [
                missing.select(self._key, pl.lit("missing").alias("what")),
                extra.select(self._key, pl.lit("extra").alias("what")),
            ]
        )
        runs = [("missing", run) for run in runs_of(joined, IN_TARGET, self._spec)]
        runs += [("extra", run) for run in runs_of(joined, IN_SOURCE, self._spec)]
        first = ", ".join(found.get_column(self._key).head(SHOWN).to_list())
        return CheckOutcome(
            COVERAGE,
            self.partition_key,
            severity_of(explained=refused + deleted, unexplained=unexplained),
            f"{missing.height:,} missing, {extra.height:,} extra: {refused:,} refused, "
            f"{deleted:,} deleted in source, {unexplained:,} unexplained"
            + (self._alarm if self.gone.height > deleted else "")
            + (f"; first ids: {first}" if first else ""),
            unexplained,
            table=tuple(
                {"what": what, "first": run.first, "last": run.last, "rows": run.rows}
                for what, run in runs[:SHOWN]
            ),
            evidence=self._evidence(COVERAGE, found),
            rewritten=self.sides.rewritten(),
            repair=self._repair("--missing") if missing.height > refused else "",
        )

    @property
    def _alarm(self) -> str:
        """What is said when too many rows are gone at once to believe that they were deleted."""
        return (
            f"; {self.gone.height:,} rows that we landed are gone from the source, more than "
            "refresh.deletes_rows_max: it may be incomplete, and nothing is deleted"
        )

    def outgrown(self) -> CheckOutcome:
        """Warn of a partition that has many more rows than the others: new ids land in the last."""
        known = self.explanations.partition_rows().items()
        rows = {key: number for key, number in known if key in self._spec.ranges}
        if self.partition_key in self._spec.ranges:
            rows[self.partition_key] = self.sides.source_digests.height
        biggest = max(rows, key=lambda one: rows[one], default="")
        key = self.partition_key if self.partition_key in rows else biggest
        factor = self._spec.checks.outgrown_factor
        too_big = is_outgrown(rows, key, factor)
        return CheckOutcome(
            OUTGROWN,
            self.partition_key,
            severity_of(explained=int(too_big), unexplained=0),
            f"{rows.get(key, 0):,} rows, the middle partition has {middle_of(rows):,}"
            + (f": more than {factor:g} times as many, so it ends last" if too_big else ""),
            unexplained=0,
            repair=f"dc-assets plan {self._spec.name} --write-ranges {len(rows)}"
            if too_big
            else "",
        )

    def duplicates(self) -> CheckOutcome:
        """Look for external ids that one side holds more than once.

        Upper and lower case are alike, unless the org's field tells them apart. In the source they
        warn: all their rows are dead letters and none was sent.
        """
        with_case = self.sides.ports.described.has_case(self._key)
        source = doubled_keys(self.sides.source_digests, self._spec, with_case=with_case)
        target = doubled_keys(self.sides.target_digests, self._spec, with_case=with_case)
        found = pl.concat(
            [
                source.with_columns(pl.lit("source").alias("side")),
                target.with_columns(pl.lit("target").alias("side")),
            ]
        )
        return CheckOutcome(
            DUPLICATES,
            self.partition_key,
            severity_of(explained=source.height, unexplained=target.height),
            f"{source.height:,} doubled in the source, {target.height:,} in the target",
            target.height,
            table=tuple(found.select("side", "key", "rows").head(SHOWN).iter_rows(named=True)),
            evidence=self._evidence(DUPLICATES, found),
        )

    def values(self) -> CheckOutcome:
        """Compare every mapped field of the rows that both sides hold."""
        keys, scope = self.sides.keys, "all rows"
        if self._spec.checks.values == "sample":
            every = max(1, keys.height // self._spec.checks.sample_rows)
            keys, scope = keys.gather_every(every), f"every row of {every}"
        compared = keys.filter(pl.col(IN_SOURCE) & pl.col(IN_TARGET)).height
        changed = self._changed(keys)
        rows = changed.select(self._key).unique()
        is_refused = pl.col(self._key).is_in(list(self._refused_keys))
        refused = rows.filter(is_refused).height
        by_field = changed.group_by("field").len().sort("len", descending=True)
        fields = ", ".join(f"{field} {count:,}" for field, count in by_field.iter_rows())
        asks = not changed.is_empty()
        before = self.explanations.resent_values(self.partition_key) if asks else NO_VALUES
        flagged = with_sent_again(changed, before, self._spec)
        again = flagged.filter(pl.col(SENT_AGAIN))
        may_help = not flagged.filter(~pl.col(SENT_AGAIN) & ~is_refused).is_empty()
        return CheckOutcome(
            VALUES,
            self.partition_key,
            severity_of(explained=refused, unexplained=rows.height - refused),
            f"{rows.height:,} of {compared:,} compared rows differ ({scope}): "
            f"{refused:,} refused, {rows.height - refused:,} unexplained"
            + (f"; fields: {fields}" if fields else "")
            + self._stored_otherwise(again)
            + _not_compared(self.sides.dropped_blanks()),
            rows.height - refused,
            table=tuple(changed.head(SHOWN).fill_null("(null)").iter_rows(named=True)),
            evidence=self._evidence(VALUES, flagged),
            repair=self._repair("--changed") if may_help else "",
        )

    def _stored_otherwise(self, again: pl.DataFrame) -> str:
        """Name the columns that a repair sent and the org stored otherwise, and what would help."""
        said: list[str] = []
        for (field,), values in again.group_by("field", maintain_order=True):
            column = next(one for one in self._spec.columns if one.target == field)
            setting = agreeing_setting(column, values)
            helps = f"{setting} in the spec would agree" if setting else "no setting would agree"
            said.append(f"{field} {values.height:,} ({helps})")
        return f"; sent again, and the org stores it otherwise: {', '.join(said)}" if said else ""

    def _changed(self, keys: pl.DataFrame) -> pl.DataFrame:
        """Read back the rows whose digests differ, some at a time, and compare their fields."""
        unlike = keys.filter(pl.col(IN_SOURCE) & pl.col(IN_TARGET) & ~pl.col(ALIKE))
        ids = unlike.get_column(self._key).unique(maintain_order=True)
        parts = [ids.slice(start, ROWS_AT_ONCE) for start in range(0, ids.len(), ROWS_AT_ONCE)]
        changed = [changed_values(self.sides.rows_of(part), self._spec) for part in parts]
        return pl.concat([without_values(self._spec), *changed])

    def pending(self) -> CheckOutcome:
        """Ask the ledger for rows without an outcome, and whether too many were refused.

        Refused rows explain why rows are missing; beyond a share of the partition something is
        wrong with the load, and nothing that it explains makes it right.
        """
        pending = self.explanations.pending(self.partition_key)
        refused = len(self._refused_keys)
        rows = self.explanations.selected(self.partition_key)
        rows = rows and max(rows, self.sides.source_rows)  # a repair selects few of them
        share_max = self._spec.limits.refused_share_max
        too_many = rows > 0 and refused > share_max * rows
        more = f", more than limits.refused_share_max ({share_max:.0%})" if too_many else ""
        repair = "dc-assets replay " + self._spec.name if too_many else ""
        return CheckOutcome(
            PENDING,
            self.partition_key,
            severity_of(explained=refused, unexplained=pending or too_many),
            f"{pending:,} rows of the newest load have no outcome, {refused:,} of {rows:,} were "
            f"refused{more}",
            pending,
            repair=self._repair("") if pending else repair,
            refused=refused,
        )

    def keys_to_send(self, mode: str) -> pl.Series:
        """Return the external ids that mode `missing` or `changed` sends.

        A row that the target lacks differs too, so `changed` sends it as well.
        """
        missing = self.sides.keys.filter(~pl.col(IN_TARGET)).get_column(self._key)
        if mode == "missing":
            return missing.unique()
        changed = self._changed(self.sides.keys).get_column(self._key)
        return pl.concat([missing, changed]).unique()

    @property
    def _key(self) -> str:
        return self._spec.target.external_id

    @cached_property
    def _refused_keys(self) -> Collection[str]:
        return self.explanations.refused_keys(self.partition_key)

    @cached_property
    def _refused(self) -> pl.DataFrame:
        """Missing rows that a dead letter explains."""
        explained = pl.col(self._key).is_in(list(self._refused_keys))
        return self.sides.keys.filter(~pl.col(IN_TARGET) & explained)

    @cached_property
    def _deleted(self) -> pl.DataFrame:
        """Rows that are gone from the source, if they are few; many are no explanation."""
        rows = self.sides.source_digests.height + self.gone.height
        is_alarm = self.gone.height > deletes_rows_max(self._spec.refresh, rows)
        return self.gone.clear() if is_alarm else self.gone

    @cached_property
    def gone(self) -> pl.DataFrame:
        """Extra rows that we landed, as our receipts say: the source has them no more."""
        extra = self.sides.keys.filter(~pl.col(IN_SOURCE))
        if extra.is_empty():
            return extra
        landed = self.explanations.landed_keys(extra.get_column(self._key).to_list())
        return extra.filter(pl.col(self._key).is_in(list(landed)))

    def _explained_by_refusals(self, field: str) -> Mapping[str | None, int]:
        """Return by how much refused and deleted rows shift each value, source minus target."""
        refused = pl.col(self._key).is_in(list(self._refused_keys)) & pl.col(IN_SOURCE)
        keys = pl.concat([self.sides.keys.filter(refused), self._deleted]).get_column(self._key)
        rows = self.sides.rows_of(keys.unique())
        shift: Counter[str | None] = Counter()
        shift.update(rows.filter(pl.col(IN_SOURCE)).get_column(at_source(field)).to_list())
        shift.subtract(rows.filter(pl.col(IN_TARGET)).get_column(at_target(field)).to_list())
        return shift

    def _evidence(self, check: str, rows: pl.DataFrame) -> str:
        if rows.is_empty():
            return ""
        return self.sides.archive.keep_evidence(self.partition_key, check, rows)

    def _repair_of_rows(self) -> str:
        """Return what sends the rows that make the sides differ: the missing ones come first."""
        if self.sides.keys.filter(~pl.col(IN_TARGET)).height > self._refused.height:
            return self._repair("--missing")
        return "" if self._changed(self.sides.keys).is_empty() else self._repair("--changed")

    def _repair(self, option: str) -> str:
        return self._command("run", option)

    def _command(self, command: str, option: str = "") -> str:
        words = ["dc-assets", command, self._spec.name, option]
        if self.partition_key in self._spec.ranges:
            words += ["--partitions", self.partition_key]
        return " ".join(word for word in words if word)


def _not_compared(dropped_blanks: Mapping[str, int]) -> str:
    """Tell the differences that the way an org stores a text makes."""
    if not dropped_blanks:
        return ""
    named = ", ".join(f"{field} {values:,}" for field, values in dropped_blanks.items())
    return (
        f"; not compared: blanks around a value that the target lacks ({named}; blanks: exact in "
        "the spec compares them)"
    )


def _canonical(counts: Mapping[str | None, int], column: ColumnSpec) -> Mapping[str | None, int]:
    """Merge the counts of values that mean the same, such as 1.50 and 1.5."""
    raw = pl.Series("value", list(counts), dtype=pl.String)
    values = pl.DataFrame(raw).select(comparable_text(pl.col("value"), column)).to_series()
    merged: Counter[str | None] = Counter()
    for value, rows in zip(values.to_list(), counts.values(), strict=True):
        merged[value] += rows
    return merged
