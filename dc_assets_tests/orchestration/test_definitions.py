"""What Dagster is told: a snapshot, and what importing it does not do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import dagster as dg

from dc_assets.definitions import defs
from dc_assets.load.spec_files import read_spec
from dc_assets.orchestration.assets import LoadConfig
from dc_assets_tests.acceptance.stage import PACKAGED_SPEC

ASSET = dg.AssetKey("opportunities_in_core")


def test_the_definitions_are_what_operators_know() -> None:
    """Asset, partitions, pool, checks and resource: a change here is seen by every operator."""
    asset = defs.get_assets_def(ASSET)
    assert {*asset.keys} == {ASSET}
    assert asset.partitions_def is not None
    assert asset.partitions_def.get_partition_keys() == [f"r1-0{n}" for n in range(1, 6)]
    assert asset.op.pool == "salesforce"
    assert asset.code_versions_by_key == {ASSET: read_spec(PACKAGED_SPEC).spec_hash[:12]}
    assert asset.backfill_policy is None
    checks = {spec.name: spec for c in defs.asset_checks or () for spec in c.check_specs}
    assert set(checks) >= {"row_count_matches", "stage_name_distribution_matches"}
    for spec in checks.values():
        assert spec.asset_key == ASSET
        assert spec.blocking
        assert spec.partitions_def == asset.partitions_def
    assert set(defs.resources or {}) == {"salesforce"}


def test_the_audit_asks_every_check_of_the_whole_object() -> None:
    """It has no partitions, depends on the loaded asset, and its checks block."""
    audit = defs.get_assets_def(dg.AssetKey("opportunities_audit"))
    assert audit.partitions_def is None
    assert {dep for deps in audit.asset_deps.values() for dep in deps} == {ASSET}
    loaded = {spec.name for c in defs.asset_checks or () for spec in c.check_specs}
    assert {spec.name for spec in audit.check_specs} == loaded
    assert all(spec.blocking for spec in audit.check_specs)


def test_the_run_config_has_these_fields() -> None:
    """The launchpad shows them, each with its description."""
    fields = LoadConfig.model_fields
    assert set(fields) == {
        *("mode", "resume", "partition_keys", "after_stop", "batch_rows_max", "window"),
        *("anyway", "production", "snapshot"),
    }
    assert all(field.description for field in fields.values())


def test_the_definitions_can_be_loaded() -> None:
    """Dagster resolves every reference among them."""
    dg.Definitions.validate_loadable(defs)


def test_importing_the_definitions_touches_neither_network_nor_ledger(tmp_path: Path) -> None:
    """A code location loads while the org is away; an audit hook sees every call."""
    program = (
        "import sys\n"
        "seen = []\n"
        "names = {'socket.connect', 'socket.getaddrinfo', 'sqlite3.connect'}\n"
        "sys.addaudithook(lambda name, arguments: name in names and seen.append(name))\n"
        "import dc_assets.definitions\n"
        "assert seen == [], seen\n"
    )
    data = tmp_path / "data"
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("SF_", "DC_ASSETS_"))}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**kept, "DC_ASSETS_DATA": str(data), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not data.exists()
    assert not (tmp_path / ".dc_assets").exists()
