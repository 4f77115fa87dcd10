"""How fast an org works, how it locks, and what else goes on in it.

`seed-org` is a model of an org fitted to the figures of the system that dc_assets replaces.
What Salesforce documents stands beside each number; the rest is fitted or assumed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, cast


class SettingError(Exception):
    """A setting that is not there or has a wrong value; the text is one sentence."""


@dataclass(frozen=True, slots=True)
class Activity:
    """What users and other integrations do meanwhile. Rates are per second, holds in seconds."""

    saves_per_s: float = 0.0
    save_hold_s: float = 0.4
    transactions_per_s: float = 0.0
    transaction_parents: int = 200
    transaction_hold_s: float = 15.0
    """The median of a lognormal distribution with the sigma below."""
    transaction_sigma: float = 0.5


ACTIVITIES: dict[str, Activity] = {
    "none": Activity(),
    "normal": Activity(saves_per_s=2.0, transactions_per_s=1 / 60),
    "heavy": Activity(saves_per_s=10.0, transactions_per_s=1 / 15, transaction_hold_s=18.0),
}


@dataclass(frozen=True, slots=True)
class OrgSettings:
    """All parameters of one org. Times end in their unit; ranges are checked by `changed`."""

    preset: str = "seed-org"
    workers: int = 16
    """Internal batches at work at the same time. Fitted."""
    row_ms: float = 12.0
    """Processing of one row that has its locks. Fitted."""
    chunk_overhead_s: float = 0.1
    """Of each transaction, locks held. Assumed."""
    batch_overhead_s: float = 1.5
    """Of each start of an internal batch, no locks held. Assumed."""
    queue_latency_s: float = 1.0
    """Mean from UploadComplete to the queue; a Gamma distribution of shape 4. Fitted."""
    chunk_rows: int = 200
    """Rows of one transaction (Bulk API 2.0 and Bulk API Developer Guide, "Limits")."""
    batch_rows: int = 10_000
    """Rows of one internal batch (the same guide, "How Requests Are Processed")."""
    lock_wait_s: float = 10.0
    """Longest wait for one lock (Apex Developer Guide, "Locking Statements")."""
    batch_limit_s: float = 300.0
    """Time after which a batch goes back to the queue (Bulk API 2.0, "How Requests Are
    Processed": five minutes)."""
    batch_max_requeue: int = 20
    """How often it goes back before the rest of it is left unprocessed (the same page)."""
    requeue_delay_s: float = 30.0
    """From its worker back to the queue. Assumed."""
    fail_scope: str = "chunk"
    """What fails when a lock is not had: the whole ``chunk``, or the ``rows`` of that parent."""
    lock_order: str = "row"
    """Locks are asked for in the order of the file (``row``) or ``sorted``."""
    roll_up_share: float = 0.0
    """Of parents that a trigger or a flow of their children updates, half by each: a lock of one
    is told in the wrapper's words. Reported by users, no share was."""
    seed: int = 0
    """Of the queue latency and of all that goes on beside the jobs."""
    background: str = "none"

    @property
    def is_instant(self) -> bool:
        """Whether jobs take no modelled time at all."""
        return self.preset == "instant"

    @property
    def activity(self) -> Activity:
        """The numbers of the background."""
        return ACTIVITIES[self.background]


PRESETS: dict[str, OrgSettings] = {
    "instant": OrgSettings(preset="instant"),
    "seed-org": OrgSettings(preset="seed-org"),
}

CHOICES: dict[str, tuple[str, ...]] = {
    "preset": tuple(PRESETS),
    "background": tuple(ACTIVITIES),
    "fail_scope": ("chunk", "rows"),
    "lock_order": ("row", "sorted"),
}
AT_MOST_ONE = frozenset({"roll_up_share"})
AT_LEAST_ONE = frozenset({"workers", "chunk_rows", "batch_rows"})
SORTS = {"int": "a whole number", "float": "a number", "str": "a text"}
TYPES = {entry.name: str(entry.type) for entry in fields(OrgSettings)}


def changed(settings: OrgSettings, values: Mapping[str, object]) -> OrgSettings:
    """The settings with the named ones set; a preset among them is taken first.

    Raises:
        SettingError: a name is unknown, a value is of another type or out of its range, or a
            parameter is given to an org without processing time.
    """
    for name, value in values.items():
        _check(name, value)
    preset = values.get("preset")
    start = settings if preset is None else PRESETS[str(preset)]
    others = {name: value for name, value in values.items() if name != "preset"}
    if start.is_instant and any(value != getattr(start, name) for name, value in others.items()):
        raise SettingError("The preset instant has no parameters; name the preset seed-org first.")
    return replace(start, **cast("dict[str, Any]", others))


def _check(name: str, value: object) -> None:
    wanted = TYPES.get(name)
    if wanted is None:
        raise SettingError(f"There is no setting {name} of the org.")
    given = type(value).__name__
    if given != wanted and (given, wanted) != ("int", "float"):
        raise SettingError(f"The setting {name} of the org takes {SORTS[wanted]}.")
    if name in CHOICES and value not in CHOICES[name]:
        raise SettingError(f"The setting {name} of the org is one of: {', '.join(CHOICES[name])}.")
    if isinstance(value, int | float):
        least = 1 if name in AT_LEAST_ONE else 0
        if not math.isfinite(value) or value < least:
            raise SettingError(f"The setting {name} of the org is at least {least}.")
        if name in AT_MOST_ONE and value > 1:
            raise SettingError(f"The setting {name} of the org is at most 1.")


def parsed(assignment: str) -> tuple[str, object]:
    """A setting as the command line gives it: ``NAME=VALUE``.

    >>> parsed("row_ms=25")
    ('row_ms', 25.0)

    Raises:
        SettingError: it has another form, or the value is no such number.
    """
    name, equals, text = assignment.partition("=")
    wanted = TYPES.get(name)
    if not equals or wanted is None:
        raise SettingError(f"{assignment} is no NAME=VALUE of a setting of the org.")
    try:
        return name, {"int": int, "float": float}.get(wanted, str)(text)
    except ValueError as error:
        raise SettingError(f"The setting {name} of the org takes {SORTS[wanted]}.") from error
