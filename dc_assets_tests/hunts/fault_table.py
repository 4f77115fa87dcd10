"""Every fault that a load is promised to survive, and the promise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

ROWS = 5_000
SHARES = (0.01, 0.2)
TIMES = (1, 5)
SEED = 315
"""With it each of the share faults happens at least once among the few calls that it is about."""

Fault = Mapping[str, object]


class Promise(Enum):
    """What an operator may rely on."""

    CONTINUES = "continues without stopping"
    HEALS = "heals, at the latest on the next run"
    STOPS = "stops in good order, and completes when the cause is gone"


@dataclass(frozen=True, slots=True)
class Scenario:
    """One fault, or several at once, and what a load makes of it.

    Attributes:
        faults: what the emulated org does wrong until it is lifted.
        options: settings of the org until they are put back.
        limits: limits of the spec.
        says: text that the first run prints when it stops.
        repair: arguments of the next run that the first one names as its repair.
        sends_again: whether rows may be committed twice: nothing can be read of them any more.
        api: the query API by which the source is read.
    """

    name: str
    promise: Promise
    faults: Sequence[Fault] = ()
    options: Mapping[str, object] = field(default_factory=dict[str, object])
    limits: Mapping[str, float] = field(default_factory=dict[str, float])
    says: str = ""
    repair: Sequence[str] = ()
    sends_again: bool = False
    api: str = "v2"


def _share(name: str, **fault: object) -> list[Scenario]:
    return [
        Scenario(
            f"{name}, {share:.0%} of calls",
            Promise.CONTINUES,
            [{**fault, "share": share, "seed": SEED}],
        )
        for share in SHARES
    ]


def _events(name: str, **fault: object) -> list[Scenario]:
    return [
        Scenario(f"{name}, {_often(n)}", Promise.CONTINUES, [{**fault, "times": n, "after": 1}])
        for n in TIMES
    ]


def _often(times: int) -> str:
    return "once" if times == 1 else f"{times} times"


SHARE_FAULTS = [
    *_share("500 with JSON", what="status", status=500),
    *_share("502 with HTML", what="status", status=502, body="html"),
    *_share("503 with an empty body", what="status", status=503, body="empty"),
    *_share("503 after the org acted", what="status", status=503, body="html", acted=True),
    *_share("429 with Retry-After 1 s", what="status", status=429, retry_after=1),
    *_share("connection reset before the org acted", what="reset", when="before"),
    *_share("connection reset during the call", what="reset", when="during"),
    *_share("connection reset after the org acted", what="reset", when="after"),
    *_share("first byte after 0.2 s", what="slow", seconds=0.2),
    *_share("answers cut off", what="truncate", honest=True),
    *_share("answers cut off with a length that fits", what="truncate", honest=False),
    *_share("result files in another order", what="shuffle"),
    *_share("result files rendered anew", what="rerender"),
    *_share("a storm of all of these", what="storm"),
]

EVENT_FAULTS = [
    *_events("token of the org expires", what="expire_core_token"),
    *_events("token of the tenant expires", what="expire_tenant_token"),
    *_events("batch of a Data Cloud query is lost", what="lose_batch"),
    *_events("Data Cloud answers a query with no rows", what="empty_answer"),
    *_events("Data Cloud answers a count with no row", what="empty_count"),
    *_events("answer of create is lost", what="reset", when="after", calls=["create"]),
    *_events("answer of an upload is lost", what="reset", when="after", calls=["upload"]),
    *_events("answer of a close is lost", what="reset", when="after", calls=["close"]),
    *_events("answer of the results is lost", what="reset", when="after", calls=["results"]),
    Scenario(
        "Data Cloud answers from a stale cache",
        Promise.CONTINUES,
        [{"what": "stale_answer"}, {"what": "empty_answer", "times": 1}],
    ),
    Scenario(
        "the org's clock is an hour ahead",
        Promise.CONTINUES,
        [{"what": "clock_skew", "seconds": 3_600}],
    ),
    Scenario(
        "a fifth of the rows meet a lock",
        Promise.CONTINUES,
        [{"what": "row_locks", "share": 0.2, "rounds": 2}],
    ),
    Scenario(
        "a fifth of the rows meet a lock inside a trigger",
        Promise.CONTINUES,
        [{"what": "row_locks", "share": 0.2, "rounds": 2, "form": "mixed"}],
    ),
    Scenario(
        "a fifth of the rows meet an unknown exception",
        Promise.CONTINUES,
        [{"what": "row_unknown", "share": 0.2, "rounds": 2}],
    ),
]

OF_THE_SOURCE = ["data_cloud_query", "data_cloud_batch"]
FAULTS_OF_CHUNKS: Mapping[str, Fault] = {
    "a storm over Data Cloud": {"what": "storm", "share": 0.2, "seed": SEED},
    "answers of Data Cloud cut off": {"what": "truncate", "share": 0.2, "seed": SEED},
    "answers of Data Cloud cut off with a length that fits": {
        "what": "truncate",
        "honest": False,
        "share": 0.2,
        "seed": SEED,
    },
    "connection to Data Cloud reset during the call": {
        "what": "reset",
        "when": "during",
        "share": 0.2,
        "seed": SEED,
    },
}

CHUNK_FAULTS = [
    *(
        Scenario(
            f"Query API V3: {name}, 20% of calls",
            Promise.CONTINUES,
            [{**fault, "calls": OF_THE_SOURCE}],
            api="v3",
        )
        for name, fault in FAULTS_OF_CHUNKS.items()
    ),
    *(
        replace(scenario, name=f"Query API V3: {scenario.name}", api="v3")
        for scenario in EVENT_FAULTS
        if scenario.faults[0]["what"]
        in {"expire_tenant_token", "lose_batch", "empty_answer", "stale_answer"}
    ),
]

CHANGES = (
    """UPDATE "ExtOpportunities__dlm" SET "ExternalId__c" = "ExternalId__c" || 'x' """
    """WHERE "ExternalId__c" = 'externalOpp0000007'"""
)

JOB_FAULTS = [
    Scenario(
        "a job ends Failed, part of it committed",
        Promise.HEALS,
        [{"what": "job_failed", "committed": 40, "times": 2, "after": 3}],
    ),
    Scenario(
        "a job is Aborted by somebody else",
        Promise.HEALS,
        [{"what": "job_aborted", "committed": 40, "times": 2, "after": 3}],
    ),
    Scenario(
        "a job is stuck InProgress",
        Promise.HEALS,
        [{"what": "job_stuck", "times": 1, "after": 3}],
        limits={"job_wait_s_max": 300.0},
    ),
    Scenario(
        "a job waits in UploadComplete for 2 s",
        Promise.HEALS,
        [{"what": "job_waits", "seconds": 2, "times": 3}],
    ),
    Scenario(
        "results and job are gone",
        Promise.HEALS,
        [{"what": "results_gone", "job": True, "times": 2, "after": 3}],
        sends_again=True,
    ),
    Scenario(
        "results are gone, the job is there",
        Promise.HEALS,
        [{"what": "results_gone", "job": False, "times": 2, "after": 3}],
        sends_again=True,
    ),
    Scenario(
        "a row changes its id while the range is read",
        Promise.HEALS,
        [{"what": "rows_change", "sql": CHANGES, "calls": ["data_cloud_batch"], "after": 3}],
        repair=["--missing"],
    ),
]

JOB_CALLS = ["create", "upload", "close", "poll", "results", "list", "limits"]

STOPS = [
    Scenario(
        "API calls of the day are used up",
        Promise.STOPS,
        options={"api_requests_max": 150},
        limits={"api_calls_reserve": 0},
        says="day is a rolling 24 hours",
    ),
    Scenario(
        "API calls of the day are down to the reserve",
        Promise.STOPS,
        options={"api_requests_max": 1_000},
        says="API calls of its day left",
    ),
    Scenario(
        "ingest batches of the day are used up",
        Promise.STOPS,
        options={"daily_batches_max": 20},
        limits={"daily_batches_reserve": 0},
        says="The day's batches are used up",
    ),
    Scenario(
        "ingest batches of the day are down to the reserve",
        Promise.STOPS,
        options={"daily_batches_max": 150},
        says="limits.daily_batches_reserve keeps 200",
    ),
    Scenario(
        "Data Cloud answers nothing behind the first page, always",
        Promise.STOPS,
        [
            {"what": "empty_answer", "times": 1, "rows": 1_000, "after": 1},
            {"what": "empty_answer", "times": 1_000, "after": 2},
        ],
        says="rows are missing",
    ),
    Scenario(
        "every job ends Failed",
        Promise.STOPS,
        [{"what": "job_failed", "share": 1.0}],
        says="jobs in a row",
    ),
    Scenario(
        "the org answers nothing at all",
        Promise.STOPS,
        [{"what": "status", "status": 503, "body": "empty", "share": 1.0, "calls": JOB_CALLS}],
        says="no good answer for",
    ),
]

SCENARIOS = [*SHARE_FAULTS, *EVENT_FAULTS, *CHUNK_FAULTS, *JOB_FAULTS, *STOPS]
