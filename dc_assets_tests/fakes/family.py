"""Rows whose parents are rows of the same object, and an org that refuses the orphans."""

from __future__ import annotations

from dataclasses import dataclass

from dc_assets.core.errors import RejectedRequest
from dc_assets.core.target_fields import TargetDescription, TargetField, TargetObject
from dc_assets_tests.fakes.org import Cells, FakeJob, FakeOrg
from dc_assets_tests.fakes.specs import EXTERNAL_ID, PARENT

_BOSS = TargetField("Parent__c", reference_to=("Thing__c",), relationship_name="Parent__r")
_FIELDS = {"Parent__c": _BOSS, EXTERNAL_ID: TargetField(EXTERNAL_ID, external_id=True)}
FAMILY = TargetDescription(
    TargetObject("Thing__c", _FIELDS), {"Thing__c": TargetObject("Thing__c", _FIELDS)}
)
"""The object of the small spec, whose parents are records of its own."""


@dataclass(slots=True)
class FamilyOrg(FakeOrg):
    """An org that takes a row only when the parent that it names is there.

    Attributes:
        stops_after: jobs after which it opens no more; None for no end.
    """

    stops_after: int | None = None

    def create(self) -> str:
        """Open a job."""
        if self.stops_after is not None and len(self.jobs) >= self.stops_after:
            raise RejectedRequest("no more jobs", code="NO", status=400)
        return FakeOrg.create(self)

    def _land(self, job: FakeJob, row: Cells) -> None:
        parent = row[PARENT]
        if parent != "#N/A" and parent not in self.rows:
            said = f"Foreign key external ID: {parent} not found for field {EXTERNAL_ID}"
            job.failed.append((row, f"INVALID_FIELD:{said} in entity Thing__c:--"))
            return
        FakeOrg._land(self, job, row)
