"""A short kill hunt; `python -m dc_assets_tests.hunts.kill9` is the long one."""

from __future__ import annotations

import pytest

from dc_assets_tests.acceptance.stage import running_org, short_folder
from dc_assets_tests.hunts.kill9 import Hunt

pytestmark = [pytest.mark.acceptance, pytest.mark.hunt]


@pytest.mark.timeout(300)
def test_kills_in_every_state_lose_no_row_and_send_none_twice() -> None:
    """Every source row is in Core once, by one job; no job of ours is Open, no lane is leased."""
    said: list[str] = []
    with short_folder() as folder, running_org(folder, rows=0) as org:
        tally = Hunt(org, folder, kills=12, rows=1_000, seed=7, min_hits=1, say=said.append).run()
    assert tally.failures == [], "\n".join(said)
    assert tally.kills == 12
