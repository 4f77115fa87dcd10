"""What one history is about, derived from its seed: rows, spec, and how bad the weather is."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from random import Random

from dc_assets.core.spec import LoadSpec
from dc_assets_tests.fakes.source import SourceRow, thing
from dc_assets_tests.fakes.specs import KEY, small_spec

ROWS = [6, 8, 12, 12, 16, 20, 20, 30, 40, 80]
LONG_LOCKED = 99
REFUSALS = (
    "STRING_TOO_LONG:too long:Title__c --",
    "REQUIRED_FIELD_MISSING:Required fields are missing: [Name]:Name --",
    "SOME_NEW_CODE:never heard of --",
)

RATES = {
    "lost": 0.2,
    "meddle": 0.08,
    "cut": 0.25,
    "ends_badly": 0.4,
    "stuck": 0.25,
    "job_gone": 0.1,
    "results_gone": 0.1,
    "break": 0.3,
    "blank": 0.4,
    "empty_page": 0.3,
    "early_end": 0.6,
    "change": 0.6,
    "source_lost": 0.05,
    "slow_call": 0.05,
    "crash": 0.03,
    "freeze": 0.03,
}
"""The highest chance of each trouble, at each call that it can meet."""

PHASES = ("silence", "limit", "low", "storage", "no_access")
"""Troubles that last for a while."""


@dataclass(slots=True)
class Scenario:
    """One seed's world.

    Attributes:
        loose: ids that may be changed or deleted while they are read.
        locked: how often each row meets a lock.
        untouched: how often each row is left unprocessed.
        refused: the error of each row that the org never takes.
        unfit: ids that must be refused before they are sent, with the code.
        rates: the chance of each trouble.
        phases: troubles that last, as moments from and to.
    """

    seed: int
    spec: LoadSpec
    rows: list[SourceRow]
    loose: set[str]
    locked: Counter[str]
    untouched: Counter[str]
    refused: dict[str, str]
    unfit: dict[str, str]
    rates: dict[str, float]
    phases: dict[str, list[tuple[float, float]]]
    storm_s: float
    page_rows: int
    daemons: dict[str, str] = field(default_factory=dict[str, str])
    has_operator: bool = False


def scenario_of(seed: int) -> Scenario:
    """Derive everything from the seed."""
    rng = Random(seed)  # noqa: S311 - a seed gives the same numbers
    rows = _rows(rng)
    keys = [row[KEY] or "" for row in rows]
    partitions = rng.randint(1, 3)
    bounds = [keys[len(keys) * n // partitions] for n in range(1, partitions)]
    unfit = _add_unfit(rng, rows)
    storm_s = rng.choice([20.0, 60.0, 60.0, 150.0])
    return Scenario(
        seed=seed,
        spec=_spec(rng, bounds),
        rows=rows,
        loose=set(rng.sample(keys, max(1, len(keys) // 6))),
        locked=_counts(rng, keys),
        untouched=_counts(rng, keys) if rng.random() < 0.5 else Counter(),
        refused={key: rng.choice(REFUSALS) for key in rng.sample(keys, rng.choice([0, 0, 1, 3]))},
        unfit=unfit,
        rates=_rates(rng),
        phases={name: _phase(rng, storm_s) for name in PHASES if rng.random() < 0.2},
        storm_s=storm_s,
        page_rows=rng.choice([3, 8, 20, 100]),
        daemons=_daemons(rng, partitions),
        has_operator=rng.random() < 0.2,
    )


def _rows(rng: Random) -> list[SourceRow]:
    parents = rng.choice([1, 3, 8, 25])
    weight = rng.choice([1.0, 2.5])
    rows: list[SourceRow] = []
    for number in range(rng.choice(ROWS)):
        parent = f"p{int(parents * rng.random() ** weight)}"
        rows.append(thing(f"id{number:04}", parent if rng.random() < 0.95 else None, "v0"))
    return rows


def _add_unfit(rng: Random, rows: list[SourceRow]) -> dict[str, str]:
    """Add rows that must be refused before a call is spent on them."""
    if rng.random() < 0.6:
        return {}
    more = [thing("Twice"), thing("tWICE"), thing("mark", title="#N/A"), thing("nul", title="a\0b")]
    rows += more
    codes = ["AMBIGUOUS_ID", "AMBIGUOUS_ID", "NOT_REPRESENTABLE", "NOT_REPRESENTABLE"]
    return {row[KEY] or "": code for row, code in zip(more, codes, strict=True)}


def _spec(rng: Random, bounds: list[str]) -> LoadSpec:
    ladder = rng.choice([[5.0, 15.0, 30.0], [1.0], [5.0, 15.0, 30.0, 60.0, 120.0]])
    return small_spec(
        partitions={"scheme": 1, "upper_bounds": bounds},
        profile={
            "window": rng.choice([1, 2, 3, 6]),
            "batch_rows_max": rng.choice([3, 6, 10, 40]),
            "row_ladder_s": ladder,
            "exclusive_user": rng.random() < 0.7,
        },
        limits={"job_wait_s_max": rng.choice([20.0, 60.0]), "silence_s_max": 60.0},
    )


def _counts(rng: Random, keys: list[str]) -> Counter[str]:
    met = rng.sample(keys, rng.choice([0, 2, max(2, len(keys) // 5)]))
    return Counter({key: rng.choice([1, 1, 2, 3, LONG_LOCKED]) for key in met})


def _rates(rng: Random) -> dict[str, float]:
    """Choose a few troubles; rows that change hide an early end, so they never come together."""
    some = rng.choice([0.25, 0.5, 0.9])
    rates = {
        name: worst * rng.choice([0.2, 0.5, 1.0])
        for name, worst in RATES.items()
        if rng.random() < some
    }
    if "change" in rates:
        rates.pop("early_end", None)
        rates.pop("blank", None)
    return rates


def _phase(rng: Random, storm_s: float) -> list[tuple[float, float]]:
    begin = rng.random() * storm_s
    return [(begin, begin + rng.choice([5.0, 30.0, 90.0]))]


def _daemons(rng: Random, partitions: int) -> dict[str, str]:
    """Name those who run partitions; some partitions have a rival."""
    keys = [f"r1-{number:02d}" for number in range(1, partitions + 1)]
    names = {f"a{key[-1]}": key for key in keys}
    return names | {f"b{key[-1]}": key for key in keys if rng.random() < 0.3}
