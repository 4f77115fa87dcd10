"""`dc-assets doctor`: all green on an org that fits, and one red line for one broken thing."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from dc_assets.core.examination import Seen, ok
from dc_assets.ledger.database import Database
from dc_assets.wiring.doctor.examine import examined
from dc_assets.wiring.doctor.subject import Subject
from dc_assets.wiring.doctor.table import EXAMINATIONS, Examination
from dc_assets_tests.acceptance.stage import Stage, spec_content
from dc_assets_tests.cli.broken_setups import BROKEN, SECRET, Broken
from dc_assets_tests.cli.in_process import run_here

pytestmark = pytest.mark.acceptance

ROOT = Path(__file__).parents[2]


def seen_by_doctor(settings: Mapping[str, str], *arguments: str) -> dict[str, Any]:
    """Return what it tells machines."""
    done = run_here(settings, "doctor", *arguments, "--json")
    told = json.loads(done.out)
    assert done.code == (0 if told["is_ready"] else 2), done.err
    return told


def states(told: Mapping[str, Any], state: str) -> list[str]:
    """Return the areas that have a line of a state."""
    return [line["area"] for line in told["lines"] if line["state"] == state]


def settings_of(stage: Stage, **changed: str | None) -> dict[str, str]:
    """Return the settings of a stage without a Dagster, some of them changed."""
    settings = {**stage.environment, "DAGSTER_HOME": None, **changed}
    return {name: value for name, value in settings.items() if value is not None}


def test_an_org_that_fits_is_green_in_every_area(stage: Stage) -> None:
    """Nothing is red or warned of, and each examination has a line; nothing was sent."""
    told = seen_by_doctor(settings_of(stage), "opportunities")
    assert [line for line in told["lines"] if line["state"] in {"red", "warn"}] == []
    assert {line["area"] for line in told["lines"]} == {one.area for one in EXAMINATIONS}
    assert stage.org.ask("jobs")["jobs"] == []
    assert not Path(stage.environment["DC_ASSETS_DATA"]).exists()


def test_before_the_first_spec_it_looks_at_all_the_rest(stage: Stage) -> None:
    """A folder that has no spec yet is a warning with the next command, and nothing is red."""
    empty = str(stage.folder / "no specs yet")
    told = seen_by_doctor(settings_of(stage, DC_ASSETS_LOADS=empty))
    assert [line["area"] for line in told["lines"] if line["state"] == "warn"] == ["load specs"]
    assert states(told, "red") == []
    assert "sign-in" in states(told, "ok")


def test_a_secret_that_others_can_read_is_warned_of(stage: Stage, tmp_path: Path) -> None:
    """Whichever variable names its file; one of its owner alone is not."""
    told = dict[int, list[str]]()
    for mode in (0o644, 0o600):
        file = tmp_path / f"{mode:o}"
        file.write_text(stage.environment["SF_CLIENT_SECRET"], encoding="utf-8")
        file.chmod(mode)
        named = {"SF_CLIENT_SECRET": None, "SF_CLIENT_SECRET_FILE": str(file)}
        lines = seen_by_doctor(settings_of(stage, **named))["lines"]
        told[mode] = [f"{x['area']}: {x['remedy']}" for x in lines if x["state"] == "warn"]
    assert told == {0o644: [f"settings: chmod 600 {tmp_path / '644'}"], 0o600: []}


@pytest.fixture(scope="module")
def ledgers(stage: Stage) -> Stage:
    """Put a ledger of ours and one of a newer program beside the stage."""
    Database(f"sqlite:///{stage.folder}/ours.db").close()
    file = stage.folder / "tomorrow.db"
    Database(f"sqlite:///{file}").close()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("UPDATE ledger_version SET version = 99")
        connection.commit()
    return stage


@contextmanager
def broken(stage: Stage, case: Broken) -> Generator[dict[str, str]]:
    """Break one thing, give the settings, and mend it."""
    content = spec_content(stage.rows, stage.partitions)
    for part, changes in case.spec.items():
        content[part] |= changes
    file = stage.write_spec(content)
    if case.file:
        file.with_name(case.file).write_text("name: broken\n", encoding="utf-8")
    host = stage.org.ready["base_url"].partition("://")[2]
    changed = {
        name: text and text.format(org=host, folder=stage.folder)
        for name, text in case.settings.items()
    }
    before = stage.org.ask("state")["options"]
    stage.org.tell("options", **case.options)
    stage.org.tell("profile", **case.profile)
    stage.org.tell("faults", faults=list(case.faults))
    try:
        yield settings_of(stage, **changed)
    finally:
        stage.org.tell("options", **{name: before[name] for name in case.options})
        stage.org.tell("profile")
        stage.org.tell("faults", faults=[])
        stage.write_spec(spec_content(stage.rows, stage.partitions))
        if case.file:
            file.with_name(case.file).unlink()


@pytest.mark.parametrize("case", BROKEN, ids=lambda case: case.name)
def test_one_broken_thing_is_one_red_area_that_says_what_helps(
    ledgers: Stage, case: Broken
) -> None:
    """Nothing else is red by it, nothing was sent, and no secret is shown."""
    with broken(ledgers, case) as settings:
        told = seen_by_doctor(settings, *case.arguments)
    shown = json.dumps(told, ensure_ascii=False)
    assert set(states(told, "red")) == {case.area}, shown
    said = " ".join(f"{x['seen']} {x['remedy']}" for x in told["lines"] if x["state"] == "red")
    for part in case.says:
        assert part in said
    assert SECRET not in shown
    assert ledgers.org.ask("jobs")["jobs"] == []


def test_every_area_was_red_once() -> None:
    """No examination stands in the table that nothing was seen to fail; two can only warn."""
    only_warn = {"org", "permissions", "tenant host"}
    assert {case.area for case in BROKEN} | only_warn == {one.area for one in EXAMINATIONS}


def test_each_examination_has_a_time_and_says_when_it_is_over() -> None:
    """A host that never answers is one red line; what waits for it is not asked."""
    never = Event()

    def waits(_: Subject) -> Iterator[Seen]:
        never.wait()
        yield ok("answered")

    table = [
        Examination("host", waits, limit_s=0.05),
        Examination("sign-in", waits, ("host",)),
        Examination("disk", lambda _: [ok("there")]),
    ]
    with ExitStack() as cleanup:
        lines = list(examined(Subject([], None, [], cleanup), table))
    never.set()
    assert [line.state.value for line in lines] == ["red", "not asked", "ok"]
    assert "No answer within 0.05 s." in lines[0].seen


def test_a_user_without_view_setup_is_warned_of(stage: Stage) -> None:
    """A load works without it: the limits are not seen, and Setup's own words say how to."""
    stage.org.sql('UPDATE "UserPermissionAccess" SET "PermissionsViewSetup" = false')
    try:
        told = seen_by_doctor(settings_of(stage))
    finally:
        stage.org.sql('UPDATE "UserPermissionAccess" SET "PermissionsViewSetup" = true')
    assert (states(told, "red"), states(told, "warn")) == ([], ["permissions"])
    assert "limits" in states(told, "not asked")


