"""Fill the stores: parents into Core, source rows into Data Cloud, the same for the same seed."""
# ruff: noqa: S608  the texts come from the packaged seed file, numbers are checked

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

import yaml

from dc_assets.emulator.ids import id_macro_sql
from dc_assets.emulator.schema import ObjectType
from dc_assets.emulator.stores.core import CoreStore
from dc_assets.emulator.stores.data_cloud import DataCloudStore
from dc_assets.emulator.stores.duck import Session, quoted
from dc_assets.emulator.stores.record_index import NUMBER

PACKAGED = Path(__file__).with_name("seed.yaml")
SEED_TIME = "TIMESTAMP '2026-01-01 00:00:00'"
DEFAULTS: dict[str, object] = {
    "opportunities": 0,
    "accounts": 0,
    "skew": "uniform",
    "seed": 1,
    "bad_rows": 0,
}


class SeedError(Exception):
    """The seed cannot be made; the text is one sentence."""


@dataclass(frozen=True, slots=True)
class Skew:
    """How children choose parents: evenly, by 1/rank**exponent, or one parent with a share."""

    kind: str
    value: float

    @classmethod
    def parse(cls, text: str) -> Skew:
        """Read ``uniform``, ``zipf:1.0`` or ``hot:0.05``.

        Raises:
            SeedError: it is none of these.
        """
        kind, _, number = text.partition(":")
        try:
            value = float(number) if number else 0.0
        except ValueError:
            value = -1.0
        good = {
            "uniform": not number,
            "zipf": 0 < value <= 5,  # noqa: PLR2004  beyond 5 one parent has all
            "hot": 0 < value < 1,
        }
        if not good.get(kind):
            raise SeedError(f"The skew {text} is none of uniform, zipf:EXPONENT, hot:SHARE.")
        return cls(kind, value)


@dataclass(frozen=True, slots=True)
class SeedPlan:
    """What to make: rows of the source, parents, skew, seed, rows that must be refused."""

    opportunities: int
    accounts: int
    skew: Skew
    seed: int
    bad_rows: int

    @classmethod
    def from_options(cls, options: Mapping[str, object]) -> SeedPlan:
        """Check options by name; what is absent has the value of the command line's default.

        Raises:
            SeedError: an option is unknown, of the wrong type, or out of its range.
        """
        for name in options:
            if name not in DEFAULTS:
                raise SeedError(f"There is no seed option {name}.")
        given = {**DEFAULTS, **options}
        numbers: dict[str, int] = {}
        for name in ("opportunities", "accounts", "seed", "bad_rows"):
            value = given[name]
            if not isinstance(value, int) or isinstance(value, bool) or value < 0:
                raise SeedError(
                    f"The seed option {name} takes a whole number that is not negative."
                )
            numbers[name] = value
        if numbers["opportunities"] > 0 and numbers["accounts"] < 1:
            raise SeedError("Opportunities need at least one account.")
        if numbers["bad_rows"] > numbers["opportunities"]:
            raise SeedError("There cannot be more bad rows than opportunities.")
        return cls(
            opportunities=numbers["opportunities"],
            accounts=numbers["accounts"],
            skew=Skew.parse(str(given["skew"])),
            seed=numbers["seed"],
            bad_rows=numbers["bad_rows"],
        )


def seed(core: CoreStore, data_cloud: DataCloudStore, plan: SeedPlan) -> None:
    """Write parents and source rows; the stores are empty before.

    Raises:
        SeedError: the schema lacks the parent object or one of its fields.
    """
    spec = _spec()
    if plan.accounts:
        _seed_parents(core, spec["parent"], plan)
    if plan.opportunities:
        with data_cloud.database.session() as session, session.transaction():
            _macros(session, plan.seed)
            _seed_source(session, spec["source"], plan)


@dataclass(frozen=True, slots=True)
class ParentColumn:
    """The column of the seeded source that names a parent by its key."""

    source: str
    column: str
    parent: str
    key: str


def parent_column() -> ParentColumn:
    """Where the rows that we make name their parents."""
    source, parent = _spec()["source"], _spec()["parent"]
    return ParentColumn(
        str(source["object"]), str(source["parent_column"]), str(parent["object"]), parent["key"]
    )


@cache
def _spec() -> dict[str, dict[str, Any]]:
    loaded: object = yaml.safe_load(PACKAGED.read_text(encoding="utf-8"))
    return cast("dict[str, dict[str, Any]]", loaded)


def _macros(session: Session, number: int) -> None:
    session.run(
        "CREATE OR REPLACE TEMP MACRO rolled(n, what) AS "
        f"(hash(n, what, {number}) >> 11)::DOUBLE / {2**53}"
    )


def _rolled(expression: str) -> str:
    return expression.replace("roll(", "rolled(n, ")


