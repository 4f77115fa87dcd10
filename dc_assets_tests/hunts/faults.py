"""Plays every fault of the table against a local run, and writes docs/faults.md.

    python -m dc_assets_tests.hunts.faults [--only TEXT] [--write]

Each scenario is a load of 5,000 rows by `run --local` on an emulated org that does something wrong.
Waits of the policy pass 50 times as fast as on the wall; leases do not.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Generator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import click

from dc_assets_tests.acceptance.stage import Done, Org, Stage, running_org, short_folder
from dc_assets_tests.acceptance.stage import spec_content as packaged_content
from dc_assets_tests.cli.refusals.table import as_markdown as told_answers
from dc_assets_tests.hunts.fault_table import ROWS, SCENARIOS, Promise, Scenario

DOCUMENT = Path(__file__).parents[2] / "docs" / "faults.md"
PARTITIONS = 2
TIME_SCALE = 50
AT_ONCE = 2
"""Scenarios wait most of the time: two at once share two cores."""

RUNS_MAX = 4
RUN_WITHIN_S = 240.0
ORG_OPTIONS = {"page_rows": 500, "api_requests_max": 10_000_000, "daily_batches_max": 15_000}

PREFACE = (
    "Written by `python -m dc_assets_tests.hunts.faults --write`; do not edit by hand. Each "
    f"line is a load of {ROWS:,} rows in two partitions by `run --local`, jobs of 100 rows, "
    "while the emulated org does something wrong. *Happened* counts how often in the first "
    "run. *Runs* are exit codes: 0 proved, 4 rows pending, 5 stopped. In every line at the "
    "end: no row lost, no job of ours open, and no key committed by two jobs, except where "
    "the results of a job were gone, so that nobody could know what had landed (those rows "
    "are sent again, an upsert)."
)


@dataclass
class Played:
    """What was seen of one scenario.

    Attributes:
        runs: exit code of each run, in order; the fault is lifted after a stop.
        fired: how often the fault happened.
        lost: source ids that Core lacks at the end.
        twice: ids that two jobs committed.
        broken: what was promised and not seen; empty when the promise held.
    """

    scenario: Scenario
    runs: list[int] = field(default_factory=list[int])
    fired: int = 0
    lost: int = 0
    twice: int = 0
    seconds: float = 0.0
    broken: list[str] = field(default_factory=list[str])

    def expect(self, *, holds: bool, otherwise: str) -> None:
        """Note what did not hold."""
        if not holds:
            self.broken.append(otherwise)


@contextmanager
def one_org(folder: Path, rows: int) -> Generator[Org]:
    """Run an emulated org that all scenarios share."""
    with running_org(folder, rows=rows) as org:
        yield org


def play(scenario: Scenario, org: Org, folder: Path, rows: int = ROWS) -> Played:
    """Load everything under a fault, as often as it takes, and judge what came of it."""
    stage = _fresh_stage(scenario, org, folder, rows)
    played = Played(scenario)
    began_s = time.monotonic()
    org.tell("options", **{**ORG_OPTIONS, **scenario.options})
    org.tell("faults", faults=list(scenario.faults))
    try:
        _run_to_the_end(stage, played)
    finally:
        played.seconds = time.monotonic() - began_s
        _lift(org)
    ids = _source_ids(org)
    played.lost = len(set(ids) - set(org.core_ids()))
    played.twice = len(org.keys_of_two_jobs())
    played.expect(holds=played.lost == 0, otherwise=f"{played.lost} rows are lost")
    played.expect(
        holds=played.twice == 0 or scenario.sends_again, otherwise=f"{played.twice} keys twice"
    )
    played.expect(holds=_open_jobs(org) == 0, otherwise="a job of ours is open")
    return played


def _run_to_the_end(stage: Stage, played: Played) -> None:
    """Run, lift the fault when the first run stopped, and run again until all is proved."""
    scenario = played.scenario
    for number in range(1, RUNS_MAX + 1):
        done = _run(stage, () if number == 1 else scenario.repair)
        played.runs.append(done.code)
        if number == 1:
            played.fired = _fired(stage.org)
            _judge_first(played, done)
        if done.code == 0:
            break
        if number == 1 and scenario.promise is not Promise.HEALS:
            _lift(stage.org)
    played.expect(holds=played.runs[-1] == 0, otherwise=f"not proved after {len(played.runs)} runs")
    played.expect(holds=len(played.runs) <= 2, otherwise=f"{len(played.runs)} runs were needed")


def _judge_first(played: Played, done: Done) -> None:
    """Compare the first run with the promise."""
    scenario, text = played.scenario, done.out + done.err
    happened = played.fired > 0 or not scenario.faults
    played.expect(holds=happened, otherwise="the fault never happened")
    played.expect(holds="Traceback" not in text, otherwise=f"a traceback: {text[-600:]}")
    match scenario.promise:
        case Promise.CONTINUES:
            played.expect(holds=done.code == 0, otherwise=f"stopped: {text[-600:]}")
        case Promise.STOPS:
            played.expect(holds=done.code in {4, 5}, otherwise=f"exit {done.code}: {text[-600:]}")
            said = " ".join(text.split())
            played.expect(holds=scenario.says in said, otherwise=f"said: {text[-600:]}")
        case Promise.HEALS:
            played.expect(holds=done.code in {0, 4, 5}, otherwise=f"{done.code}: {text[-600:]}")


def _run(stage: Stage, repair: Sequence[str]) -> Done:
    return stage.run("run", "--local", *repair, within_s=RUN_WITHIN_S)


def _fresh_stage(scenario: Scenario, org: Org, folder: Path, rows: int) -> Stage:
    """Empty the org and forget what an earlier scenario left on disk."""
    org.tell("seed", opportunities=rows, accounts=40)
    shutil.rmtree(folder / "data", ignore_errors=True)
    stage = Stage.set_up(folder, org, rows=rows, partitions=PARTITIONS)
    content = packaged_content(rows, PARTITIONS)
    content["source"]["api"] = scenario.api
    content["profile"] = {"exclusive_user": True, "window": 8, "batch_rows_max": 100}
    content["limits"] = dict(scenario.limits)
    stage.write_spec(content)
    stage.environment |= {
        "DC_ASSETS_TIME_SCALE": str(TIME_SCALE),
        "DC_ASSETS_LEASE_S": "10",
        "DC_ASSETS_HEARTBEAT_S": "2",
    }
    return stage


def _lift(org: Org) -> None:
    org.tell("faults", faults=[])
    org.tell("options", **ORG_OPTIONS)


def _fired(org: Org) -> int:
    return sum(int(fault["fired"]) for fault in org.ask("faults")["faults"])


def _source_ids(org: Org) -> list[str]:
    rows = org.sql('SELECT "ExternalId__c" FROM "ExtOpportunities__dlm"', store="data_cloud")
    return [row[0] for row in rows]


def _open_jobs(org: Org) -> int:
    return int(org.ask("state")["jobs"].get("Open", 0))


ELSEWHERE = (
    (
        "the process is killed after the last row, in each kind of call that its checks make",
        "the same command asks the checks, opens no job, and the load ends",
        "acceptance/test_life.py",
    ),
    (
        "a run worker of Dagster is killed after the last row",
        "its retry asks the checks and sends nothing",
        "acceptance/test_life.py",
    ),
    (
        "one side does not answer one check: 500 with a code, a Failed query, 2,001 groups, 403",
        "that check is not asked, the other six stand, exit 4",
        "load/test_not_asked.py",
    ),
    (
        "the org refuses every row of a partition",
        "the run stops and names code and remedy; run FAILURE, exit 4",
        "acceptance/test_all_refused.py",
    ),
    (
        "PostgreSQL is restarted ten times, fast and immediate, local and under Dagster",
        "complete without help, nothing twice",
        "hunts/test_restarts.py",
    ),
    (
        "PostgreSQL is away for longer than the lease",
        "one sentence, exit 5; Dagster begins the step again",
        "hunts/test_restarts.py",
    ),
    (
        "the connection is cut before or after a COMMIT, for each kind of ledger write",
        "the write takes place once",
        "conformance/test_lost_answers.py",
    ),
    (
        "all of Dagster is killed under runs that hold our asset and others'",
        "our runs are failed and told once; the foreign part is not judged",
        "acceptance/test_foreign_runs.py",
    ),
)
"""Faults that are no answer of the org, what is promised, and the test that shows it."""


def as_markdown(seen: Sequence[Played]) -> str:
    """Return the document: one table a promise."""
    lines = [
        "# Faults",
        "",
        PREFACE,
    ]
    for promise in Promise:
        lines += ["", f"## It {promise.value}", "", "| fault | happened | runs | held |"]
        lines += ["|---|---:|---|---|"]
        lines += [_line(played) for played in seen if played.scenario.promise is promise]
    lines += [
        "",
        "## Kills, silent checks and our own stores",
        "",
        "| what | held by a test | test |",
    ]
    lines += [
        "|---|---|---|",
        *(f"| {what} | {held} | `{test}` |" for what, held, test in ELSEWHERE),
    ]
    return "\n".join(lines) + "\n\n" + told_answers()


def _line(played: Played) -> str:
    runs = ", ".join(str(code) for code in played.runs)
    held = "; ".join(b.replace("\n", " ").replace("|", "/") for b in played.broken) or "yes"
    twice = f" ({played.twice} rows sent again)" if played.twice else ""
    return f"| {played.scenario.name} | {played.fired} | {runs} | {held}{twice} |"


def sweep(scenarios: Sequence[Scenario], at_once: int = AT_ONCE) -> list[Played]:
    """Play scenarios on some orgs beside each other, tell of each, and return them in order."""
    shares = [scenarios[start::at_once] for start in range(at_once)]
    with ThreadPoolExecutor(at_once) as crew:
        played = list(chain.from_iterable(crew.map(_one_after_another, shares)))
    return sorted(played, key=lambda one: scenarios.index(one.scenario))


def _one_after_another(scenarios: Iterable[Scenario]) -> list[Played]:
    seen: list[Played] = []
    with short_folder() as folder, one_org(folder, ROWS) as org:
        for scenario in scenarios:
            played = play(scenario, org, folder)
            seen.append(played)
            verdict = "; ".join(played.broken) or "held"
            click.echo(
                f"{played.seconds:5.1f} s  {scenario.name}: happened {played.fired} times, "
                f"runs {played.runs}: {verdict}"
            )
    return seen


@click.command()
@click.option("--only", default="", help="Scenarios whose name holds this text.")
@click.option("--write", is_flag=True, help="Write docs/faults.md; takes all scenarios.")
def main(only: str, *, write: bool) -> None:
    """Play every fault of the table."""
    began_s = time.monotonic()
    seen = sweep([s for s in SCENARIOS if only.lower() in s.name.lower()])
    if write:
        DOCUMENT.write_text(as_markdown(seen), encoding="utf-8")
    broken = [played for played in seen if played.broken]
    click.echo(
        f"{len(seen)} scenarios in {time.monotonic() - began_s:.0f} s, {len(broken)} not as "
        "promised"
    )
    sys.exit(1 if broken or not seen else 0)


if __name__ == "__main__":
    main()
