"""The format of a schema file, and what of it the user of the org sees."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
import yaml

from dc_assets.emulator.ids import ORG_ID, USER_ID, USERNAME, record_id
from dc_assets.emulator.profile import ProfileError, profile_of
from dc_assets.emulator.schema import Schema, SchemaError
from dc_assets.emulator.schema_file import load_schema
from dc_assets.emulator.stores.core import CoreStore


def loaded(folder: Path, fields: dict[str, object], **more: object) -> Schema:
    """The schema of one object with these fields."""
    entry = {"key_prefix": "a0B", "fields": fields, **more}
    file = folder / "schema.yaml"
    file.write_text(yaml.safe_dump({"objects": {"Thing__c": entry}}), encoding="utf-8")
    return load_schema(file)


KINDS = {
    "Text__c": ({"type": "string", "length": 80}, "filter group sort create update"),
    "Area__c": ({"type": "textarea", "length": 255}, "filter group sort create update"),
    "Long__c": ({"type": "textarea", "length": 32_000}, "create update"),
    "Secret__c": ({"type": "string", "encrypted": True}, "create update"),
    "Hidden__c": ({"type": "encryptedstring"}, "create update"),
    "Many__c": ({"type": "multipicklist"}, "filter create update"),
    "Money__c": ({"type": "currency"}, "filter sort create update"),
    "Count__c": ({"type": "int"}, "filter group sort create update"),
    "Moment__c": ({"type": "datetime"}, "filter sort create update"),
    "Twice__c": ({"type": "double", "formula": "{Count__c} * 2"}, "filter sort"),
    "Shout__c": ({"type": "string", "formula": "upper({Text__c})"}, "filter sort"),
    "Serial__c": ({"type": "string", "auto_number": "A-{0000}"}, "filter group sort"),
    "Once__c": ({"type": "string", "updateable": False}, "filter group sort create"),
    "Odd__c": ({"type": "string", "groupable": False}, "filter sort create update"),
}


def test_what_a_field_allows_follows_from_its_kind(tmp_path: Path) -> None:
    """Unless the file says otherwise."""
    schema = loaded(tmp_path, {name: entry for name, (entry, _) in KINDS.items()})
    item = schema.find("thing__c")
    assert item is not None
    found: dict[str, str] = {}
    for name in KINDS:
        field = item.field(name)
        assert field is not None
        allowed = {
            "filter": field.filterable,
            "group": field.groupable,
            "sort": field.sortable,
            "create": field.createable,
            "update": field.updateable,
        }
        found[name] = " ".join(word for word, is_so in allowed.items() if is_so)
    assert found == {name: words for name, (_, words) in KINDS.items()}


def test_each_object_has_the_fields_of_the_org(tmp_path: Path) -> None:
    """Id first, the stamps last, an owner unless the file says no."""
    text: dict[str, object] = {"Text__c": {"type": "string"}}
    owned, ownerless = loaded(tmp_path, text), loaded(tmp_path, text, owner=False)
    names = [[f.name for f in schema.stored[0].fields] for schema in (owned, ownerless)]
    last = ["CreatedDate", "CreatedById", "LastModifiedDate", "LastModifiedById", "SystemModstamp"]
    assert names[0] == ["Id", "IsDeleted", "OwnerId", "Text__c", *last]
    assert names[1] == ["Id", "IsDeleted", "Text__c", *last]


def test_the_organization_and_its_user_have_the_ids_of_the_login() -> None:
    """The first record of each."""
    schema = load_schema()
    org, user = schema.find("Organization"), schema.find("User")
    assert org is not None
    assert user is not None
    assert record_id(org.key_prefix, 1) == ORG_ID
    assert record_id(user.key_prefix, 1) == USER_ID
    assert dict(user.records[0])["Username"] == USERNAME


def test_a_data_folder_grows_with_its_schema(tmp_path: Path) -> None:
    """Old records have the default of a new field, and are found by a field that became a key."""
    key: dict[str, object] = {"type": "string", "length": 80}
    core = CoreStore(tmp_path, loaded(tmp_path, {"Key__c": key}))
    with core.database.session() as session:
        session.run("""INSERT INTO "Thing__c" ("Id", "Key__c") VALUES ('a0B1', 'One')""")
    core.close()
    key["external_id"] = True
    grown = CoreStore(
        tmp_path, loaded(tmp_path, {"Key__c": key, "New__c": {**key, "default": "x"}})
    )
    thing = grown.schema.find("Thing__c")
    assert thing is not None
    field = thing.field("Key__c")
    assert field is not None
    with grown.writing:
        index = grown.index(thing)
        found = index.find(field, pl.Series(["one"]))["number"]
        assert index.ids(found).to_list() == ["a0B1"]
    with grown.database.session() as session:
        sql = 'SELECT "New__c", "OwnerId" FROM "Thing__c"'
        assert session.rows(sql) == [("x", USER_ID)]
        assert session.one('SELECT count(*) FROM "User"') == (2,)
    grown.close()


WRONG: dict[str, tuple[dict[str, object], dict[str, object]]] = {
    "key_prefix of Thing__c must be three letters or digits": ({}, {"key_prefix": "a0"}),
    "two objects have one key_prefix": ({}, {"key_prefix": "005"}),
    "Thing__c has the unknown entry colour": ({}, {"colour": "red"}),
    "A__c has the unknown entry lenght": ({"A__c": {"type": "string", "lenght": 8}}, {}),
    "A__c refers to Nothing, which is no object": (
        {"A__c": {"type": "reference", "refers_to": ["User", "Nothing"]}},
        {},
    ),
    "the formula of A__c names B__c, which is no stored field of Thing__c": (
        {"A__c": {"type": "string", "formula": "{B__c}"}},
        {},
    ),
    "auto_number of A__c must be like A-{0000}": (
        {"A__c": {"type": "string", "auto_number": "A-0"}},
        {},
    ),
    "a record of Thing__c names B__c, which is no stored field": ({}, {"records": [{"B__c": 1}]}),
}


def test_a_schema_that_cannot_be_is_refused_in_one_sentence(tmp_path: Path) -> None:
    """It names what is wrong."""
    for sentence, (fields, more) in WRONG.items():
        with pytest.raises(SchemaError) as caught:
            loaded(tmp_path, fields, **more)
        assert sentence in str(caught.value)


PROFILES: dict[str, object] = {
    "A profile has the form": {"Opportunity": ["Amount"]},
    "There is no object Deal": {"Deal": {"hidden": ["Amount"]}},
    "has no field Price": {"Opportunity": {"read_only": ["Price"]}},
    "The field Name of Opportunity is required": {"Opportunity": {"hidden": ["Name"]}},
    "The field SystemModstamp of Opportunity": {"Opportunity": {"hidden": ["SystemModstamp"]}},
}


def test_a_profile_that_cannot_be_is_refused_and_changes_nothing() -> None:
    """What an org needs of each record is never hidden."""
    schema = load_schema()
    before = schema.objects
    for sentence, value in PROFILES.items():
        with pytest.raises(ProfileError) as caught:
            schema.take(profile_of(value))
        assert sentence.lower() in str(caught.value).lower()
        assert schema.objects is before


def test_an_org_is_a_sandbox_unless_it_is_started_as_production(tmp_path: Path) -> None:
    """A folder that was kept follows each start, and a reset keeps what the start said."""
    for production in (False, True, False):
        store = CoreStore(tmp_path, load_schema(production=production))
        for _ in range(2):
            with store.database.session() as session:
                assert session.one('SELECT "IsSandbox" FROM "Organization"')[0] is not production
            store.clear()
        store.close()
