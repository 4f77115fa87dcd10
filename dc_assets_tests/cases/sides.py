"""The two sides of a case: source.csv, and page.csv as the org answers it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl

from dc_assets.core.spec import LoadSpec
from dc_assets.core.stored_form import as_stored
from dc_assets.core.target_fields import (
    UNDESCRIBED,
    TargetDescription,
    TargetField,
    TargetObject,
)
from dc_assets.frames.canon import as_replayed, canonical, canonical_target, outer_blanks
from dc_assets.frames.csv_codec import decode
from dc_assets.frames.differences import ALIKE, changed_values, digests, key_by_key, side_by_side
from dc_assets_tests.fakes.specs import content

CASES = Path(__file__).parent


class Sides:
    """Both sides of one case, for a spec with the key and one more column."""

    def __init__(self, case: str, column: dict[str, Any]) -> None:
        self._folder = CASES / case
        spec = LoadSpec.model_validate_json(
            json.dumps(
                content(
                    source={"object": "Things__dlm", "key": "K"},
                    target={"object": "Thing__c", "external_id": "Key__c"},
                    columns=[{"source": "K", "target": "Key__c"}, column],
                )
            )
        )
        self.spec = as_stored(spec, self._described())
        self.source = canonical(decode(self._read("source.csv")), self.spec)
        self.target = canonical_target(decode(self._read("page.csv")), self.spec)

    def differing(self) -> tuple[list[str], list[str]]:
        """Return the keys of rows whose digests differ, and of rows whose values differ."""
        spec = self.spec
        source, target = as_replayed(self.source, spec), as_replayed(self.target, spec)
        found = key_by_key(digests(source, spec), digests(target, spec), spec)
        unlike = found.filter(~pl.col(ALIKE)).get_column("Key__c").to_list()
        changed = changed_values(side_by_side(source, target, spec), spec)
        return unlike, changed.get_column("Key__c").to_list()

    def blanks(self) -> tuple[dict[str, int], dict[str, int]]:
        """Count the values with blanks around them on each side."""
        return self._blanks(self.source), self._blanks(self.target)

    def _blanks(self, rows: pl.DataFrame) -> dict[str, int]:
        return dict(outer_blanks(rows, self.spec))

    def _read(self, name: str) -> bytes:
        return (self._folder / name).read_bytes()

    def _described(self) -> TargetDescription:
        path = self._folder / "field.json"
        if not path.exists():
            return UNDESCRIBED
        told = json.loads(path.read_text())
        field = TargetField(told["name"], told["type"], scale=told.get("scale"))
        return TargetDescription(TargetObject("Thing__c", {field.name: field}))
