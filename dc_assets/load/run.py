"""One run of one partition: what is loaded, by which right, by which plan, through which ports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from dc_assets.core.ranges import IdRange
from dc_assets.core.spec import LoadSpec
from dc_assets.core.write_policy import Speed
from dc_assets.load.books import JobFigures, Plan, RangeTicket
from dc_assets.load.ports import Ports

REMEMBERED_JOBS = 20


@dataclass(frozen=True, slots=True)
class RangeRun:
    """Everything that stays the same while one partition is loaded.

    Attributes:
        wanted: the external ids that a partial load sends; None for all of them.
        part: the part of the partition that is loaded; None for all of it.
        unwanted: external ids that are not sent although they lie in the range.
    """

    spec: LoadSpec
    ticket: RangeTicket
    plan: Plan
    ports: Ports
    wanted: pl.Series | None = None
    part: IdRange | None = None
    unwanted: pl.Series | None = None

    @property
    def id_range(self) -> IdRange:
        """The ids that are read: those of the partition, or of a part of it."""
        return self.part or self.spec.ranges[self.ticket.partition_key]

    def known_speed(self) -> Speed:
        """Return what earlier jobs of the spec tell of the org's speed."""
        return speed_after(self.ports.batches.last_jobs(REMEMBERED_JOBS))

    def note(self, line: str) -> None:
        """Tell the operator, with the partition in front."""
        self.ports.note(f"{self.ticket.partition_key}: {line}")


def speed_after(past: Sequence[JobFigures]) -> Speed:
    """Return what a run knows of the org's speed after some jobs, oldest first."""
    speed = Speed()
    for job in past:
        speed = speed.after(rows=job.rows, total_s=job.total_s, active_s=job.active_s)
    return speed
