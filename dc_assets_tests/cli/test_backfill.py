"""`dc-assets run` through Dagster: staggered, without an answer for a while, left by its operator.

Dagster is a stand-in here; `acceptance/test_failed_check.py` has a real one.
"""

from __future__ import annotations

import signal
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from dc_assets.load.spec_files import read_spec
from dc_assets_tests.acceptance.services import free_port
from dc_assets_tests.acceptance.stage import (
    environment_of,
    run_program,
    running_warm,
    short_folder,
    spec_content,
    wait_until,
)
from dc_assets_tests.fakes.dagster import StandInDagster, check_failure, step_failure
from dc_assets_tests.warm import programs
from dc_assets_tests.warm.programs import WarmProcess

pytestmark = pytest.mark.acceptance

KEYS = ["r1-01", "r1-02", "r1-03"]
ASSET = "opportunities_in_core"


@dataclass
class Console:
    """A folder with a spec of three partitions, and a Dagster that loads nothing."""

    folder: Path
    dagster: StandInDagster
    environment: Mapping[str, str]

    @property
    def said(self) -> str:
        """What the command has printed so far."""
        return (self.folder / "said.log").read_text(encoding="utf-8")

    @contextmanager
    def given(self, *arguments: str) -> Generator[WarmProcess]:
        """Start a command that talks to the stand-in, as the background of a shell does.

        Such a shell ignores Ctrl-C for what it starts.
        """
        log, command = self.folder / "said.log", ("run", "opportunities", *arguments)
        with running_warm(
            programs.product(), command, self.environment, log=log, in_background=True
        ) as process:
            yield process

    def waits_for(self, words: str) -> None:
        """Return when the command has said something."""
        wait_until(lambda: words in self.said, words)


def code_location(folder: Path) -> dict[str, str]:
    """Return what a code location that has the same settings says of the asset."""
    loads = folder / "loads"
    return {
        "dc_assets/load": "opportunities",
        "ledger": f"sqlite:///{(folder / 'data' / 'ledger.db').resolve()}",
        "spec": read_spec(loads / "opportunities.yaml").spec_hash,
        "loads folder": str(loads),
    }


@pytest.fixture
def console() -> Generator[Console]:
    """Set one up, and end it."""
    with short_folder() as folder:
        (folder / "loads").mkdir()
        spec = yaml.safe_dump(spec_content(60, len(KEYS)), sort_keys=False)
        (folder / "loads" / "opportunities.yaml").write_text(spec, encoding="utf-8")
        dagster = StandInDagster(free_port(), assets={ASSET: code_location(folder)})
        dagster.start()
        environment = {
            **environment_of(folder),
            "DC_ASSETS_DATA": str(folder / "data"),
            "DC_ASSETS_LOADS": str(folder / "loads"),
            "DC_ASSETS_DAGSTER_URL": dagster.url,
        }
        try:
            yield Console(folder, dagster, environment)
        finally:
            dagster.stop()


def test_staggered_partitions_are_launched_one_after_another(console: Console) -> None:
    """Each is a backfill of its own with the same config, and all are followed to their end."""
    console.dagster.ends = dict.fromkeys(KEYS, "SUCCESS")
    with console.given("--stagger", "1s", "--window", "3") as process:
        assert process.wait(60) == 4, console.said  # the stand-in has no word of any check
    assert console.dagster.partitions() == [[key] for key in KEYS]
    config = {"mode": "full", "resume": True, "partition_keys": list(KEYS), "window": 3}
    assert console.dagster.configs() == [config] * 3
    said = console.said
    for number, key in enumerate(KEYS, start=1):
        assert f"Backfill backfill{number} of opportunities_in_core: {key}" in said
    assert "r1-02 starts in 1s" in said
    assert "r1-03 starts in 1s" in said


def test_a_run_that_was_stopped_on_purpose_keeps_the_next_from_beginning(console: Console) -> None:
    """The sentence of the run is printed, and the exit code is that of a stop."""
    console.dagster.ends = {"r1-01": "FAILURE"}
    sentence = "5 jobs in a row failed: the org fails whole jobs."
    console.dagster.failures = {"r1-01": step_failure(sentence, "BreakerOpened")}
    with console.given("--stagger", "2s") as process:
        assert process.wait(60) == 5, console.said
    assert console.dagster.partitions() == [["r1-01"]]
    assert f"r1-01: run run-r1-01 is FAILURE: {sentence}" in console.said
    assert "Not launched: r1-02, r1-03. Launch them with:" in console.said
    again = "dc-assets run opportunities --stagger 2s --partitions r1-02,r1-03"
    assert again in console.said


