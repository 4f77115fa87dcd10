"""The texts of a spec that are looked at: conditions, times, targets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from pydantic import AfterValidator, Field

from dc_assets.core import conditions, cron, target_fields

Name = Annotated[str, Field(min_length=1, max_length=255)]


def checked(flaw: Callable[[str], str | None]) -> AfterValidator:
    """Return the check of a text by a function that says what is wrong with it."""

    def check(text: str) -> str:
        found = flaw(text)
        if found is not None:
            raise ValueError(found)
        return text

    return AfterValidator(check)


SQL = Annotated[str, checked(lambda condition: conditions.flaw(condition, "SQL"))]
"""It is put into brackets, as a condition of SOQL is."""

SOQL = Annotated[str, checked(lambda condition: conditions.flaw(condition, "SOQL"))]
CronLine = Annotated[str, checked(cron.flaw)]
Target = Annotated[Name, checked(target_fields.flaw)]
