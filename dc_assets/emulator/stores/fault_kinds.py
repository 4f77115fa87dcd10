"""The faults that can be asked for: the calls each looks at, and its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dc_assets.emulator.stores.options import KINDS

REQUIRED = object()
"""The default of a parameter that must be given."""

LOGINS = ("token", "tenant_token")
TENANT_CALLS = ("data_cloud_query", "data_cloud_batch")
WORK = tuple(kind for kind in KINDS if kind not in LOGINS)
ORG_WORK = tuple(kind for kind in WORK if kind not in {*TENANT_CALLS, "other"})
PAGES = ("results", "bulk_query", "soql", *TENANT_CALLS)
"""Calls that are answered with rows."""

Number = (int, float)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a fault: its default, and what it may be."""

    default: object
    types: tuple[type, ...]
    choices: tuple[object, ...] = ()
    least: float | None = None
    most: float | None = None

    def accepts(self, value: object) -> bool:
        """Whether a given value is one of its values; a boolean is no number."""
        if type(value) not in self.types or (self.choices and value not in self.choices):
            return False
        if not isinstance(value, int | float):
            return True
        return (self.least is None or value >= self.least) and (
            self.most is None or value <= self.most
        )

    def says(self) -> str:
        """What it takes, as words for an error."""
        if self.choices:
            return " or ".join(str(choice) for choice in self.choices)
        names = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}
        limits = [f"from {self.least:g}"] if self.least is not None else []
        limits += [f"to {self.most:g}"] if self.most is not None else []
        return " ".join([names[self.types[-1]], *limits])


@dataclass(frozen=True, slots=True)
class FaultKind:
    """What is known of a fault before it is asked for.

    Args:
        calls: kinds of calls it looks at unless told.
        allowed: kinds of calls it can be told to look at.
        parameters: by name.
        share: the share when neither `share` nor `times` is given; None is once.
        lasts: from the call that switches it on it stays on until the list is replaced.
        by_row: share and times count rows of jobs, not calls.
    """

    calls: tuple[str, ...]
    allowed: tuple[str, ...] = KINDS
    parameters: Mapping[str, Parameter] = field(default_factory=dict[str, Parameter])
    share: float | None = None
    lasts: bool = False
    by_row: bool = False


ACTED = Parameter(default=False, types=(bool,))
COMMITTED = Parameter(0, (int,), least=0)
ROUNDS = Parameter(1, (int,), least=1)
LOCK_FORMS = ("plain", "trigger", "flow", "mixed")
CLOSE = ("close",)
RESULTS = ("results",)
QUERY = ("data_cloud_query",)

CALL_FAULTS = {
    "status": FaultKind(
        WORK,
        parameters={
            "status": Parameter(503, (int,), least=400, most=599),
            "body": Parameter("json", (str,), ("json", "html", "empty")),
            "retry_after": Parameter(None, Number, least=0),
            "acted": ACTED,
        },
    ),
    "reset": FaultKind(
        WORK, parameters={"when": Parameter("before", (str,), ("before", "during", "after"))}
    ),
    "slow": FaultKind(
        WORK, parameters={"seconds": Parameter(1.0, Number, least=0, most=600), "acted": ACTED}
    ),
    "truncate": FaultKind(PAGES, parameters={"honest": Parameter(default=True, types=(bool,))}),
    "shuffle": FaultKind(RESULTS, RESULTS),
    "rerender": FaultKind(RESULTS, RESULTS),
    "storm": FaultKind(WORK, share=0.05),
}

EVENT_FAULTS = {
    "expire_core_token": FaultKind(ORG_WORK),
    "expire_tenant_token": FaultKind(TENANT_CALLS),
    "lose_batch": FaultKind(("data_cloud_batch",), ("data_cloud_batch",)),
    "empty_answer": FaultKind(
        QUERY,
        QUERY,
        {
            "rows": Parameter(0, (int,), least=-1),
            "form": Parameter("first", (str,), ("first", "last")),
        },
    ),
    "empty_count": FaultKind(QUERY, QUERY),
    "stale_answer": FaultKind(QUERY, QUERY, lasts=True),
    "rows_change": FaultKind(TENANT_CALLS, TENANT_CALLS, {"sql": Parameter(REQUIRED, (str,))}),
    "clock_skew": FaultKind(KINDS, parameters={"seconds": Parameter(REQUIRED, Number)}, lasts=True),
}

JOB_FAULTS = {
    "job_failed": FaultKind(
        CLOSE,
        CLOSE,
        {
            "message": Parameter("InternalServerError : Unable to process", (str,)),
            "committed": COMMITTED,
        },
    ),
    "job_aborted": FaultKind(CLOSE, CLOSE, {"committed": COMMITTED}),
    "job_stuck": FaultKind(CLOSE, CLOSE),
    "job_waits": FaultKind(CLOSE, CLOSE, {"seconds": Parameter(1.0, Number, least=0, most=86_400)}),
    "results_gone": FaultKind(CLOSE, CLOSE, {"job": Parameter(default=True, types=(bool,))}),
    "daily_batches": FaultKind(CLOSE, CLOSE),
    "row_locks": FaultKind(
        CLOSE,
        CLOSE,
        {"rounds": ROUNDS, "form": Parameter("plain", (str,), LOCK_FORMS)},
        by_row=True,
    ),
    "row_unknown": FaultKind(CLOSE, CLOSE, {"rounds": ROUNDS}, by_row=True),
}

FAULT_KINDS: dict[str, FaultKind] = CALL_FAULTS | EVENT_FAULTS | JOB_FAULTS
