"""Parents come before children, whatever order the loads are given in."""

from __future__ import annotations

import pytest

from dc_assets.core.load_order import ancestors_of, order_of
from dc_assets.core.spec import LoadSpec
from dc_assets_tests.fakes.specs import KEY, small_spec


def of(name: str, obj: str, *references: str, after: tuple[str, ...] | None = None) -> LoadSpec:
    """Return a spec of an object whose reference columns have some targets."""
    plain = small_spec()
    key = plain.column(source=KEY).model_dump()
    columns = [
        {"source": f"R{n}", "target": t, "type": "reference"} for n, t in enumerate(references)
    ]
    more = {} if after is None else {"after": after}
    target = {"object": obj, "external_id": plain.target.external_id}
    return small_spec(
        name=name,
        source={"object": "Things__dlm", "key": KEY},
        target=target,
        columns=[key, *columns],
        checks={},
        **more,
    )


CONTINENTS = of("continents", "Continent__c")
COUNTRIES = of("countries", "Country__c", "Continent__r.Key__c")
PLACES = of("places", "Place__c", "Country__r.Key__c", "Parent__r.Key__c")


def test_a_relation_leads_to_the_object_it_is_called_like() -> None:
    """Standard or custom, or named before a colon; unknown parents are nobody's."""
    order = order_of([PLACES, COUNTRIES, CONTINENTS])
    assert order.names == ("continents", "countries", "places")
    assert order.parents == {"places": ["countries"], "countries": ["continents"], "continents": []}
    contacts = of("contacts", "Contact", "Account.Key__c", "User:Owner.Username")
    accounts, users = of("accounts", "Account"), of("users", "User")
    parents = order_of([contacts, users, accounts]).parents["contacts"]
    assert parents == ["users", "accounts"]


def test_after_says_it_in_place_of_the_columns() -> None:
    """Other loads than the columns name, or none."""
    free = of("countries", "Country__c", "Continent__r.Key__c", after=())
    assert order_of([free, CONTINENTS]).parents["countries"] == []
    behind = of("atlas", "Atlas__c", after=("places",))
    assert order_of([behind, PLACES, COUNTRIES, CONTINENTS]).names[-1] == "atlas"


def test_rows_of_the_own_object_are_no_dependency() -> None:
    """Two loads of one object whose rows name each other are not in a circle."""
    old, new = (of(name, "Place__c", "Place__r.Key__c") for name in ("old", "new"))
    assert order_of([old, new]).parents == {"old": [], "new": []}


@pytest.mark.parametrize("after", [("nowhere",), ("countries",)])
def test_a_load_without_a_place_breaks_no_other(after: tuple[str, ...]) -> None:
    """One behind an unknown load; two that wait for each other."""
    odd = of("continents", "Continent__c", after=after)
    order = order_of([odd, COUNTRIES, of("users", "User")])
    assert "continents" in order.broken
    assert "users" in order.names
    assert all(name not in order.names for name in order.broken)


def test_who_names_a_broken_load_is_broken_too() -> None:
    """It would else begin before its parents, and nobody had said so: to the last of a chain."""
    circle = [of("a", "A__c", after=("b",)), of("b", "B__c", after=("a",))]
    chain = [of("d", "D__c", after=("c",)), of("c", "C__c", after=("b",))]
    order = order_of([*chain, *circle, of("users", "User")])
    assert set(order.broken) == {"a", "b", "c", "d"}
    assert "after names b, and there is no such load" in order.broken["c"]
    assert order.names == ("users",)


def test_a_load_into_another_org_is_no_parent() -> None:
    """Both specs say which org they are for; one that does not say may be for either."""
    orgs = [f"00D{number:015d}" for number in (1, 2)]
    [here, there] = [
        CONTINENTS.model_copy(
            update={"name": org, "target": CONTINENTS.target.model_copy(update={"org_id": org})}
        )
        for org in orgs
    ]
    target = COUNTRIES.target.model_copy(update={"org_id": orgs[0]})
    child = COUNTRIES.model_copy(update={"target": target})
    order = order_of([child, here, there, CONTINENTS])
    assert order.parents["countries"] == [here.name, "continents"]


def test_the_order_does_not_change_what_a_load_is_about() -> None:
    """An unfinished load goes on when `after` is set."""
    assert of("a", "A__c", after=("b",)).spec_hash == of("a", "A__c").spec_hash


def test_ancestors_are_parents_of_parents_too() -> None:
    """What comes before a load, directly or not."""
    order = order_of([PLACES, COUNTRIES, CONTINENTS])
    assert ancestors_of("places", order) == {"countries", "continents"}
    assert ancestors_of("continents", order) == frozenset()
