"""The API calls that a load is charged with, against the org's own count."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from dc_assets.core.source_costs import source_costs
from dc_assets.ledger.database import Database
from dc_assets.ledger.tables import org_allowance, org_use
from dc_assets.load.store import LoadRequest
from dc_assets_tests.acceptance.stage import emulated_org
from dc_assets_tests.proof.world import World, opportunities

EXTRAS = {"progress", "explanations", "dead_letters", "deletions", "forecasts", "_archive"}


def test_every_call_that_the_org_counts_is_counted(module_folder: Path) -> None:
    """From the first describe to the last check; logins and Data Cloud queries are no API calls.

    To load makes nothing that only checks, plans and replays need. Data Cloud is asked as often as
    the costs of a load say, and once for the names.
    """
    with emulated_org(module_folder, "--opportunities", "600", "--accounts", "5") as org:
        world = World.of(org, module_folder / "first", opportunities(600, 2))
        with world.opened() as opened:
            whole = LoadRequest(partition_keys=list(world.spec.ranges))
            for key in world.spec.ranges:
                assert opened.load(key, whole).totals.pending == 0
            assert EXTRAS.isdisjoint(vars(opened))
            assert all(opened.checked(key) for key in world.spec.ranges)
        used = org.ask("calls")["api_total"]
        queries = source_costs(world.spec, rows=1)
        assert queries is not None
        assert org.calls("data_cloud_query") == 1 + queries.rows_a_load_max
        database = Database(f"sqlite:///{world.folder / 'data' / 'ledger.db'}")
        with database.begin() as connection:
            counted = connection.execute(sa.select(sa.func.sum(org_use.c.api_calls))).scalar_one()
            left = connection.execute(sa.select(org_allowance.c.api_calls_left)).scalar_one()
        database.close()
    assert counted == used > 20
    assert left > 0
