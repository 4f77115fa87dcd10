"""What a plan finds in a case, from the answers of describe that lie in its folder."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from dc_assets.core.spec import LoadSpec
from dc_assets.load.preflight.columns import findings_of_columns
from dc_assets.load.preflight.findings import Finding
from dc_assets.load.preflight.key import findings_of_key
from dc_assets.salesforce.describe import described_target
from dc_assets.salesforce.session import OrgSession
from dc_assets_tests.fakes.specs import content
from dc_assets_tests.salesforce.test_queries import NO_TOKENS, Script

CASES = Path(__file__).parent
KEY: Mapping[str, Any] = {
    "name": "Key__c",
    "type": "string",
    "length": 80,
    "createable": True,
    "updateable": True,
    "externalId": True,
    "idLookup": True,
    "unique": True,
    "filterable": True,
}


def field_of(case: str, name: str = "field.json") -> dict[str, Any]:
    """Return a field as describe tells it in a case."""
    return json.loads((CASES / case / name).read_text(encoding="utf-8"))


def column_of(case: str) -> dict[str, Any]:
    """Return the column of a spec in a case."""
    [column] = yaml.safe_load((CASES / case / "spec-column.yaml").read_text(encoding="utf-8"))
    return column


def findings(
    columns: Sequence[Mapping[str, Any]], *objects: Sequence[Mapping[str, Any]]
) -> list[Finding]:
    """Return what is found in some columns beside the key; each object is told by its fields."""
    spec = LoadSpec.model_validate_json(
        json.dumps(
            content(
                source={"object": "Things__dlm", "key": "K"},
                target={"object": "Thing__c", "external_id": "Key__c"},
                columns=[{"source": "K", "target": "Key__c"}, *columns],
            )
        )
    )
    script = Script(*({"fields": fields} for fields in objects))
    session = OrgSession(script.host, "00D000000000001AAA", "005000000000001AAA", NO_TOKENS)
    described = described_target(session, spec)
    return [*findings_of_columns(spec, described, {}), *findings_of_key(spec, described)]
