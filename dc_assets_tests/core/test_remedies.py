"""What is said to do about a refusal."""

from __future__ import annotations

import pytest

from dc_assets.core.remedies import FirstRefusal, remedy_of

REFUSALS = {
    ("INVALID_FIELD", "Failed to deserialize field at col 4. Due to, 'x' is not a valid"): "type",
    ("INVALID_FIELD", "Foreign key external ID: x not found for field Ext__c"): "load them first",
    ("INVALID_FIELD", "No such column"): "target of the column",
    ("INVALID_FIELD_FOR_INSERT_UPDATE", "Unable to create/update fields: X__c"): "user write the",
    ("FIELD_INTEGRITY_EXCEPTION", "Close Date: invalid date: 5000-01-01"): "1700-01-01",
    ("FIELD_INTEGRITY_EXCEPTION", "Account ID: id value of incorrect type: 006"): "object that",
    ("MALFORMED_ID", "Account ID: id value of incorrect type: x"): "15 or 18 characters",
    ("ENTITY_IS_DELETED", "entity is deleted"): "recycle bin",
}


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: ": ".join(refusal)[:60])
def test_a_refusal_has_the_remedy_of_its_cause(refusal: tuple[str, str]) -> None:
    """One code may have several causes: then the message decides."""
    code, message = refusal
    assert REFUSALS[refusal] in remedy_of(FirstRefusal("a1", code, "X__c", message))