def test_another_failure_lets_the_others_begin(console: Console) -> None:
    """It is no stop, so it says nothing of the next partition."""
    console.dagster.ends = dict.fromkeys(KEYS, "FAILURE")
    held = "Partition r1-03 is held by run 1234."
    console.dagster.failures = {
        "r1-01": step_failure("7 rows have no outcome.", "RowsPending"),
        "r1-02": check_failure("values_match"),
        "r1-03": step_failure(held, "LedgerConflict"),
    }
    with console.given("--stagger", "1s") as process:
        assert process.wait(60) == 4, console.said
    assert console.dagster.partitions() == [[key] for key in KEYS]
    assert "r1-01: run run-r1-01 is FAILURE: 7 rows have no outcome." in console.said
    said = "1 blocking asset check failed with ERROR severity: opportunities_in_core: values_match"
    assert f"r1-02: run run-r1-02 is FAILURE: {said}\n" in console.said
    assert f"r1-03: not loaded by this command, another run is at it: {held}\n" in console.said
    assert "FAILED" not in console.said  # no check came to its turn, so none has failed


@pytest.mark.hunt  # two minutes pass
def test_a_backfill_without_a_daemon_says_how_one_is_started(console: Console) -> None:
    """Once when it makes no run, once when it dies later; the command goes on when there is one."""

    def is_told(times: int) -> bool:
        return console.said.count("dagster-daemon run") == times

    console.dagster.has_daemon = False
    with console.given() as process:
        wait_until(lambda: is_told(1), "no run is made", within_s=90.0)
        console.dagster.ends = dict(zip(KEYS, ("SUCCESS", "FAILURE", "QUEUED"), strict=True))
        console.dagster.has_daemon = True
        wait_until(lambda: is_told(2), "none of its runs is at work", within_s=90.0)
        console.dagster.ends = dict.fromkeys(KEYS, "SUCCESS")
        assert process.wait(60) == 4, console.said
    assert "Backfill backfill1 has no run after 1m" in console.said
    assert "For 1m no run of backfill backfill1 is at work and nothing has changed" in console.said
    assert is_told(2)


def test_a_webserver_without_its_storage_does_not_end_the_command(console: Console) -> None:
    """It answers that it knows nothing; that is no word of the backfill."""
    with console.given() as process:
        console.waits_for("Backfill backfill1 of opportunities_in_core, 3 partitions")
        console.dagster.has_storage = False
        console.waits_for("does not answer. What was launched continues without it")
        console.dagster.ends = dict.fromkeys(KEYS, "SUCCESS")
        console.dagster.has_storage = True
        assert process.wait(60) == 4, console.said
    assert "answers again" in console.said


def test_a_webserver_that_is_started_anew_does_not_end_the_command(console: Console) -> None:
    """It says that it waits, and that it was answered again."""
    with console.given() as process:
        console.waits_for("Backfill backfill1 of opportunities_in_core, 3 partitions")
        console.dagster.stop()
        console.waits_for("does not answer. What was launched continues without it")
        console.dagster.ends = {"r1-01": "SUCCESS", "r1-02": "SUCCESS", "r1-03": "FAILURE"}
        console.dagster.start()
        assert process.wait(60) == 4, console.said
    assert "answers again" in console.said
    assert "r1-03: run run-r1-03 is FAILURE: Steps failed: ['x']." in console.said
    assert console.dagster.partitions() == [KEYS]


def test_leaving_a_backfill_says_that_it_goes_on(console: Console) -> None:
    """Where it is seen, how it is followed and how it is stopped."""
    with console.given("--partitions", "r1-02,r1-03") as process:
        console.waits_for("Backfill backfill1")
        wait_until(lambda: bool(console.dagster.launched), "it is followed")
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130, console.said
    page = f"{console.dagster.url}/runs/b/backfill1"
    assert f"Backfill backfill1 continues in Dagster: {page}" in console.said
    assert "dc-assets status opportunities --watch" in console.said
    assert "dc-assets stop opportunities" in console.said
    assert "Traceback" not in console.said


