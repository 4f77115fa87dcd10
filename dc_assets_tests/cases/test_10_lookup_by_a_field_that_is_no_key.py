"""A parent that is named by a field which is no key."""

from __future__ import annotations

from dc_assets.load.preflight.findings import Advice
from dc_assets_tests.cases.told import KEY, column_of, field_of, findings

CASE = "10-lookup-by-a-field-that-is-no-key"
LOOKUP = {
    "name": "RecordTypeId",
    "type": "reference",
    "relationshipName": "RecordType",
    "referenceTo": ["RecordType"],
}


def test_the_column_is_refused_before_a_job_is_opened() -> None:
    """The sentence names the field and its object, the remedy a key of the object."""
    fields = [field_of(CASE, "parent-field.json"), {**KEY, "name": "Code__c"}]
    [told] = findings([column_of(CASE)], [KEY, LOOKUP], fields)
    assert (told.advice, told.column) == (Advice.STOP, "RecordType.DeveloperName")
    assert "field DeveloperName of RecordType is no external id and no idLookup" in told.reason
    assert told.remedy == "Name them by RecordType.Code__c."
