"""Step 1: one plan for each load, made once, used by every partition run, process and host."""

from __future__ import annotations

from collections.abc import Sequence

from dc_assets.core.errors import ConfigError, SourceIncomplete
from dc_assets.core.lanes import LaneMap, LoadSize
from dc_assets.core.spec import LoadSpec
from dc_assets.core.target_fields import UNDESCRIBED, TargetDescription
from dc_assets.load.ports import Ports, Source
from dc_assets.load.store import Plan

PLAN_AGAIN_S = 1.0


def agreed_plan(spec: LoadSpec, load_id: str, ports: Ports) -> Plan:
    """Return the plan of a load; the first run makes it, the others wait for it."""
    while True:
        plan = ports.loads.plan(load_id)
        if plan is not None:
            return plan
        if ports.loads.take_planning(load_id):
            ports.loads.keep_plan(load_id, make_plan(spec, ports.source, ports.described))
        else:
            ports.clock.sleep(PLAN_AGAIN_S)


def make_plan(spec: LoadSpec, source: Source, described: TargetDescription = UNDESCRIBED) -> Plan:
    """Look at the source once and decide lanes and window.

    Raises:
        ConfigError: the source has rows without a key: no partition would hold them.
        SourceIncomplete: it counts no rows at all, which is never by itself the end.
    """
    rows, keyless_rows = source.rows_total()
    if rows == 0:
        raise SourceIncomplete(
            f"{spec.source.place} counts no rows at all. Nothing was sent. Look at the source "
            "itself and at source.where; if it was being refreshed, run again."
        )
    if keyless_rows:
        raise ConfigError(
            f"{keyless_rows:,} of {rows:,} rows of {spec.source.place} have no "
            f"{spec.source.key}, so no partition holds them. Give them a key, or leave them out "
            f"on purpose with source.where in the spec {spec.name}."
        )
    lanes, _ = lanes_for(spec, source, rows)
    with_case = described.has_case(spec.target.external_id)
    return Plan(
        lanes=lanes,
        window=spec.profile.window,
        rows=rows,
        ambiguous_keys=frozenset(source.ambiguous_keys(with_case=with_case)),
    )


def lanes_for(
    spec: LoadSpec, source: Source, rows: int
) -> tuple[LaneMap, Sequence[tuple[str, int]]]:
    """Return the lanes of a load of so many rows, and the parents that they name with their rows.

    The biggest parent comes first.
    """
    size = LoadSize(rows, partitions=len(spec.ranges), window=spec.profile.window)
    big = () if spec.source.parent is None else source.parents_above(size.named_above)
    lanes = size.lane_map(big)
    named = {parent for group in lanes.named for parent in group}
    return lanes, [one for one in big if one[0] in named]
