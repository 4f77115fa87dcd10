"""One notification of each kind, with facts as the product writes them."""

from __future__ import annotations

from typing import Any

from dc_assets.core.events import Event, EventKind

_LOAD: dict[str, Any] = {
    "load_id": "5f0c2a9be1d94a7c8a53a1b2c3d4e5f6",
    "org": "00D000000000001",
    "mode": "full",
    "partitions": ["r1-01", "r1-02"],
    "selected": 20_000,
    "landed": 19_963,
    "refused": 37,
    "refused_by_code": {"STRING_TOO_LONG": 30, "LOCK_EXHAUSTED": 7},
    "checks": {"passed": 11, "warn": 1, "error": 0, "not asked": 0},
    "verdict": "complete, 37 refused",
    "seconds": 3_725.0,
    "page": "assets/things_in_core?view=checks",
}
_RUN: dict[str, Any] = {
    "run_id": "0b7d1c52-93f4-4a7e-9a55-1f6f5f3c2d10",
    "partition": "r1-02",
    "load_id": "5f0c2a9be1d94a7c8a53a1b2c3d4e5f6",
    "selected": 10_000,
    "landed": 6_000,
    "refused": 12,
    "pending": 3_988,
    "command": "dc-assets run things --partitions r1-02",
    "page": "runs/0b7d1c52-93f4-4a7e-9a55-1f6f5f3c2d10",
}

EXAMPLES: dict[EventKind, dict[str, Any]] = {
    "completed": _LOAD,
    "failed": {
        **_RUN,
        "sentence": "Partition r1-02: 3,988 of 10,000 rows have no outcome yet. Run the partition "
        "again: it resumes where it stopped.",
    },
    "breaker": {
        **_RUN,
        "sentence": "Salesforce ended job 750xx0000000001 as Failed (5 jobs in a row; no reason "
        "given). No more rows are sent. Fix the cause, then: Run `dc-assets run things` to resume "
        "where it stopped.",
    },
    "budget": {
        **_RUN,
        "sentence": "The org has 950 API calls of its day left, and limits.api_calls_reserve keeps "
        "1,000 for others. The day is a rolling 24 hours: the first of our own comes free in 2 h "
        "15 min. Run `dc-assets run things` to resume where it stopped.",
    },
    "coverage_gap": {
        "org": "00D000000000001",
        "partition": "r1-02",
        "run_id": "0b7d1c52-93f4-4a7e-9a55-1f6f5f3c2d10",
        "found": True,
        "checks": [
            {
                "name": "row_count_matches",
                "said": "source 10,000, target 9,997, 3 unexplained",
            },
            {
                "name": "no_coverage_gaps",
                "said": "3 missing, 0 extra: 0 refused, 0 deleted in source, 3 unexplained",
            },
        ],
        "repairs": ["dc-assets run things --missing --partitions r1-02"],
        "page": "assets/things_in_core?view=checks",
    },
    "success_rate": {
        **_LOAD,
        "landed": 18_000,
        "refused": 2_000,
        "refused_by_code": {"REQUIRED_FIELD_MISSING": 2_000},
        "share": 0.9,
        "usual": 0.9985,
        "earlier": 5,
    },
    "deletions": {
        "spec": "things",
        "org": "00D000000000001",
        "partition": "r1-02",
        "source_rows": 5_000,
        "rows": 5_000,
        "rows_max": 10,
        "page": "assets/things_in_core?view=checks",
    },
    "test": {"place": "ops@example.com through mail.example.com:587"},
}


def example(kind: EventKind) -> Event:
    """Return a notification of a kind."""
    return Event(f"{kind}:1", kind, "things", EXAMPLES[kind], 1_700_000_000.0)
