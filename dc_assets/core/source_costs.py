"""How many rows Data Cloud processes for a spec: it bills queries by them, not by calls.

"The count of records processed depends on the structure of a query as well as other related factors
such as the total number of records in the objects being queried" (Salesforce Help, "Data Services
Billable Usage Types for Data 360"). A query with both bounds of a range skips what is stored
elsewhere only where the storage is in key order, so a load has a least and a most.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from dc_assets.core.durations import DAY_S, HOUR_S
from dc_assets.core.spec import LoadSpec

ROWS_A_DAY_DEAR = 100_000_000
"""Looks that process more in a day are dear. At 2 credits for a million rows (rate card of 2024,
unconfirmed) these take 73,000 credits a year of the 250,000 that come with Data Cloud's
provisioning (its free licence)."""

QUERIES_A_PLAN = 2
"""Of a load's plan over the whole object: totals and keys that stand twice."""

QUERIES_OF_PARENTS = 1
QUERIES_A_PARTITION = 4
"""Rows and their count, when they are read and again when they are checked."""

QUERIES_A_FINGERPRINT = 1
QUERIES_A_CURSOR = 2
"""What a run sees of the source before it reads the first row: newest change, rows since."""


@dataclass(frozen=True, slots=True)
class SourceCosts:
    """Rows that Data Cloud processes.

    Attributes:
        rows_a_look: for one look at what changed, one query over the whole object.
        looks_a_day: at `refresh.look_every_s`, while the sensor runs.
        rows_a_day: for the looks of a day.
        rows_a_load_min: for a full load with its checks, if the object is stored in key order.
        rows_a_load_max: if it is not, and each query goes through all of it.
    """

    rows_a_look: int
    looks_a_day: int
    rows_a_day: int
    rows_a_load_min: int
    rows_a_load_max: int

    @property
    def is_dear(self) -> bool:
        """Whether looks so often are worth a warning."""
        return self.rows_a_day > ROWS_A_DAY_DEAR

    @property
    def look_every_s_min(self) -> int:
        """Seconds between two looks from which on they are not dear, in whole hours."""
        return ceil(self.rows_a_look * DAY_S / ROWS_A_DAY_DEAR / HOUR_S) * int(HOUR_S)

    def __str__(self) -> str:
        most = ""
        if self.rows_a_load_max != self.rows_a_load_min:
            most = f" to {self.rows_a_load_max:,}"
        looks = "1 look" if self.looks_a_day == 1 else f"{self.looks_a_day:,} looks"
        return (
            f"{self.rows_a_look:,} rows processed for a look, {self.rows_a_day:,} a day "
            f"({looks}); {self.rows_a_load_min:,}{most} for a load"
        )


def source_costs(spec: LoadSpec, rows: int) -> SourceCosts | None:
    """Return what an object of so many rows costs in Data Cloud; None for another source."""
    if not spec.source.is_data_cloud:
        return None
    of_plan = QUERIES_A_PLAN + (QUERIES_OF_PARENTS if spec.source.parent else 0)
    of_state = QUERIES_A_CURSOR if spec.refresh.modified else QUERIES_A_FINGERPRINT
    of_partition = QUERIES_A_PARTITION + of_state + len(spec.checks.distributions)
    looks_a_day = max(1, int(DAY_S // spec.refresh.looks_every_s))
    return SourceCosts(
        rows_a_look=rows,
        looks_a_day=looks_a_day,
        rows_a_day=rows * looks_a_day,
        rows_a_load_min=rows * (of_plan + of_partition),
        rows_a_load_max=rows * (of_plan + of_partition * len(spec.ranges)),
    )
