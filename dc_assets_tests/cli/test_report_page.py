"""Pages of reports on ledgers that were written by hand: big loads, odd names, every standing."""

from __future__ import annotations

import re
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import pytest

from dc_assets.core.checks import check_descriptions
from dc_assets.core.errors import ConfigError
from dc_assets.core.load_state import CheckResult, LoadState, PartitionState, RowCounts
from dc_assets.core.verdicts import CheckOutcome, Severity
from dc_assets.ledger.database import Database
from dc_assets.ledger.tables import dead_letter
from dc_assets.pages.page_files import write_whole
from dc_assets.pages.report_facts import ReportFacts, gathered
from dc_assets.pages.report_page import page_of
from dc_assets.pages.report_plots import BARS_MAX, busy_times
from dc_assets.pages.report_proof import LoadProof, verdict_of_load
from dc_assets.pages.report_sending import sending_of
from dc_assets.views.load_history import LoadHistory, SentJob
from dc_assets_tests.fakes.html_page import HtmlPage
from dc_assets_tests.fakes.specs import small_spec
from dc_assets_tests.fakes.written_loads import (
    BEGAN_S,
    WrittenLoad,
    write_allowance,
    write_checks,
    write_load,
)

SPEC = small_spec(
    partitions={"scheme": 1, "upper_bounds": ["g"]}, limits={"rows_a_day_max": 5_000_000}
)
KEYS = tuple(SPEC.ranges)
CHECKS = tuple(check_descriptions(SPEC))
ORG = "00Dxx0000001gPLEAY"
NASTY = "<script src=http://evil.example>"
PAGE_BYTES_MAX = 1_500_000
BIG = WrittenLoad(
    f"b16{'0' * 29}", jobs=2_000, lanes=32, hot=("acc-big", NASTY), dead_letters=2_000, calls=9_000
)
LOAD = LoadState(
    load_id=f"10ad{'0' * 28}",
    spec_name=SPEC.name,
    org_id=ORG,
    mode="full",
    state="done",
    opened_at=BEGAN_S,
    finished_at=BEGAN_S + 100,
    spec_json=SPEC.model_dump_json(),
    seen_at=BEGAN_S + 500,
)
DONE = PartitionState(
    *(KEYS[0], LOAD.load_id, "full", "checked", RowCounts(selected=10, landed=10)),
    started_at=BEGAN_S,
    finished_at=BEGAN_S + 100,
    seen_at=LOAD.seen_at,
)
ALSO = replace(DONE, partition_key=KEYS[1])
JOB = SentJob(
    lane=0,
    attempt=1,
    rows=10,
    began_at=BEGAN_S,
    uploaded_at=BEGAN_S + 1,
    finished_at=BEGAN_S + 5,
    is_settled=True,
    landed=10,
    retried=0,
    locked=0,
)


def said(check: str, key: str, severity: Severity = Severity.PASSED) -> CheckOutcome:
    """Return what a check said, naming an id of a strange shape."""
    unexplained = int(severity is Severity.ERROR)
    table = ({"what": "missing", "first": NASTY, "last": "z", "rows": 7},)
    return CheckOutcome(check, key, severity, f"about {key}", unexplained, table=table)


def proof_of(
    *partitions: PartitionState,
    load: LoadState = LOAD,
    worst: Severity = Severity.PASSED,
    unheard: str = "",
) -> LoadProof:
    """Return a proof in which every check looked at every partition, one in another way."""
    checked = {
        one.partition_key: replace(one, checks=_checks(one.partition_key, worst, unheard))
        for one in partitions
    }
    return LoadProof(replace(load, partitions=checked), SPEC)


def _checks(key: str, worst: Severity, unheard: str) -> dict[str, CheckResult]:
    severities = {check: worst if check == "values_match" else Severity.PASSED for check in CHECKS}
    return {
        check: CheckResult(said(check, key, severity), BEGAN_S + 200, LOAD.load_id, "run-1")
        for check, severity in severities.items()
        if check != unheard
    }


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Generator[ReportFacts]:
    """Two million rows in two thousand jobs, after a load of a day before."""
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('ledger') / 'ledger.db'}")
    before = WrittenLoad(
        f"0ld{'0' * 29}", jobs=20, opened_at=BEGAN_S - 86_400, seconds=60, calls=100
    )
    write_load(database, SPEC, ORG, before)
    write_load(database, SPEC, ORG, BIG)
    write_allowance(database, ORG)
    coverage = said("no_coverage_gaps", KEYS[1], Severity.ERROR)
    write_checks(database, SPEC, ORG, BIG.load_id, [coverage])
    with database.begin() as connection:
        connection.execute(
            dead_letter.update()
            .where(dead_letter.c.external_id == "key0000000")
            .values(external_id=NASTY, message=f"bad {NASTY}")
        )
    (newest,) = LoadHistory(database).loads_named(SPEC.name, "b16", 2)
    yield gathered(database, newest)
    database.close()


