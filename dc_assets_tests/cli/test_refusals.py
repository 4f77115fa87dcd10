"""What org and tenant may answer: the sentence names cause and remedy, and nothing goes twice."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from dc_assets_tests.acceptance.stage import (
    MANY_CALLS,
    Done,
    Stage,
    running_org,
    short_folder,
    spec_content,
)
from dc_assets_tests.cli.in_process import run_here
from dc_assets_tests.cli.refusals.table import ANSWERS, as_markdown
from dc_assets_tests.cli.refusals.told import CHECKS, EXCHANGE, RUN, Told
from dc_assets_tests.fakes.between import Between, standing_between

pytestmark = pytest.mark.acceptance

ROWS = 6
DOCUMENT = Path(__file__).parents[2] / "docs" / "faults.md"


@dataclass
class Field:
    """An org behind a server that may answer in its place, and the product's settings.

    Attributes:
        loaded: settings whose load is proved.
        made: how many loads were begun.
    """

    stage: Stage
    between: Between
    made: int = 0
    loaded: dict[str, str] = field(default_factory=dict[str, str])

    def settings(self) -> dict[str, str]:
        """Return settings with a ledger of their own."""
        self.made += 1
        return {
            **self.stage.environment,
            "SF_LOGIN_URL": self.between.url,
            "DC_ASSETS_TIME_SCALE": "2000",
            "DC_ASSETS_DATA": str(self.stage.folder / f"data-{self.made}"),
        }

    def landed(self) -> int:
        """Count the rows that the org committed so far, each as often as it was."""
        return int(self.stage.org.sql("SELECT count(*) FROM journal_keys")[0][0])

    def run(self, settings: Mapping[str, str], command: str) -> Done:
        """Run a command here."""
        return run_here(settings, *command.split())


def case(told: Told) -> ParameterSet:
    """Return a line of the table as a case of a test."""
    marks = [pytest.mark.hunt] if told.is_hunt else []
    return pytest.param(told, marks=marks, id=f"{told.command}-{told.name}")


@pytest.fixture(scope="module")
def world() -> Generator[Field]:
    """An org of six rows with one parent, so that a load is one job."""
    with short_folder() as folder, ExitStack() as stack:
        org = stack.enter_context(running_org(folder, rows=ROWS, parents=1, options=MANY_CALLS))
        stage = Stage.set_up(folder, org, rows=ROWS, partitions=1)
        limits = {"silence_s_max": 86_400}  # policy time passes fast here
        stage.write_spec({**spec_content(ROWS, 1), "limits": limits})
        urls = org.ready["base_url"], org.ready["tenant_url"]
        found = Field(stage, stack.enter_context(standing_between(*urls)))
        found.loaded = found.settings()
        assert found.run(found.loaded, RUN).code == 0
        yield found


@pytest.mark.parametrize("told", [case(told) for told in ANSWERS])
def test_an_answer_is_told_by_its_cause_and_nothing_goes_twice(world: Field, told: Told) -> None:
    """Cause, remedy and exit code; the same command does it when the cause is gone."""
    settings = world.loaded if told.command == CHECKS else world.settings()
    between, landed = world.between, world.landed()
    between.forget()
    between.plant(told.planted)
    try:
        done = world.run(settings, told.command)
    finally:
        between.plant()
    shown = " ".join(f"{done.out} {done.err}".split())
    assert done.code == told.code, shown
    for part in told.says:
        assert part in shown, shown
    for part in told.never:
        assert part not in shown, shown
    assert "Traceback" not in shown
    assert 1 <= between.sent.of(told.planted.call) <= told.calls_max, shown
    assert sum(n for call, n in between.sent.authorized.items() if EXCHANGE[1:-1] in call) == 0
    if told.command == RUN:
        again = world.run(settings, RUN) if done.code else done
        assert again.code == 0, again.out + again.err
        assert world.landed() == landed + ROWS


def test_the_document_of_faults_shows_the_table() -> None:
    """An operator finds each answer there, as it is held here."""
    assert as_markdown() in DOCUMENT.read_text(encoding="utf-8")