def test_leaving_staggered_launches_names_those_that_did_not_begin(console: Console) -> None:
    """With the command that launches them; none of them begins behind the operator's back."""
    with console.given("--changed", "--stagger", "1h30m") as process:
        console.waits_for("r1-02 starts in 1h30m")
        wait_until(lambda: bool(console.dagster.launched), "it is followed")
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130, console.said
    assert console.dagster.partitions() == [["r1-01"]]
    assert "Backfill backfill1 continues in Dagster" in console.said
    again = "dc-assets run opportunities --changed --stagger 1h30m --partitions r1-02,r1-03"
    assert "Not launched: r1-02, r1-03. Launch them with:" in console.said
    assert again in console.said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--stagger", "90"), "'90' is no duration. Write it as 90s, 15m or 1h30m."),
        (("--stagger", "1h", "--local"), "With --local partitions run one after another anyway"),
        (("--stagger", "1h", "--dry-run"), "nothing to --stagger"),
        (("--missing", "--dry-run"), "not of those that --missing would send"),
        (("--failed-only", "--new-load"), "--new-load selects all rows again"),
        ((), "No Dagster webserver answers at"),
        (("--stagger", "1h"), "No Dagster webserver answers at"),
    ],
)
def test_what_cannot_be_launched_is_one_sentence(
    console: Console, arguments: tuple[str, ...], words: str
) -> None:
    """Nothing is launched, and nothing is waited for."""
    console.dagster.stop()
    done = run_program(("run", "opportunities", *arguments), console.environment)
    assert done.code == 2, done.out + done.err
    assert words in done.err
    assert "Not launched" not in done.out
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (
            {"ledger": "sqlite:////elsewhere/ledger.db"},
            ("another ledger", "sqlite:////elsewhere/ledger.db", "DC_ASSETS_DATA", "env.sh"),
        ),
        (
            {"spec": "0" * 16, "loads folder": "/other/loads"},
            ("another spec of opportunities", "/other/loads", "DC_ASSETS_LOADS", "reload"),
        ),
        ({"dc_assets/load": "others"}, ("no asset of the load opportunities", "earlier version")),
    ],
    ids=["ledger", "spec", "no asset"],
)
def test_a_dagster_that_loads_elsewhere_is_refused_before_anything_is_launched(
    console: Console, changed: Mapping[str, str], words: Sequence[str]
) -> None:
    """In one sentence with both places and the variables to set; exit code 2."""
    console.dagster.assets = {ASSET: {**code_location(console.folder), **changed}}
    done = run_program(["run", "opportunities", "--new-load"], console.environment)
    assert done.code == 2, done.out + done.err
    for word in words:
        assert word in done.err
    assert done.err.count("\n") == 1
    assert console.dagster.launched == []


def test_an_asset_is_found_by_what_it_says_whatever_its_key(console: Console) -> None:
    """A project may have put a prefix before it; another one of the load loads elsewhere."""
    told = code_location(console.folder)
    elsewhere = {**told, "ledger": "sqlite:////elsewhere/ledger.db"}
    console.dagster.assets = {"old/things": elsewhere, "crm-eu/opportunities_in_core": told}
    console.dagster.ends = dict.fromkeys(KEYS, "SUCCESS")
    with console.given() as process:
        process.wait(60)
    [launch] = console.dagster.launched
    assert launch["assetSelection"] == [{"path": ["crm-eu", "opportunities_in_core"]}]
    assert set(launch["runConfigData"]["ops"]) == {"crm_eu__opportunities_in_core"}


def test_of_two_assets_of_a_load_none_is_launched(console: Console) -> None:
    """Nobody here knows into which orgs they load."""
    told = code_location(console.folder)
    console.dagster.assets = {"uat/opportunities_in_core": told, "crm/opportunities_in_core": told}
    done = run_program(["run", "opportunities"], console.environment)
    assert done.code == 2, done.out + done.err
    assert "crm/opportunities_in_core, uat/opportunities_in_core" in done.err
    assert console.dagster.launched == []