def test_people_read_one_line_each_and_the_remedy_below(stage: Stage) -> None:
    """In the order of the table; a remedy stands below what is not ok, and nowhere else."""
    done = run_here(settings_of(stage, SF_API_VERSION="99.0"), "doctor")
    assert done.code == 2
    lines = done.out.splitlines()
    (at,) = [number for number, line in enumerate(lines) if line.startswith("red")]
    assert lines[at].split()[1:3] == ["API", "version"]
    assert lines[at + 1].startswith(" " * 20)
    assert " 1 red, " in lines[-1]


def test_every_area_and_key_is_documented(stage: Stage) -> None:
    """Machines go by them."""
    document = (ROOT / "docs" / "doctor.md").read_text(encoding="utf-8")
    told = seen_by_doctor(settings_of(stage))
    for word in (*told, *told["lines"][0], *(one.area for one in EXAMINATIONS)):
        assert word in document, word


def ticked(settings: Mapping[str, str]) -> list[int]:
    """Return the places of the lines of the checklist that are ticked."""
    told = seen_by_doctor(settings, "opportunities", "--checklist")["checklist"]
    return [place for place, item in enumerate(told, start=1) if item["is_ticked"]]


def test_the_checklist_is_ticked_by_what_was_measured(fresh_thousand: Stage) -> None:
    """Before anything is sent the spec fits, ranges are even and nothing would be overwritten.

    The stages of a canary of all rows tick its lines together, and takes the way back.
    """
    settings = {**settings_of(fresh_thousand), "DC_ASSETS_TIME_SCALE": "500"}
    assert ticked(settings) == [3, 4, 8]
    run = ("run", "opportunities", "--local")
    assert run_here(settings, *run, "--canary", "100,1000").code == 0
    assert ticked(settings) == [1, 2, 3, 4, 6]
    assert run_here(settings, *run, "--snapshot").code == 0
    assert ticked(settings) == [1, 2, 3, 4, 6, 8, 10]
    said = run_here(settings, "doctor", "opportunities", "--checklist").out
    assert "[x] A canary of 1,000 rows came through: 1,000 rows have an outcome" in said
    assert "[ ] Alerts are set, and one was delivered: no channel is set" in said
    assert "    dc-assets notify --test" in said
    alone = run_here(settings, "doctor", "--checklist")
    assert (alone.code, alone.out) == (2, "")
