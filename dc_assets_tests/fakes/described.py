"""What an org says of the fields of the small spec."""

from __future__ import annotations

from dc_assets.core.target_fields import TargetDescription, TargetField, TargetObject
from dc_assets_tests.fakes.specs import EXTERNAL_ID

LOOKUP = TargetField("Parent__c", reference_to=("Parent__c",), relationship_name="Parent__r")
WITH_PARENT = TargetDescription(
    TargetObject("Thing__c", {"Parent__c": LOOKUP}),
    {"Parent__c": TargetObject("Parent__c", {EXTERNAL_ID: TargetField(EXTERNAL_ID)})},
)
"""An object with a lookup, and nothing more that describe tells."""
