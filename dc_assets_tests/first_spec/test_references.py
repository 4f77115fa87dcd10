"""Which columns name parents, and by which field."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from dc_assets.core.first_spec.draft import lane_columns
from dc_assets.core.first_spec.references import (
    Looked,
    Parents,
    Way,
    guesses,
    guesses_by_key,
    no_way,
    settled,
    ways,
)
from dc_assets.core.target_fields import TargetObject
from dc_assets_tests.first_spec.drafts import field, key, lookup, thing

ACCOUNT = thing(key("External_ID__c"), key("Legacy__c"), field("Name"), name="Account")
USER = thing(
    field("Username", id_lookup=True), field("Email", "email", id_lookup=True), name="User"
)
GROUP = thing(field("Name"), name="Group")
DEAL = thing(
    lookup("AccountId", "Account"),
    lookup("Partner__c", "Account"),
    lookup("OwnerId", "Group", "User", relationship="Owner"),
    lookup("Parent__c", "Deal__c"),
    lookup("CreatedById", "User", createable=False, updateable=False),
    key("Key__c"),
    name="Deal__c",
)
HOME = ("Deal__c", "Key__c")
PARENTS = {one.name: one for one in (ACCOUNT, USER, GROUP, DEAL)}


def guessed(*columns: str, target: TargetObject = DEAL) -> dict[str, str]:
    """Return the lookup that each column is called like."""
    return {one.column: one.lookup.name for one in guesses(columns, target)[0]}


@pytest.mark.parametrize(
    ("column", "lookup_name"),
    [
        ("AccountExternalId__c", "AccountId"),
        ("AccountId", "AccountId"),
        ("account", "AccountId"),
        ("ssot__AccountId__c", "AccountId"),
        ("partner_key", "Partner__c"),
        ("Parent Code", "Parent__c"),
        ("OwnerUsername", "OwnerId"),
        ("Manager__c", None),
        ("", None),
    ],
)
def test_a_column_is_called_like_a_lookup(column: str, lookup_name: str | None) -> None:
    """By the lookup, its relationship, or the object that it alone leads to."""
    assert guessed(column).get(column) == lookup_name


def test_two_lookups_to_one_object_leave_the_column_open() -> None:
    """Its name says the object, and not which of the two."""
    target = thing(lookup("Buyer__c", "Account"), lookup("Seller__c", "Account"))
    found, left = guesses(["account_key"], target)
    assert (list(found), left) == (
        [],
        {"account_key": "it may name the parents of Buyer__c or Seller__c"},
    )


def test_a_lookup_of_the_org_is_not_filled() -> None:
    """The reason is said."""
    found, left = guesses(["CreatedById__c"], DEAL)
    assert (list(found), "may not write CreatedById" in left["CreatedById__c"]) == ([], True)


def tried(column: str, *values: str) -> list[str]:
    """Return the targets that are tried for a column."""
    return [
        w.target
        for g in guesses([column], DEAL)[0]
        for w in ways(g, Parents(PARENTS, HOME), values)
    ]


@pytest.mark.parametrize(
    ("column", "values", "targets"),
    [
        ("AccountLegacy__c", ["x"], ["Account.Legacy__c"]),
        ("AccountKey__c", ["x"], ["Account.External_ID__c", "Account.Legacy__c"]),
        ("AccountSource__c", ["x"], []),
        ("OwnerEmail__c", ["x"], ["User:Owner.Email"]),
        ("AccountId__c", ["001000000000001AAA"], ["AccountId"]),
        ("AccountLegacy__c", ["001000000000001"], ["Account.Legacy__c", "AccountId"]),
        ("AccountLegacy__c", ["externalOpp0000001"], ["Account.Legacy__c"]),
        (
            "AccountId__c",
            ["001000000000001AAA", "x"],
            ["Account.External_ID__c", "Account.Legacy__c"],
        ),
    ],
    ids=[
        *("named field", "each key", "no key", "one kind", "record ids", "perhaps record ids"),
        *("as long as one", "not all are record ids"),
    ],
)
def test_parents_are_named_by_their_keys(
    column: str, values: list[str], targets: list[str]
) -> None:
    """By the field that the name says, else by each; record ids fill the lookup itself."""
    assert tried(column, *values) == targets


def way(column: str, target: str, *, is_named: bool = False) -> Way:
    """Return a way to an account."""
    return Way(column, "AccountId", target, "Account", target.rpartition(".")[2], is_named=is_named)


A, B = way("acc", "Account.A__c"), way("acc", "Account.B__c")
NAMED = way("acc", "Account.B__c", is_named=True)
HOME_WAY = Way("acc", "Up__c", "Up__r.Key__c", "Deal__c", "Key__c", leads_home=True)
OTHER = way("other", "Account.A__c")


@pytest.mark.parametrize(
    ("looked", "columns", "said"),
    [
        ({A: Looked(9, 1), B: Looked(9, 8)}, {"acc": "Account.B__c"}, "has 8 of 9 values"),
        ({A: Looked(50, 50, 11)}, {"acc": "Account.A__c"}, "50 values looked at, of 61 in all"),
        ({A: Looked(9, 0)}, {"acc": "Account.A__c"}, "load Account first"),
        ({A: Looked(9, 0), NAMED: Looked(9, 0)}, {"acc": "Account.B__c"}, "load Account first"),
        ({A: Looked(9, 0), B: Looked(9, 0)}, {}, "none of 9 values looked at is a Account.A__c or"),
        ({A: Looked(9, 2), OTHER: Looked(9, 7)}, {"other": "Account.A__c"}, "by other"),
        (
            {HOME_WAY: Looked(9, 0), A: Looked(9, 0)},
            {"acc": "Up__r.Key__c"},
            "of the same load may",
        ),
        ({A: Looked(0, 0)}, {"acc": "Account.A__c"}, "no values yet"),
    ],
    ids=[
        "most found",
        "more than were asked",
        "one way",
        "by its name",
        "nobody knows",
        "two columns",
        "a row of the load",
        "empty",
    ],
)
def test_what_the_org_has_decides(
    looked: Mapping[Way, Looked], columns: dict[str, str], said: str
) -> None:
    """One column a lookup: that of which most values are there."""
    found = settled(looked)
    assert {one.source: one.target for one in found.columns} == columns
    assert said in " ".join([*(one.note for one in found.columns), *found.left.values()])


def test_lanes_go_by_parents_that_are_locked() -> None:
    """Owners are not, and records of the object itself are rows of the load."""
    looked = {
        way("acc", "Account.A__c"): Looked(1, 1),
        Way("own", "OwnerId", "User:Owner.Email", "User", "Email", is_named=True): Looked(1, 1),
        Way("up", "Parent__c", "Parent__r.Key__c", "Deal__c", "Key__c", is_named=True): Looked(
            1, 1
        ),
        Way("ids", "Partner__c", "Partner__c", "Account", "Id", is_named=False): Looked(1, 1),
    }
    assert lane_columns(settled(looked).columns, DEAL) == ["acc", "ids"]


PLANE = thing(key("Tailnum__c"), key("External_ID__c"), name="Plane__c")


@pytest.mark.parametrize(
    ("column", "lookups", "found"),
    [
        ("tailnum", ["Plane__c"], ["Plane__c"]),
        ("tailnum", ["First__c", "Second__c"], []),
        ("external_id", ["Plane__c"], []),
        ("tail", ["Plane__c"], []),
    ],
    ids=["its key", "of which lookup", "everybody's name", "another name"],
)
def test_a_column_is_called_like_the_key_of_its_parent(
    column: str, lookups: list[str], found: list[str]
) -> None:
    """If one lookup alone leads to such parents, and the name is not one that each object has."""
    target = thing(*(lookup(name, "Plane__c") for name in lookups))
    guessed_so = guesses_by_key([column], target, {"Plane__c": PLANE})
    assert [guess.lookup.name for guess in guessed_so] == found
    tried_ways = [
        w.target for g in guessed_so for w in ways(g, Parents({"Plane__c": PLANE}), ["N1"])
    ]
    assert tried_ways == ["Plane__r.Tailnum__c" for _ in found]


def test_a_lookup_without_a_key_is_said() -> None:
    """The column stays out, and why is written beside it."""
    [guess] = guesses(["OwnerId__c"], thing(lookup("OwnerId", "Group", relationship="Owner")))[0]
    assert ways(guess, Parents({"Group": GROUP}), ["web leads"]) == []
    assert no_way(guess) == "OwnerId leads to Group, which has no External ID that our user sees"