@pytest.fixture(scope="module")
def page(big: ReportFacts) -> str:
    """The page of the big load."""
    return page_of(big)


def test_a_page_of_two_thousand_jobs_is_small(page: str) -> None:
    """Two million rows, two thousand dead letters, two loads: it can be mailed."""
    assert len(page.encode()) < PAGE_BYTES_MAX
    assert page.count("<svg") == 5


def test_names_stay_names(page: str) -> None:
    """A parent, an id or a reason that looks like markup is text, and nothing is fetched."""
    seen = HtmlPage.of(page)
    assert "script" not in seen.tags
    assert seen.addresses == []
    assert f"bad {NASTY}" in seen.text
    assert f"missing: {NASTY} .. z, 7 rows" in seen.text
    parents = {line["hot parents"]: line for line in seen.table("hot parents")}
    assert parents.keys() == {"acc-big", NASTY}
    assert int(parents["acc-big"]["rows landed"].replace(",", "")) > 50_000
    assert re.findall(r"private\d", page) == []


def test_the_tables_add_up(big: ReportFacts, page: str) -> None:
    """Attempts, days, codes and hot parents are the same rows, told in different ways."""
    seen = HtmlPage.of(page)

    def total(lines: list[dict[str, str]], name: str) -> int:
        return sum(int(line[name].replace(",", "")) for line in lines)

    attempts, days = list(seen.table("attempt")), list(seen.table("day (UTC)"))
    assert total(attempts, "jobs") == total(days, "jobs") == 2_000
    assert total(attempts, "rows sent") == total(days, "rows sent") == 2_000_000
    assert total(attempts, "landed") == big.totals.landed == total(days, "rows landed")
    assert total(attempts, "to try again") == total(attempts, "met a lock") == 4_000
    assert total(attempts, "refused") == 2_000 == sum(code.rows for code in big.refusals)
    assert total(days, "API calls") == 9_000 == big.budget.api_calls
    assert big.refused_before == 0
    lanes = big.lanes
    assert lanes is not None
    in_hot = sum(one.landed for one in lanes.hot_lanes)
    assert lanes.landed_in_shared + in_hot == big.totals.landed


def test_budget_and_past_loads_are_told(big: ReportFacts, page: str) -> None:
    """What is left, what limits, and the loads before with calls for a thousand rows."""
    text = HtmlPage.of(page).text
    assert "4,321,000 API calls, 12,345 batches, as the org said 2025-11-01 14:23:20" in text
    assert big.budget.limits["rows_a_day_max"] == 5_000_000
    assert big.budget.jobs_of_org_day == 2_000
    this, before = HtmlPage.of(page).table("load", "mode")
    assert this["load"].endswith("(this)")
    assert (before["took"], before["rows"], before["API calls"]) == ("60 s", "20,000", "100")
    assert before["calls per 1,000 rows"] == f"{100 / 20:.1f}"
    assert this["success"] == f"{100 * big.totals.landed / (big.totals.landed + 2_000):.2f} %"


def test_a_check_that_did_not_speak_is_not_run(big: ReportFacts) -> None:
    """Of all that are due one spoke, of one partition, and it failed."""
    totals = big.totals
    assert (totals.failed, totals.not_run) == (1, len(KEYS) * len(CHECKS) - 1)
    assert f"{totals.not_run} not run" in big.verdict.sentence
    assert big.forecast.none_because.startswith("No plan was made before this load")


def test_a_page_is_written_when_the_spec_is_not_known(big: ReportFacts) -> None:
    """A load of an older program kept none; one that this program does not understand is shown."""
    old = replace(big, load=replace(big.load, spec_json=None))
    assert "did not keep the spec" in page_of(old)
    newer = replace(big, load=replace(big.load, spec_json='{"name": "of-tomorrow"}'))
    assert "name: of-tomorrow" in page_of(newer)