def _seed_parents(core: CoreStore, spec: Mapping[str, Any], plan: SeedPlan) -> None:
    item = core.schema.whole(str(spec["object"]))
    if item is None:
        raise SeedError(f"The schema has no object {spec['object']}, which seeding fills.")
    values = {"Name": str(spec["name"]), str(spec["key"]): str(spec["key_sql"]), **spec["columns"]}
    columns = _parent_columns(item, {k: str(v) for k, v in values.items()})
    with core.writing, core.database.session() as session, session.transaction():
        first = core.index(item).next_number
        session.run(id_macro_sql(item.key_prefix))
        _macros(session, plan.seed)
        session.run(
            f"INSERT INTO {quoted(item.name)} ({', '.join(columns)}) "
            f"SELECT {', '.join(columns.values())} FROM "
            f"(SELECT range + 1 AS n, range + {first} AS number FROM range({plan.accounts}))"
        )
        core.forget_indexes()


def _parent_columns(item: ObjectType, values: Mapping[str, str]) -> dict[str, str]:
    columns = {
        '"Id"': "sf_id(number)",
        '"IsDeleted"': "false",
        NUMBER: "number",
    }
    for name, expression in values.items():
        field = item.field(name)
        if field is None:
            raise SeedError(f"The object {item.name} has no field {name}, which seeding fills.")
        columns[quoted(field.name)] = _rolled(expression)
    for name in ("CreatedDate", "LastModifiedDate", "SystemModstamp"):
        columns[quoted(name)] = SEED_TIME
    return columns


def _seed_source(session: Session, spec: Mapping[str, Any], plan: SeedPlan) -> None:
    name = quoted(str(spec["object"]))
    _parents_of_rows(session, plan, float(spec["no_parent_share"]))
    columns = cast("Mapping[str, str]", spec["columns"])
    bad = cast("list[Mapping[str, str]]", spec["bad"])
    listed = ", ".join(
        f"{_with_bad(column, _rolled(text), bad)} AS {quoted(column)}"
        for column, text in columns.items()
    )
    session.run(
        f"CREATE OR REPLACE TABLE {name} AS SELECT {listed} FROM ("
        f"SELECT n, parent, {_bad_number(plan)} AS bad FROM chosen) "
        f"ORDER BY hash(n, {plan.seed}, 'order')"
    )
    session.run("DROP TABLE chosen")


def _bad_number(plan: SeedPlan) -> str:
    """Number of a bad row from 0, null for a good one: the last row of each equal part is bad."""
    rows, bad = plan.opportunities, plan.bad_rows
    if not bad:
        return "NULL::BIGINT"
    return (
        f"CASE WHEN (n::HUGEINT * {bad}) // {rows} > ((n - 1)::HUGEINT * {bad}) // {rows} "
        f"THEN ((n - 1)::HUGEINT * {bad} // {rows})::BIGINT END"
    )


def _with_bad(column: str, expression: str, bad: list[Mapping[str, str]]) -> str:
    cases = "".join(
        f" WHEN bad % {len(bad)} = {number} THEN {entry[column]}"
        for number, entry in enumerate(bad)
        if column in entry
    )
    return f"CASE{cases} ELSE {expression} END" if cases else f"({expression})"


def _parents_of_rows(session: Session, plan: SeedPlan, no_parent_share: float) -> None:
    chosen = _chosen_sql(session, plan)
    session.run(
        "CREATE OR REPLACE TEMP TABLE chosen AS SELECT n, CASE WHEN "
        f"rolled(n, 'no parent') < {no_parent_share} THEN NULL ELSE parent END AS parent "
        f"FROM ({chosen})"
    )


def _chosen_sql(session: Session, plan: SeedPlan) -> str:
    rows = f"(SELECT range + 1 AS n FROM range({plan.opportunities}))"
    count = plan.accounts
    even = f"1 + floor(rolled(n, 'parent') * {count})::BIGINT"
    if plan.skew.kind == "uniform" or count == 1:
        return f"SELECT n, {even} AS parent FROM {rows}"
    if plan.skew.kind == "hot":
        rest = f"2 + floor(rolled(n, 'parent') * {count - 1})::BIGINT"
        hot = f"CASE WHEN rolled(n, 'hot') < {plan.skew.value} THEN 1 ELSE {rest} END"
        return f"SELECT n, {hot} AS parent FROM {rows}"
    weight = f"1 / power(range + 1, {plan.skew.value})"
    session.run(
        "CREATE OR REPLACE TEMP TABLE weights AS SELECT range + 1 AS parent, "
        f"(sum({weight}) OVER (ORDER BY range) - {weight}) / sum({weight}) OVER () AS low "
        f"FROM range({count})"
    )
    rolls = f"(SELECT n, rolled(n, 'parent') AS point FROM {rows})"
    return f"SELECT n, parent FROM {rolls} ASOF JOIN weights ON point >= low"
