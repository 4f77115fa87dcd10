"""Small load specs, and frames that fit them."""

from __future__ import annotations

import json
from typing import Any

import polars as pl

from dc_assets.core.spec import LoadSpec

KEY = "Key__c"
EXTERNAL_ID = "External_ID__c"
PARENT = "Parent__r.External_ID__c"


def content(**changes: object) -> dict[str, Any]:
    """Return a valid spec as a plain mapping; ``changes`` replace its top settings."""
    valid: dict[str, Any] = {
        "name": "things",
        "source": {"object": "Things__dlm", "key": KEY, "parent": "ParentKey__c"},
        "target": {"object": "Thing__c", "external_id": EXTERNAL_ID},
        "columns": [
            {"source": KEY, "target": EXTERNAL_ID},
            {"source": "Title__c", "target": "Title__c"},
            {"source": "Price__c", "target": "Price__c", "type": "number"},
            {"source": "ParentKey__c", "target": PARENT, "type": "reference"},
        ],
        "partitions": {"scheme": 1, "upper_bounds": []},
    }
    return {**valid, **changes}


def small_spec(**changes: object) -> LoadSpec:
    """Return a spec of four columns with a parent; ``changes`` replace its top settings."""
    return LoadSpec.model_validate_json(json.dumps(content(**changes)))


def text_frame(rows: list[dict[str, str | None]], names: list[str]) -> pl.DataFrame:
    """Return rows as text columns, also when there is none."""
    return pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String))
