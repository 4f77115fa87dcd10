"""What an org says of a row that it may take the next time.

A lock that is met inside a trigger or a flow bears the code of the wrapper, and its own in the
text: so read in public reports of roll-up triggers (declarative-lookup-rollup-summaries #241, #499,
#788, #847, #1241). `UNKNOWN_EXCEPTION` says nothing of its cause.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from dc_assets.emulator.engines.id_rules import Error


@dataclass(frozen=True, slots=True)
class Form:
    """What stands before and behind the id of the record."""

    head: str
    tail: str = ":--"

    @property
    def code(self) -> str:
        """The word before the first colon."""
        return self.head.partition(":")[0]


FORMS: Mapping[str, Form] = {
    "plain": Form(
        "UNABLE_TO_LOCK_ROW:unable to obtain exclusive access to this record or 1 records: "
    ),
    "trigger": Form(
        "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY:RollUpTrigger: execution of AfterInsert\n\ncaused "
        "by: System.DmlException: Update failed. First exception on row 0 with id ",
        "; first error: UNABLE_TO_LOCK_ROW, unable to obtain exclusive access to this record: []"
        "\n\nClass.RollUpService.updateParents: line 1269, column 1\n"
        "Trigger.RollUpTrigger: line 7, column 1:--",
    ),
    "flow": Form(
        "CANNOT_EXECUTE_FLOW_TRIGGER:We can't save this record because the “Roll up to parent” "
        "process failed. Give your Salesforce admin these details. This error occurred when the "
        "flow tried to update records: UNABLE_TO_LOCK_ROW: unable to obtain exclusive access to "
        "this record or 1 records: ",
        ". You can look up ExceptionCode values in the SOAP API Developer Guide.:--",
    ),
    "unknown": Form(
        "UNKNOWN_EXCEPTION:An unexpected error occurred. Please include this ErrorId if you "
        "contact support: 1764366000-4242 (",
        "):--",
    ),
}

CODES = tuple(form.code for form in FORMS.values())


@dataclass(frozen=True, slots=True)
class Wait:
    """A wait for a lock that was too long: the record's id, if it has one yet, and the form."""

    record_id: str | None
    form: str


def passing_errors(record_id: pl.Expr) -> list[Error]:
    """The errors of the rows whose ``met`` says a form."""
    return [
        (pl.col("met") == name, pl.concat_str(pl.lit(form.head), record_id, pl.lit(form.tail)))
        for name, form in FORMS.items()
    ]


def inner_form(chance: float, share: float = 1.0) -> str:
    """The form of a lock whose record has a roll-up with this chance; half of them are flows.

    >>> inner_form(0.05, 0.2), inner_form(0.15, 0.2), inner_form(0.5, 0.2)
    ('trigger', 'flow', 'plain')
    """
    if chance >= share:
        return "plain"
    return "trigger" if chance < share / 2 else "flow"
