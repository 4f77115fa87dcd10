"""What to do about a refusal, by Salesforce's code: a table, and the one way to look into it."""

from __future__ import annotations

from dataclasses import dataclass

from dc_assets.core.row_outcomes import AMBIGUOUS_RECORD, NO_RECORD


@dataclass(frozen=True, slots=True)
class FirstRefusal:
    """One row that the org refused, as an example of others like it."""

    external_id: str
    code: str
    fields: str = ""
    message: str = ""

    @property
    def said(self) -> str:
        """The code with the field that it names."""
        return f"{self.code} at {self.fields}" if self.fields else self.code


@dataclass(frozen=True, slots=True)
class Remedy:
    """What fixes the cause of a code, or of those of its rows whose message holds a text."""

    code: str
    sentence: str
    says: str = ""


REMEDIES = (
    Remedy(
        "INVALID_FIELD",
        "The org does not have these parents: load them first, or correct the parent column.",
        says="oreign key external ID",
    ),
    Remedy(
        "INVALID_FIELD",
        "The text is no value of the field's type: correct it in the source, or the type of the "
        "column in the spec.",
        says="ailed to deserialize",
    ),
    Remedy(
        "INVALID_FIELD",
        "Correct the target of the column in the spec, or let the integration user see the field.",
    ),
    Remedy(
        "INVALID_CROSS_REFERENCE_KEY",
        "A reference, or the record id of an update, names a record that the org does not have or "
        "that the integration user does not see: load those records first, correct the reference "
        "column, or let dc-assets replay look for the record again.",
    ),
    Remedy(
        "INVALID_FIELD_FOR_INSERT_UPDATE",
        "Let the integration user write the field, or take its column out of the spec.",
    ),
    Remedy(
        "FIELD_INTEGRITY_EXCEPTION",
        "Correct the day in the source: an org stores those from 1700-01-01 to 4000-12-31.",
        says="invalid date",
    ),
    Remedy(
        "FIELD_INTEGRITY_EXCEPTION",
        "The field does not take the value: correct it in the source, or name a record of the "
        "object that the field refers to.",
    ),
    Remedy(
        "MALFORMED_ID",
        "Correct the record id in the source: it has 15 or 18 characters and is of the object that "
        "the field refers to.",
    ),
    Remedy(
        "ENTITY_IS_DELETED",
        "The record is in the recycle bin of the org: restore it there, or leave the row out with "
        "source.where.",
    ),
    Remedy(
        "REQUIRED_FIELD_MISSING",
        "Fill the field in the source, map a column to it, or leave the rows out with "
        "source.where.",
    ),
    Remedy(
        "FIELD_CUSTOM_VALIDATION_EXCEPTION",
        "A validation rule of the org refuses the rows: correct the values, or exempt the "
        "integration user from the rule.",
    ),
    Remedy(
        "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
        "A trigger or a flow of the org fails for the rows: whoever owns it reads its message.",
    ),
    Remedy(
        "CANNOT_EXECUTE_FLOW_TRIGGER",
        "A flow of the org fails for the rows: whoever owns it reads its message.",
    ),
    Remedy(
        "UNKNOWN_EXCEPTION",
        "The org failed for the rows several times and does not say how: send them again later, or "
        "ask Salesforce support with the error id of the message.",
    ),
    Remedy(
        "INSUFFICIENT_ACCESS_OR_READONLY",
        "Give the integration user the right to write these records and fields.",
    ),
    Remedy(
        "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY",
        "Give the integration user the right to see and to write the records that the rows refer "
        "to.",
    ),
    Remedy("INACTIVE_OWNER_OR_USER", "Name an active user as owner, or activate the user."),
    Remedy("STRING_TOO_LONG", "Shorten the text, or lengthen the field in the org."),
    Remedy("TOO_LONG_FOR_A_JOB", "Shorten the text in the source, or do not map the column."),
    Remedy(
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
        "Add the value to the picklist in the org, or correct it in the source.",
    ),
    Remedy("NUMBER_OUTSIDE_VALID_RANGE", "Correct the number, or enlarge the field in the org."),
    Remedy("INVALID_EMAIL_ADDRESS", "Correct the address in the source."),
    Remedy(
        "DUPLICATE_VALUE",
        "Another record has the same value in a unique field: correct one of the two.",
    ),
    Remedy(
        "DUPLICATES_DETECTED",
        "A duplicate rule of the org blocks the rows: let it pass the integration user, or merge "
        "the records.",
    ),
    Remedy(
        NO_RECORD,
        "Create the records in the org, leave the rows out with source.where, or leave "
        "target.operation out: then the load creates them.",
    ),
    Remedy(
        AMBIGUOUS_RECORD,
        "Give each record of the org an external id of its own, and tick Unique on the field.",
    ),
    Remedy(
        "LOCK_EXHAUSTED",
        "Somebody else holds the parents of the rows: send them when others write less.",
    ),
)
"""The first that fits an example decides. Codes: SOAP API Developer Guide, "StatusCode"."""


def remedy_of(row: FirstRefusal) -> str:
    """Return what to do about a refusal, "" for a code that the table does not know.

    >>> remedy_of(FirstRefusal("a", "STRING_TOO_LONG"))
    'Shorten the text, or lengthen the field in the org.'
    """
    fitting = (one for one in REMEDIES if one.code == row.code and one.says in row.message)
    return next((one.sentence for one in fitting), "")
