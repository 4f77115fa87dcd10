"""One emulated org with the objects of the tests, and sources for them."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import polars as pl
import yaml

from dc_assets_tests.acceptance.stage import Done, Org, emulated_org, environment_of
from dc_assets_tests.cli.in_process import run_here

PACKAGED = Path(__file__).parents[2] / "dc_assets" / "emulator" / "schema.yaml"
OBJECTS = Path(__file__).with_name("objects.yaml")
ACCOUNTS = [f"acc{number:07d}" for number in range(1, 6)]
USER_ID = "005Ov0000000001IAA"
"""The user of the login, by his record id."""

ROWS = 30


@dataclass(frozen=True)
class FirstWorld:
    """An org, a folder for specs and one for files."""

    org: Org
    folder: Path
    settings: dict[str, str]

    @property
    def loads(self) -> Path:
        """Where specs are written."""
        return self.folder / "loads"

    def run(self, *arguments: str) -> Done:
        """Run a command in this process."""
        return run_here(self.settings, *arguments)

    def run_at(self, terminal: TextIO, *arguments: str) -> Done:
        """Run a command in this process, with a terminal to ask at."""
        before, sys.stdin = sys.stdin, terminal
        try:
            return self.run(*arguments)
        finally:
            sys.stdin = before

    def tell(self, name: str, rows: pl.DataFrame) -> str:
        """Let the tenant have an object with some rows; return its name."""
        file = self.folder / f"{name}.parquet"
        rows.write_parquet(file)
        self.org.tell("source", path=str(file), object=f"{name}__dlm")
        return f"{name}__dlm"


@contextmanager
def first_world(folder: Path) -> Generator[FirstWorld]:
    """Run an org with accounts and opportunities of the packaged kind, and with more objects."""
    schema = folder / "schema.yaml"
    both = [yaml.safe_load(file.read_text(encoding="utf-8")) for file in (PACKAGED, OBJECTS)]
    objects = both[0]["objects"] | both[1]["objects"]
    schema.write_text(yaml.safe_dump({"objects": objects}), encoding="utf-8")
    seeding = ("--opportunities", "40", "--accounts", str(len(ACCOUNTS)))
    with emulated_org(folder, "--schema", str(schema), *seeding) as org:
        settings = {
            **environment_of(folder),
            "SF_LOGIN_URL": org.ready["base_url"],
            "SF_CLIENT_ID": org.ready["client_id"],
            "SF_CLIENT_SECRET": org.ready["client_secret"],
            "DC_ASSETS_DATA": str(folder / "data"),
            "DC_ASSETS_LOADS": str(folder / "loads"),
        }
        yield FirstWorld(org, folder, settings)


def people() -> pl.DataFrame:
    """Return contacts as a standard object of Data Cloud has them, with what Data Cloud adds."""
    moment = dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC)
    numbers = range(ROWS)
    return pl.DataFrame(
        {
            "ssot__Id__c": [f"crm{number:04}" for number in numbers],
            "Person_UUID__c": [f"contactkey{number:08}" for number in numbers],
            "KQ_Id__c": ["CRM"] * ROWS,
            "ssot__LastName__c": [f"O'Neil {number}" for number in numbers],
            "ssot__FirstName__c": ["Ana", None] * (ROWS // 2),
            "ssot__Email__c": [f"p{number}@example.org" for number in numbers],
            "ssot__Birthdate__c": [dt.date(2000, 2, 29)] * ROWS,
            "HasOptedOutOfEmail__c": [True, False] * (ROWS // 2),
            "loyalty_score__c": [number / 7 for number in numbers],
            "AccountExternalId__c": [*ACCOUNTS, None] * (ROWS // 6),
            "ReportsToKey__c": [None, *(f"contactkey{number:08}" for number in range(ROWS - 1))],
            "ssot__OwnerId__c": [USER_ID] * ROWS,
            "ssot__Name__c": [f"Ana O'Neil {number}" for number in numbers],
            "Shoe_Size__c": [str(number) for number in numbers],
            "ssot__DataSourceId__c": ["crm"] * ROWS,
            "ssot__LastModifiedDate__c": [moment] * ROWS,
        }
    )


def deals() -> pl.DataFrame:
    """Return rows with three parents and one key."""
    return pl.DataFrame(
        {
            "deal": [f"d{number:03}" for number in range(ROWS)],
            "Title": ["same"] * ROWS,
            "account": ACCOUNTS * (ROWS // 5),
            "campaign": ["c1", "c2", None] * (ROWS // 3),
            "tailnum": ["N1", None] * (ROWS // 2),
        }
    )
