"""A check that the org does not answer is not asked; every other check keeps its own verdict."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import polars as pl
import pytest

from dc_assets.core.checks import (
    COVERAGE,
    DUPLICATES,
    ROW_COUNT,
    VALUES,
    check_descriptions,
)
from dc_assets.core.errors import (
    FAILED_QUERY_JOB,
    DcError,
    RejectedRequest,
    RemoteError,
    TooManyAtOnce,
    TransientRemoteError,
)
from dc_assets.core.ranges import IdRange
from dc_assets.core.verdicts import CheckOutcome, Severity
from dc_assets.load.archive import DiskArchive
from dc_assets.load.both_sides import BothSides
from dc_assets.load.deletion import observe
from dc_assets.load.reconcile import Audit
from dc_assets.views.receipts import ReceiptExplanations
from dc_assets_tests.fakes.org import FakeOrg
from dc_assets_tests.fakes.source import FakeSource, things
from dc_assets_tests.fakes.specs import small_spec
from dc_assets_tests.fakes.world import World, small_world

TITLES = "title__c_distribution_matches"
SHARED = {COVERAGE, DUPLICATES, VALUES}
"""The checks that rest on one reading of the target's rows."""


def answered_500() -> RemoteError:
    """Return a fault of the org itself that outlasted the ladder."""
    error = TransientRemoteError("answered 500: An unexpected error", code="UNKNOWN_EXCEPTION")
    error.after_ladder = True
    return error


ANSWERS: dict[str, RemoteError] = {
    "500 with a code": answered_500(),
    "a failed query job": RejectedRequest("query job is Failed", code=FAILED_QUERY_JOB),
    "2,001 groups": RejectedRequest("does not support queryMore()", code="EXCEEDED_ID_LIMIT"),
    "an encrypted field": RejectedRequest("can not be filtered", code="INVALID_FIELD"),
    "403 of the moment": TooManyAtOnce("answered 403: ConcurrentRequests Limit exceeded."),
}


@dataclass
class RefusingTarget:
    """An org that answers some kinds of questions with an error, always or for wide ranges.

    Attributes:
        answers: the error of each kind of question: count, value_counts or records.
        rows_max: rows of a range that it answers in spite of it.
    """

    org: FakeOrg
    answers: Mapping[str, DcError]
    rows_max: int = -1
    asked: list[str] = field(default_factory=list[str])

    @property
    def org_id(self) -> str:
        """The org's own id."""
        return self.org.org_id

    def _asked(self, kind: str, id_range: IdRange) -> None:
        self.asked.append(kind)
        if kind in self.answers and self.org.count(id_range) > self.rows_max:
            raise self.answers[kind]

    def count(self, id_range: IdRange) -> int:
        """Count the rows of a range."""
        self._asked("count", id_range)
        return self.org.count(id_range)

    def value_counts(self, field_name: str, id_range: IdRange) -> Mapping[str | None, int]:
        """Count the rows of a range by value."""
        self._asked("value_counts", id_range)
        return self.org.value_counts(field_name, id_range)

    def records(self, id_range: IdRange) -> Iterator[pl.DataFrame]:
        """Yield the rows of a range."""
        self._asked("records", id_range)
        yield from self.org.records(id_range)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Generator[World]:
    """Forty rows that have landed; the tests only look at them."""
    folder = tmp_path_factory.mktemp("not-asked")
    with small_world(folder, FakeSource(things(40, parents=7))) as opened:
        opened.spec = small_spec(checks={"distributions": ["Title__c"]})
        opened.run()
        yield opened


def audit_of(world: World, target: RefusingTarget, folder: Path) -> Audit:
    """Return the checks of the one partition against a target."""
    ports = replace(world.ports(), target=target)
    id_range = world.spec.ranges["r1-01"]
    archive = DiskArchive(folder / "audit")
    sides = BothSides(world.spec, id_range, ports, archive, archive.alone)
    return Audit("r1-01", sides, ReceiptExplanations(world.views))


def evaluated(world: World, target: RefusingTarget, folder: Path) -> dict[str, CheckOutcome]:
    """Evaluate all checks of the one partition; each has an outcome."""
    outcomes = {one.check: one for one in audit_of(world, target, folder).outcomes()}
    assert list(outcomes) == list(check_descriptions(world.spec))
    assert len(outcomes) == 7
    return outcomes


