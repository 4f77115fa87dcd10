"""Records that refer to records of their own object, and an owner that may be of several kinds."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import polars as pl
import pytest
import yaml

from dc_assets_tests.acceptance.stage import Org, emulated_org
from dc_assets_tests.cli.in_process import run_here
from dc_assets_tests.proof.world import Content, World, total

KEY = "Key__c"
BOSS = "Boss__r.Key__c"
ROWS = 5
SPEC: Content = {
    "name": "people",
    "source": {"files": "rows.parquet", "key": "K"},
    "target": {"object": "Person__c", "external_id": KEY},
    "columns": [
        {"source": "K", "target": KEY},
        {"source": "B", "target": BOSS, "type": "reference"},
    ],
    "partitions": {"scheme": 1, "upper_bounds": []},
}
TEXT = {"type": "string", "length": 255}
BOSS_FIELD = {"type": "reference", "refers_to": "Person__c", "relationship": "Boss__r"}
SCHEMA = {
    "objects": {
        "Person__c": {
            "key_prefix": "901",
            "fields": {
                KEY: {**TEXT, "external_id": True, "unique": True},
                "Boss__c": BOSS_FIELD,
            },
        }
    }
}


@pytest.fixture(scope="module")
def running(module_folder: Path) -> Generator[Org]:
    """An org with one object that refers to itself."""
    schema = module_folder / "schema.yaml"
    schema.write_text(yaml.safe_dump(SCHEMA), encoding="utf-8")
    with emulated_org(module_folder, "--schema", str(schema)) as started:
        yield started


@pytest.fixture
def org(running: Org, tmp_path: Path) -> Org:
    """The same without a record; the source has a chain of five."""
    running.tell("reset")
    keys = [f"a{n}" for n in range(1, ROWS + 1)]
    pl.DataFrame({"K": keys, "B": [*keys[1:], None]}).write_parquet(tmp_path / "rows.parquet")
    return running


def test_a_chain_of_five_lands_by_one_load(org: Org, tmp_path: Path) -> None:
    """Every level lands in a round of its own, and the checks find both sides equal."""
    world = World.of(org, tmp_path, SPEC)
    reached = total(world.load())
    assert (reached.landed, reached.refused, reached.pending) == (ROWS, 0, 0)
    assert world.audit().is_green()


def test_a_chain_over_two_partitions_lands_by_one_command(org: Org, tmp_path: Path) -> None:
    """The rows of the first partition wait for the second, and go when it is done."""
    bounds = {"partitions": {"scheme": 1, "upper_bounds": ["a2"]}}
    World.of(org, tmp_path, SPEC | bounds)
    settings = {
        "SF_LOGIN_URL": org.ready["base_url"],
        "SF_CLIENT_ID": org.ready["client_id"],
        "SF_CLIENT_SECRET": org.ready["client_secret"],
        "DC_ASSETS_LOADS": str(tmp_path),
        "DC_ASSETS_DATA": str(tmp_path / "data"),
    }
    done = run_here(settings, "run", "people", "--local")
    assert done.code == 0, done.err
    assert org.sql('SELECT COUNT(*) FROM "Person__c"') == [[ROWS]]
    assert "2 rows name parents that the org lacks and another partition may bring" in done.err


def test_an_owner_of_one_kind_is_sent_read_and_repaired(org: Org, tmp_path: Path) -> None:
    """The kind stands in the job alone; a changed owner is found and sent again, and no other."""
    owners = ["seller@emulator.invalid", "integration@emulator.invalid"]
    rows = pl.DataFrame({"K": ["o1", "o2", "o3"], "O": [*owners, owners[0]]})
    rows.write_parquet(tmp_path / "rows.parquet")
    owner = {"source": "O", "target": "User:Owner.Username", "type": "reference"}
    counted = {"checks": {"distributions": ["User:Owner.Username"]}}
    columns = {"columns": [SPEC["columns"][0], owner]}
    world = World.of(org, tmp_path, SPEC | columns | counted)
    assert total(world.load()).landed == rows.height
    assert world.audit().is_green()
    rows.with_columns(pl.lit(owners[1]).alias("O")).write_parquet(tmp_path / "rows.parquet")
    assert not world.audit().is_green()
    with world.opened() as opened:
        sent = opened.audit("r1-01").keys_to_send("changed").sort().to_list()
    assert sent == ["o1", "o3"]
    assert total(world.load("changed")).landed == len(sent)
    assert world.audit().is_green()
