"""Sends one sample of a partition, and holds that part of the partition against both sides.

Decisions are in `core.canary`; the way of a row is that of every load.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import polars as pl

from dc_assets.core.canary import SampleFigures, shares_of
from dc_assets.core.checks import OUTGROWN, check_descriptions
from dc_assets.core.errors import ConfigError, RowsPending
from dc_assets.core.ranges import IdRange
from dc_assets.core.run_events import RunEvent
from dc_assets.core.spec import LoadSpec
from dc_assets.core.verdicts import CheckOutcome
from dc_assets.load.explanations import PartitionsTogether
from dc_assets.load.partition import load_partition
from dc_assets.load.ports import Ports, Source
from dc_assets.load.read_range import Sample
from dc_assets.load.reconcile import Audit
from dc_assets.load.store import RESUMED, DeadLetter, LoadRequest


class SampleExplanations(PartitionsTogether):
    """The labels of a partition, for the audit of its sample, which has another name."""

    def selected(self, _: str) -> int:
        """Return 0: the bar of its stage judges a sample."""
        return 0


@dataclass(frozen=True, slots=True)
class SampledPartition:
    """What one stage reached in one partition."""

    partition_key: str
    figures: SampleFigures
    outcomes: Sequence[CheckOutcome]
    dead_letters: Sequence[DeadLetter]

    @property
    def failed_checks(self) -> list[str]:
        """Names of the checks that found unexplained rows, or could not be asked."""
        return [one.check for one in self.outcomes if not one.severity.is_good]


@dataclass(frozen=True)
class Canary:
    """The samples of one command.

    Attributes:
        landed: returns the external ids of a partition that landed since the last full load ended.
        refused: returns the dead letters of a partition that are the latest outcome of their rows.
        audit: returns the checks of a part of a partition, under the sample's own name.
        begin: gives up the load of the stage before, or of a canary that was killed; an order to
            stop is obeyed.
        request: what was asked for; all samples say it.
    """

    spec: LoadSpec
    ports: Ports
    landed: Callable[[str], pl.Series]
    refused: Callable[[str], Sequence[DeadLetter]]
    audit: Callable[[str, IdRange], Audit]
    begin: Callable[[], object]
    request: LoadRequest = RESUMED
    _refused: dict[str, pl.Series] = field(default_factory=dict[str, pl.Series])

    def stage(self, ranges: Mapping[str, IdRange]) -> list[SampledPartition]:
        """Send one sample, one partition after another, and look at both sides.

        Raises:
            LedgerConflict: another canary of the spec is running.
            RunStopped: breaker, budget, operator or a silent host.
        """
        self.begin()
        return [self._partition(key, id_range) for key, id_range in ranges.items()]

    def _partition(self, key: str, id_range: IdRange) -> SampledPartition:
        started_s = self.ports.clock.now_s()
        sample = Sample(id_range, lambda: self._settled(key))
        try:
            sent = self._sent(key, sample)
        except RowsPending as error:  # the check of pending rows puts the stage under its bar
            self.ports.note(RunEvent("sample_unfinished", {"cause": str(error)}, key))
            sent = 0
        effort = SampleFigures(sent=sent, seconds=self.ports.clock.now_s() - started_s)
        audit = self.audit(key, id_range)
        wanted = set(check_descriptions(self.spec)) - {OUTGROWN}  # a sample has no size of its own
        outcomes = [without_repair(one) for one in audit.outcomes(wanted)]
        keys = audit.sides.source_digests.get_column(self.spec.target.external_id)
        return self._result(key, keys, outcomes, effort)

    def _sent(self, key: str, sample: Sample) -> int:
        loaded = load_partition(self.spec, key, self.ports, sample, request=self.request)
        return loaded.totals.selected or 0

    def _result(
        self, key: str, keys: pl.Series, outcomes: list[CheckOutcome], effort: SampleFigures
    ) -> SampledPartition:
        """Count what became of the sample's rows, whichever load sent them."""
        dead_letters = self.refused(key)
        refused = pl.Series([one.external_id for one in dead_letters], dtype=pl.String)
        inside = refused.is_in(keys.implode())
        dead_letters = [
            one for one, is_inside in zip(dead_letters, inside, strict=True) if is_inside
        ]
        self._refused[key] = refused = refused.filter(inside)
        is_refused = keys.is_in(refused.implode())
        landed = keys.is_in(self.landed(key).implode()) & ~is_refused
        figures = SampleFigures(
            rows=keys.len(),
            landed=int(landed.sum()),
            refused=int(is_refused.sum()),
        )
        return SampledPartition(key, figures + effort, outcomes, dead_letters)

    def _settled(self, key: str) -> pl.Series:
        """Return the ids that are not sent: they landed, or this command saw them refused."""
        refused = self._refused.get(key, pl.Series([], dtype=pl.String))
        return pl.concat([self.landed(key), refused])


def without_repair(outcome: CheckOutcome) -> CheckOutcome:
    """Leave out the command that fixes a partition: it would send far more than the sample."""
    return replace(outcome, repair="")


def sizes_of(spec: LoadSpec, source: Source, keys: Sequence[str]) -> dict[str, int]:
    """Count the source rows of some partitions.

    Raises:
        ConfigError: they have no row at all.
    """
    sizes = {key: source.count(spec.ranges[key]) for key in keys}
    if not any(sizes.values()):
        raise ConfigError(
            f"{spec.source.place} counts no rows in {', '.join(keys)}: there is nothing to send."
        )
    return sizes


def sample_ranges(
    spec: LoadSpec, source: Source, rows: int, sizes: Mapping[str, int]
) -> dict[str, IdRange]:
    """Return the part of each partition that a sample of so many rows is made of.

    A partition that gives no row is left out; one that gives all its rows is there as a whole.
    """
    ranges: dict[str, IdRange] = {}
    for key, share in shares_of(rows, sizes).items():
        whole = spec.ranges[key]
        if share:
            last = source.key_at(whole, share) if share < sizes[key] else None
            ranges[key] = whole if last is None else IdRange(after=whole.after, upto=last)
    return ranges