def silent(outcomes: Mapping[str, CheckOutcome]) -> set[str]:
    """Return the checks that were not asked; all others have passed."""
    left = {check for check, one in outcomes.items() if one.severity is Severity.NOT_ASKED}
    assert {one.severity for check, one in outcomes.items() if check not in left} == {
        Severity.PASSED
    }
    return left


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_count_that_is_not_answered_takes_no_other_check_away(
    world: World, tmp_path: Path, answer: str
) -> None:
    """Six verdicts stand; the seventh says why it was not asked and how to ask again."""
    outcomes = evaluated(world, RefusingTarget(world.org, {"count": ANSWERS[answer]}), tmp_path)
    assert silent(outcomes) == {ROW_COUNT}
    assert outcomes[ROW_COUNT].summary.startswith("not asked: ")
    assert outcomes[ROW_COUNT].summary.removeprefix("not asked: ") in str(ANSWERS[answer])
    assert outcomes[ROW_COUNT].repair == "dc-assets reconcile things --partitions r1-01"


@pytest.mark.parametrize("answer", ["2,001 groups", "an encrypted field", "a failed query job"])
def test_a_distribution_that_the_org_refuses_to_group_is_counted_from_the_rows(
    world: World, tmp_path: Path, answer: str
) -> None:
    """The rows are read anyway, so all seven verdicts stand."""
    target = RefusingTarget(world.org, {"value_counts": ANSWERS[answer]})
    outcomes = evaluated(world, target, tmp_path)
    assert silent(outcomes) == set()
    counts = outcomes[TITLES].values[0].counts
    assert (counts.source_rows, counts.target_rows) == (40, 40)
    assert target.asked.count("records") == 1


@pytest.mark.parametrize("answer", ["500 with a code", "403 of the moment"])
def test_a_distribution_that_fails_takes_no_other_check_away(
    world: World, tmp_path: Path, answer: str
) -> None:
    """An org that is in trouble is not asked for its rows instead."""
    target = RefusingTarget(world.org, {"value_counts": ANSWERS[answer]})
    assert silent(evaluated(world, target, tmp_path)) == {TITLES}


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_reading_that_fails_takes_only_the_checks_that_need_it(
    world: World, tmp_path: Path, answer: str
) -> None:
    """The counts and what the ledger knows stand, and the reading is not tried for each check."""
    target = RefusingTarget(world.org, {"records": ANSWERS[answer]})
    assert silent(evaluated(world, target, tmp_path)) == SHARED
    assert target.asked.count("records") <= 11


@pytest.mark.parametrize("answer", ["500 with a code", "a failed query job"])
@pytest.mark.parametrize("kind", ["count", "value_counts", "records"])
def test_a_query_that_fails_for_a_wide_range_is_asked_in_parts(
    world: World, tmp_path: Path, answer: str, kind: str
) -> None:
    """The parts add up to the whole, so nothing is left unasked."""
    target = RefusingTarget(world.org, {kind: ANSWERS[answer]}, rows_max=25)
    assert silent(evaluated(world, target, tmp_path)) == set()
    assert target.asked.count(kind) == 3


def test_what_may_take_the_org_long_is_asked_in_a_slot(world: World, tmp_path: Path) -> None:
    """Counts and groups hold one, and say how many rows they are about; query jobs need none."""
    target = RefusingTarget(world.org, {})

    @contextmanager
    def slot(rows: int) -> Generator[None]:
        target.asked.append(f"slot for {rows}")
        yield
        target.asked.append("given back")

    audit = audit_of(world, target, tmp_path)
    ports = replace(audit.sides.ports, long_query=slot)
    audit = replace(audit, sides=replace(audit.sides, ports=ports))
    assert all(audit.outcomes())
    held = ["slot for 40", "count", "given back", "slot for 40", "value_counts", "given back"]
    assert [one for one in target.asked if one != "records"] == held


@dataclass
class UncountedSource(FakeSource):
    """A source that gives its rows and does not count them."""

    def count(self, id_range: IdRange) -> int:
        """Fail."""
        raise TransientRemoteError(f"no answer for {id_range}")


def test_a_source_that_does_not_count_says_nothing_of_deletions(
    world: World, tmp_path: Path
) -> None:
    """The row that it has no more is an explained difference; that it is gone is not kept."""
    audit = audit_of(world, RefusingTarget(world.org, {}), tmp_path)
    ports = replace(audit.sides.ports, source=UncountedSource(world.source.rows[:-1]))
    audit = replace(audit, sides=replace(audit.sides, ports=ports))
    outcomes = {one.check: one.severity for one in audit.outcomes()}
    assert (outcomes[ROW_COUNT], outcomes[COVERAGE]) == (Severity.NOT_ASKED, Severity.WARN)
    assert observe(audit) is None
