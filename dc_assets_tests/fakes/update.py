"""An org that has some records already, and takes updates of them alone."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from dc_assets.core.ranges import IdRange
from dc_assets.core.restoring import RECORD_ID
from dc_assets.core.target_fields import TargetDescription, TargetField, TargetObject
from dc_assets_tests.fakes.org import FakeOrg
from dc_assets_tests.fakes.specs import EXTERNAL_ID

NUMBERED = TargetDescription(
    TargetObject("Thing__c", {EXTERNAL_ID: TargetField(EXTERNAL_ID, updateable=False)})
)
"""The object of the small spec, whose keys the org itself gives."""


def record_id(key: str) -> str:
    """Return the id of the record with an external id."""
    return f"a0B{ord(key):012}AAA"


@dataclass(slots=True)
class UpdatedOrg(FakeOrg):
    """An org that knows the records of some keys by record id, and reads no external id.

    Attributes:
        held: the keys of its records.
    """

    held: str = ""

    def upload(self, job_id: str, payload: bytes) -> None:
        """Take updates; one without the id of a record is an error of ours."""
        rows = pl.read_csv(payload, infer_schema=False)
        assert EXTERNAL_ID not in rows.columns, "the org gives these keys itself"
        keys = {record_id(key): key for key in self.held}
        key = pl.col(RECORD_ID).replace_strict(keys, return_dtype=pl.String).alias(EXTERNAL_ID)
        FakeOrg.upload(self, job_id, rows.with_columns(key).write_csv().encode())

    def ids(self, id_range: IdRange, keys: pl.Series) -> pl.DataFrame:
        """Return external id and record id of the records with some external ids of a range."""
        found = [key for key in self.held if key in keys and id_range.contains(key)]
        return pl.DataFrame(
            {EXTERNAL_ID: found, RECORD_ID: [record_id(key) for key in found]},
            schema={EXTERNAL_ID: pl.String, RECORD_ID: pl.String},
        )