@pytest.mark.parametrize(
    ("proof", "tone", "word", "reason"),
    [
        (proof_of(DONE, ALSO), "GO", "PROVED", ""),
        (
            proof_of(DONE, replace(ALSO, rows=RowCounts(10, 9, {"A": 1}))),
            *("CARE", "COMPLETE, 1 REFUSED", ""),
        ),
        (
            proof_of(DONE, ALSO, worst=Severity.WARN),
            *("CARE", "COMPLETE, WITH WARNINGS", ""),
        ),
        (
            proof_of(DONE, ALSO, unheard="values_match"),
            *("CARE", "NOT CHECKED", "dc-assets reconcile things"),
        ),
        (
            proof_of(DONE, ALSO, worst=Severity.ERROR),
            *("STOP", "NOT PROVED", ""),
        ),
        (
            proof_of(DONE, ALSO, worst=Severity.NOT_ASKED),
            *("STOP", "NOT ASKED", ""),
        ),
        (
            proof_of(DONE, replace(ALSO, rows=RowCounts(10, 9))),
            *("STOP", "UNFINISHED", ""),
        ),
        (proof_of(DONE), "STOP", "UNFINISHED", f"1 of 2 partitions are not done: {KEYS[1]}."),
        (proof_of(), "STOP", "UNFINISHED", "2 of 2 partitions are not done"),
        (
            proof_of(replace(DONE, phase="sending", is_held=True)),
            *("CARE", "STILL RUNNING", "the figures are those of the moment"),
        ),
        (
            proof_of(replace(DONE, is_held=True, phase="reading"), worst=Severity.ERROR),
            *("STOP", "STILL RUNNING", "Runs are working on it"),
        ),
        (
            proof_of(DONE, load=replace(LOAD, state="superseded")),
            *("STOP", "UNFINISHED", "It was given up"),
        ),
        (
            proof_of(DONE, load=replace(LOAD, stopped_at=BEGAN_S)),
            *("STOP", "UNFINISHED", "To resume: dc-assets run things"),
        ),
        (
            proof_of(
                replace(DONE, phase="reading", paused_until=2 * BEGAN_S, paused_why="It is day.")
            ),
            *("STOP", "UNFINISHED", f"{KEYS[0]} sends nothing for now: It is day."),
        ),
        (
            proof_of(DONE, load=replace(LOAD, mode="missing", state="superseded")),
            *("GO", "PROVED", ""),
        ),
    ],
)
def test_the_verdict_says_how_a_load_stands(
    proof: LoadProof, tone: str, word: str, reason: str
) -> None:
    """A word and a tone for each standing, and what is missing."""
    verdict = verdict_of_load(proof)
    assert (verdict.tone, verdict.word) == (tone, word)
    assert reason in " ".join(verdict.reasons)
    assert bool(verdict.reasons) == bool(reason)


def test_few_jobs_are_drawn_one_by_one_and_many_as_busy_times() -> None:
    """No lane changes its place, and no bar covers time that was idle for long."""
    jobs = [
        replace(JOB, lane=n % 20, began_at=BEGAN_S + 10 * n, finished_at=BEGAN_S + 10 * n + 195)
        for n in range(2 * BARS_MAX)
    ]
    few = busy_times(jobs[:BARS_MAX], BEGAN_S, 1.0)
    assert len(few) == BARS_MAX
    late = replace(JOB, lane=3, began_at=BEGAN_S + 1e6, finished_at=BEGAN_S + 1e6 + 50)
    many = busy_times([*jobs, late], BEGAN_S, 1.0)
    assert len(many) <= BARS_MAX
    assert {lane for lane, *_ in many} == set(range(20))
    assert (3, late.began_at, late.finished_at) in many


def test_time_without_a_job_is_counted() -> None:
    """Jobs beside each other count once, and one that is in flight lasts until now."""
    beside = replace(JOB, lane=1, began_at=BEGAN_S + 2, finished_at=BEGAN_S + 4)
    later = replace(JOB, began_at=BEGAN_S + 20, finished_at=None, is_settled=False)
    sending = sending_of([JOB, beside, later], BEGAN_S + 30)
    assert sending is not None
    assert (sending.seconds, sending.idle_s, sending.most_at_once) == (30, 15, 2)
    assert (sending.jobs, sending.in_flight, sending.dropped) == (3, 1, 0)
    assert sending_of([], BEGAN_S) is None


def test_a_page_is_whole_or_not_there(tmp_path: Path) -> None:
    """A failed write leaves the old page and no scratch file; a device is written to."""
    file = tmp_path / "r.html"
    write_whole(file, "old")
    link = tmp_path / "link.html"
    link.symlink_to(file)
    write_whole(link, "new")
    assert (file.read_text(encoding="utf-8"), link.is_symlink()) == ("new", True)
    with pytest.raises(ConfigError, match="cannot be written"):
        write_whole(tmp_path / "nowhere" / "r.html", "x")
    write_whole(Path("/dev/null"), "x")
    assert Path("/dev/null").is_char_device()
    assert sorted(one.name for one in tmp_path.iterdir()) == ["link.html", "r.html"]
