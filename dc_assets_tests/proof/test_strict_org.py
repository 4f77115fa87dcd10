"""A strict org refuses single rows: each ends as a dead letter with its code, the rest land."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from pathlib import Path

import polars as pl
import pytest
import yaml

from dc_assets.core.remedies import FirstRefusal, remedy_of
from dc_assets_tests.acceptance.stage import Org, emulated_org
from dc_assets_tests.proof.world import Content, World, total

KEY = "Key__c"
SPEC: Content = {
    "name": "things",
    "source": {"files": "rows.parquet", "key": KEY},
    "target": {"object": "Thing__c", "external_id": KEY},
    "columns": [
        {"source": KEY, "target": KEY},
        {"source": "Day__c", "target": "Day__c", "type": "date"},
        {"source": "Moment__c", "target": "Moment__c", "type": "datetime"},
        {"source": "Count__c", "target": "Count__c", "type": "number"},
        {"source": "Note__c", "target": "Note__c"},
        {"source": "Holder__c", "target": "Holder__c"},
    ],
    "partitions": {"scheme": 1, "upper_bounds": []},
}
TEXT = {"type": "string", "length": 255}
SCHEMA = {
    "objects": {
        "Thing__c": {
            "key_prefix": "901",
            "fields": {
                KEY: {**TEXT, "external_id": True, "unique": True},
                "Day__c": {"type": "date"},
                "Moment__c": {"type": "datetime"},
                "Count__c": {"type": "int"},
                "Note__c": {"type": "textarea"},
                "Holder__c": {
                    "type": "reference",
                    "refers_to": "Holder__c",
                    "relationship": "Holder__r",
                },
            },
        },
        "Holder__c": {"key_prefix": "902", "fields": {"Name": TEXT}},
    }
}
REFUSED = {
    ("Day__c", "1699-12-31"): "FIELD_INTEGRITY_EXCEPTION",
    ("Day__c", "4001-01-01"): "FIELD_INTEGRITY_EXCEPTION",
    ("Moment__c", "4001-01-01T00:00:00Z"): "FIELD_INTEGRITY_EXCEPTION",
    ("Count__c", "2147483648"): "INVALID_FIELD",
    ("Note__c", "x" * 32_001): "STRING_TOO_LONG",
    ("Holder__c", "holder-1"): "MALFORMED_ID",
    ("Holder__c", "901Ov0000000001IAA"): "FIELD_INTEGRITY_EXCEPTION",
    ("Holder__c", "902Ov0000009999IAA"): "INVALID_CROSS_REFERENCE_KEY",
}
LANDED = {
    ("Day__c", "1700-01-01"),
    ("Day__c", "4000-12-31"),
    ("Moment__c", "4000-12-31T23:59:59Z"),
    ("Count__c", "-2147483648"),
    ("Note__c", "x" * 32_000),
}


@pytest.fixture(scope="module")
def org(module_folder: Path) -> Generator[Org]:
    """An org with one object to load and one that it refers to."""
    schema = module_folder / "schema.yaml"
    schema.write_text(yaml.safe_dump(SCHEMA), encoding="utf-8")
    with emulated_org(module_folder, "--schema", str(schema)) as running:
        yield running


def test_what_the_org_refuses_is_a_dead_letter_and_the_rest_lands(org: Org, tmp_path: Path) -> None:
    """Each refusal has the code of its cause, and a remedy."""
    cells = [*REFUSED, *sorted(LANDED)]
    names = [str(column["source"]) for column in SPEC["columns"]]
    rows = [
        {KEY: f"k{number}", **dict.fromkeys(names[1:], ""), name: value}
        for number, (name, value) in enumerate(cells)
    ]
    pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String)).write_parquet(
        tmp_path / "rows.parquet"
    )
    reached = total(World.of(org, tmp_path, SPEC).load())
    assert reached.refused_by_code == Counter(REFUSED.values())
    assert reached.landed == len(LANDED)
    assert all(remedy_of(FirstRefusal("k", code)) for code in REFUSED.values())
