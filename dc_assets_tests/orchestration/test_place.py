"""Where a process keeps its ledger, told without a password and comparable."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from dc_assets.definitions import defs
from dc_assets.wiring.place import DATABASE, UNKNOWN, ledger_place, place_of
from dc_assets_tests.cli.in_process import environment_is
from dc_assets_tests.fakes.specs import KEY, small_spec


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:s3cret@db.acme/dc",
        "postgres://other:s3cret@db.acme/dc",
        "postgresql+psycopg2://db.acme:5432/dc?password=s3cret",
        "postgresql://me:p%40s3cret@db.acme/dc?sslpassword=s3cret&options=-c%20x%3Ds3cret",
    ],
)
def test_one_postgresql_ledger_is_one_place_whoever_asks(url: str) -> None:
    """Driver, user, password and options are no part of it."""
    assert ledger_place(url) == "postgresql://db.acme:5432/dc"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://db.acme:5433/dc",
        "postgresql://db.acme/other",
        "postgresql://db2.acme/dc",
        "postgresql://db.acme/dc?host=/var/run/postgresql",
        "sqlite:////var/lib/dc_assets/ledger.db",
        "s3cret",
        "postgresql://me:s3cret",
        "postgresql://db.acme:s3cret/dc",
    ],
)
def test_other_ledgers_are_other_places(url: str) -> None:
    """Host, port, database, socket; and what is no URL is not repeated."""
    place = ledger_place(url)
    assert place != "postgresql://db.acme:5432/dc"
    assert "s3cret" not in place


def test_a_file_reached_by_two_names_is_one_place(tmp_path: Path) -> None:
    """Links and dots are followed."""
    (tmp_path / "data").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "data")
    places = {ledger_place(f"sqlite:///{tmp_path}/{name}/ledger.db") for name in ("data", "link")}
    assert places == {f"sqlite:///{(tmp_path / 'data').resolve()}/ledger.db"}


def test_the_database_of_a_source_is_told_without_its_password() -> None:
    """Two processes may have other values of the variable that a spec names; one may have none."""
    sql = {"url": "$WAREHOUSE", "table": "things"}
    spec = small_spec(source={"sql": sql, "key": KEY, "parent": "ParentKey__c"})
    with environment_is({"WAREHOUSE": "postgresql://me:s3cret@db.acme/dc"}):
        assert place_of(spec, "")[DATABASE] == "postgresql://db.acme:5432/dc"
    with environment_is({}):
        assert place_of(spec, "")[DATABASE] == UNKNOWN
    assert DATABASE not in place_of(small_spec(), "")


def test_the_definitions_tell_the_place_of_each_load() -> None:
    """As metadata of the asset, which `dc-assets run` asks for."""
    key = dg.AssetKey("opportunities_in_core")
    told = defs.get_assets_def(key).metadata_by_key[key]
    assert set(told) >= set(place_of(small_spec(), ""))
