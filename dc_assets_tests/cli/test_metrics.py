"""The numbers for Prometheus are those of the ledger, whenever they are asked for."""

from __future__ import annotations

import json
import re
import shutil
import socket
import sqlite3
import subprocess
from collections.abc import Generator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from dc_assets.views.metrics import GAUGES
from dc_assets_tests.acceptance.stage import Stage, StageMaker, short_folder, wait_until
from dc_assets_tests.cli.in_process import run_here

pytestmark = pytest.mark.acceptance

DEPLOY = Path(__file__).parent.parent.parent / "deploy" / "metrics"
ROWS, BAD = 200, 7
Lines = dict[tuple[str, ...], float]


@pytest.fixture(scope="module")
def stage() -> Generator[Stage]:
    """An org with some rows that it refuses."""
    with short_folder() as folder, ExitStack() as stack:
        yield StageMaker(folder, stack.enter_context)(rows=ROWS, partitions=2, bad_rows=BAD)


def lines_of(text: str) -> Lines:
    """Return each line by its name and the values of its labels."""
    return {
        (sample.name.removeprefix("dc_assets_"), *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def asked(stage: Stage) -> Lines:
    """Print the numbers once."""
    done = run_here(stage.environment, "metrics", "--once")
    assert done.code == 0, done.err
    return lines_of(done.out)


def test_the_numbers_are_the_totals_of_the_ledger(stage: Stage) -> None:
    """Before a load and after it; `status` says the same."""
    before = asked(stage)
    assert before["rows", "opportunities", "landed"] == 0
    assert before["partitions", "opportunities", "unfinished"] == 2
    assert run_here(stage.environment, "run", "--local").code == 3
    after = asked(stage)
    said: Any = json.loads(run_here(stage.environment, "status", "--json").out)
    for outcome in ("landed", "refused", "pending"):
        total = sum(one[outcome] for one in said["partitions"])
        assert after["rows", "opportunities", outcome] == total
    assert after["rows", "opportunities", "landed"] == ROWS - BAD
    assert after["partitions", "opportunities", "complete"] == 2
    assert after["jobs", "opportunities", "settled"] > 0
    assert after["checks", "opportunities", "not checked"] == 0
    assert after["proved_seconds", "opportunities"] < 60
    assert after["api_calls_used", "opportunities"] > 0
    assert after["ledger_up",] == 1
    told = {name for name, *_ in after}
    assert told == {*GAUGES, "ledger_up"}
    assert after["partitions_interrupted", "opportunities"] == 0, "a run that ended is silent too"
    with closing(sqlite3.connect(stage.folder / "data" / "ledger.db")) as ledger, ledger:
        ledger.execute("UPDATE range_state SET phase = 'sending', lease_until = 0")
    assert asked(stage)["partitions_interrupted", "opportunities"] == 2


def test_a_scrape_is_answered_while_the_program_runs(stage: Stage) -> None:
    """Over HTTP, on this machine."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}/metrics"

    def answers() -> bool:
        try:
            return httpx.get(url).is_success
        except httpx.TransportError:
            return False

    with stage.started("metrics", "--port", str(port)):
        wait_until(answers, "the metrics are there")
        lines = lines_of(httpx.get(url).text)
    assert lines["ledger_up",] == 1


def test_one_of_port_and_once_is_said(stage: Stage) -> None:
    """Neither alone says what to do."""
    assert run_here(stage.environment, "metrics").code == 2
    assert run_here(stage.environment, "metrics", "--once", "--port", "9464").code == 2


@pytest.mark.engine
def test_promtool_takes_rules_and_numbers(stage: Stage) -> None:
    """Prometheus's own checker has nothing to say about either."""
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("there is no promtool: .ci/run engine installs Debian's prometheus")
    subprocess.run([promtool, "check", "rules", str(DEPLOY / "alerts.yaml")], check=True)
    numbers = run_here(stage.environment, "metrics", "--once").out
    checked = subprocess.run(
        [promtool, "check", "metrics"], input=numbers, text=True, capture_output=True, check=False
    )
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")


@pytest.mark.parametrize("file", ["alerts.yaml", "dashboard.json"])
def test_rules_and_dashboard_name_gauges_that_there_are(file: str) -> None:
    """A panel of a gauge with another name would stay empty for ever."""
    text = (DEPLOY / file).read_text(encoding="utf-8")
    named = set(re.findall(r"dc_assets_(\w+)", text))
    assert named
    assert named <= {*GAUGES, "ledger_up"}
    content: Any = json.loads(text) if file.endswith("json") else yaml.safe_load(text)
    assert content
