"""Events in a log: sentences for people, JSON for machines, in Dagster and on stderr."""

import io
import json
import logging
import re
from datetime import datetime
from typing import Any

import dagster as dg
import pytest
import rich.console
from rich.live import Live

from dc_assets.cli.noted import noted_on_stderr
from dc_assets.core.run_events import RunEvent
from dc_assets.wiring.event_log import FIELDS, noted_in
from dc_assets_tests.cli.in_process import environment_is

BELL = "\x07"
RETRY = RunEvent(
    "call_retried",
    {
        "cause": f"org.example answered 503{BELL}",
        "asked": "GET /x",
        "wait_s": 1.5,
        "attempt": 2,
        "attempts_max": 6,
    },
    spec="things",
    run_id="run-1",
)
JOB = RunEvent(
    "job_settled",
    {
        "job_id": "750",
        "state": "JobComplete",
        "batch_id": "b",
        "lane": 3,
        "attempt": 1,
        "rows": 1000,
        "landed": 990,
        "refused": 4,
        "retried": 6,
        "locked": 6,
        "total_s": 9.0,
        "active_s": 3.0,
    },
    partition="r1-01",
    load_id="l1",
)
SENTENCE = "org.example answered 503\\x07; GET /x is tried again in 1.5 s, attempt 2 of 6"


class Records(logging.Handler):
    """A handler that keeps what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        self.kept.append(record)


def run_log(form: str) -> list[tuple[Any, Any]]:
    """Return what the log of a Dagster run has of two events."""

    @dg.op
    def tell(context: dg.OpExecutionContext) -> None:
        note = noted_in(context.log)
        note(RETRY)
        note(JOB)

    @dg.job
    def one() -> None:
        tell()

    with environment_is({"DC_ASSETS_LOG": form}), dg.DagsterInstance.ephemeral() as instance:
        result = one.execute_in_process(instance=instance)
        logged = instance.all_logs(result.run_id)
    return [(one.level, one.user_message) for one in logged if one.dagster_event is None]


def test_the_log_of_a_run_has_sentences() -> None:
    """A control sign of a server is shown as its escape."""
    retry, job = run_log("text")
    assert retry == (logging.WARNING, SENTENCE)
    assert job[0] == logging.DEBUG
    assert job[1].startswith("r1-01: job 750 is JobComplete: 990 of 1,000 rows landed, 4 refused")


def test_the_log_of_a_run_has_json_for_machines() -> None:
    """The same setting decides as for commands."""
    retry, job = (json.loads(message) for _, message in run_log("json"))
    assert retry == {**RETRY.for_machines()}
    assert (job["event"], job["landed"], job["partition"]) == ("job_settled", 990, "r1-01")


def test_a_handler_of_ones_own_finds_the_fields() -> None:
    """Whatever the form is, the record has them."""
    logger, records = logging.getLogger("a test of events"), Records()
    logger.propagate, logger.handlers = False, [records]
    with environment_is({}):
        noted_in(logger)(RETRY)
    [record] = records.kept
    fields: dict[str, Any] = getattr(record, FIELDS)
    assert fields == RETRY.for_machines()
    assert record.getMessage() == SENTENCE


class Broken(logging.Handler):
    """A handler whose storage is away."""

    def emit(self, record: logging.LogRecord) -> None:
        """Fail, as Dagster's does."""
        raise ConnectionError(record.getMessage())


def test_a_line_that_cannot_be_written_ends_no_load() -> None:
    """What happened is in the ledger; the log is for those who watch."""
    logger = logging.getLogger("a test of a broken log")
    logger.propagate, logger.handlers = False, [Broken()]
    with environment_is({}):
        noted_in(logger)(RETRY)
    with pytest.raises(ConnectionError):
        logger.warning("it is broken")


def test_a_command_tells_people_what_matters(capsys: pytest.CaptureFixture[str]) -> None:
    """On stderr, with the time; the jobs are in the progress display already."""
    with environment_is({}):
        note = noted_on_stderr()
        note(JOB)
        note(RETRY)
    captured = capsys.readouterr()
    assert captured.out == ""
    [line] = captured.err.splitlines()
    assert line[0] == "["
    assert line.endswith(f"] {SENTENCE}")


def test_a_command_tells_machines_everything(capsys: pytest.CaptureFixture[str]) -> None:
    """One JSON object a line, with the time and the fields of docs/events.md."""
    with environment_is({"DC_ASSETS_LOG": "json"}):
        note = noted_on_stderr()
        note(JOB)
        note(RETRY)
    captured = capsys.readouterr()
    assert captured.out == ""
    job, retry = (json.loads(line) for line in captured.err.splitlines())
    assert datetime.fromisoformat(job.pop("time")).tzinfo is not None
    assert job == JOB.for_machines()
    assert retry["cause"] == f"org.example answered 503{BELL}"


def test_a_sentence_stands_above_a_progress_display(capsys: pytest.CaptureFixture[str]) -> None:
    """At a terminal it is a line of its own, not the end of a line that is drawn anew."""
    screen = io.StringIO()
    console = rich.console.Console(file=screen, force_terminal=True, width=200)
    with environment_is({}):
        note = noted_on_stderr()
    with Live(console=console, auto_refresh=False) as live:
        live.update("progress", refresh=True)
        note(RETRY)
    assert capsys.readouterr().err == ""
    [line] = [one for one in _plain(screen.getvalue()).splitlines() if "GET /x" in one]
    assert line.startswith("[")


def _plain(text: str) -> str:
    """Return what a terminal was sent without what moves or colours."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).replace("\r", "\n")
