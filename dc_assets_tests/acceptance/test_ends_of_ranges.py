"""The first and the last id of every range: what the system before this one lost."""

from __future__ import annotations

import pytest

from dc_assets_tests.acceptance.stage import StageMaker

pytestmark = pytest.mark.acceptance


def test_the_first_and_the_last_id_of_every_range_land(stage_of: StageMaker) -> None:
    """A bound belongs to exactly one partition, and neither end of the whole is lost."""
    stage = stage_of(rows=3_003, partitions=5)
    done = stage.run("run", "--local")
    assert done.code == 0, done.err
    landed = set(stage.org.core_ids())
    cuts = [0, 600, 1201, 1801, 2402, 3003]
    ends = [f"externalOpp{n:07d}" for cut in cuts for n in (cut, cut + 1) if 0 < n <= 3_003]
    assert ends[0] == "externalOpp0000001"
    assert ends[-1] == "externalOpp0003003"
    assert set(ends) <= landed
    assert sorted(landed) == stage.ids
    assert stage.org.keys_of_two_jobs() == {}
