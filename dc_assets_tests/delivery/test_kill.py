"""The notifier is killed before and after it sends: none is lost, repeats look alike."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest

from dc_assets.core.verdicts import CheckOutcome, Severity
from dc_assets.ledger.check_results import CheckResultStore
from dc_assets.ledger.outbox import Outbox
from dc_assets_tests.delivery.servers import HookServer, MailServer
from dc_assets_tests.fakes.ledgers import SPEC, OpenLedger
from dc_assets_tests.warm.programs import Files, WarmProcess, WarmProgram

REACHED_WITHIN_S = 60.0

NEEDED = ("dc_assets_tests.delivery.one_tick", "dc_assets.orchestration.notifications")
"""What a tick imports."""


@dataclass
class Tick:
    """A process that does one tick, and where it says what it did."""

    process: WarmProcess
    said: IO[str]


Start = Callable[[], Tick]


@pytest.fixture(scope="module")
def one_tick() -> Generator[WarmProgram]:
    """A warm program: each start of its own would import Dagster."""
    name = "dc_assets_tests.delivery.one_tick"
    late = ("anyio", "certifi", "h11", "httpcore")  # imported by httpx with its first client
    program = WarmProgram("-m", name, modules=[*NEEDED, *late])
    yield program
    program.close()


@pytest.fixture
def start(
    tmp_path: Path, mail_server: MailServer, hook_server: HookServer, one_tick: WarmProgram
) -> Generator[Start]:
    """Return what starts a process that does one tick with both channels on."""
    started: list[Tick] = []
    settings = {
        "DC_ASSETS_DATA": str(tmp_path),
        "DC_ASSETS_LEDGER_URL": "",
        "DC_ASSETS_SMTP_URL": f"smtp://127.0.0.1:{mail_server.port}",
        "DC_ASSETS_MAIL_FROM": "loads@example.com",
        "DC_ASSETS_MAIL_TO": "ops@example.com",
        "DC_ASSETS_WEBHOOK_URL": hook_server.url,
        "DAGSTER_DISABLE_TELEMETRY": "yes",
    }

    def start_one() -> Tick:
        said = (tmp_path / f"said{len(started)}").open("w+")
        with Path(os.devnull).open("rb") as nothing:
            files = Files(nothing.fileno(), said.fileno(), 2)
            environment = {**os.environ, **settings}
            process = one_tick.start([], environment, folder=tmp_path, files=files)
        started.append(Tick(process, said))
        return started[-1]

    yield start_one
    for tick in started:
        kill(tick)
        tick.said.close()


@pytest.fixture(autouse=True)
def gap(ledger: OpenLedger) -> None:
    """Let a check have found a gap that nobody was told of."""
    found = CheckOutcome("no_coverage_gaps", "r1-01", Severity.ERROR, "3 missing, 0 extra", 3)
    check_results = CheckResultStore(ledger.database, SPEC.name, ledger.org_id)
    check_results.keep(
        "r1-01", [found], run_id="run-1", needed=("all",), asked_at=check_results.now_s()
    )


def kill(tick: Tick) -> None:
    """End a process as a crash would."""
    tick.process.kill()
    tick.process.wait()


def finish(tick: Tick) -> str:
    """Wait for a tick that nobody kills; return what it says."""
    assert tick.process.wait(REACHED_WITHIN_S) == 0
    tick.said.seek(0)
    return tick.said.read()


def test_a_notifier_killed_before_it_sends_loses_nothing(
    start: Start, ledger: OpenLedger, mail_server: MailServer, hook_server: HookServer
) -> None:
    """The event is in the outbox already; the next tick sends it once over each channel."""
    mail_server.hold.at = "before"
    first = start()
    assert mail_server.hold.reached.wait(REACHED_WITHIN_S)
    kill(first)
    assert [one.kind for one in Outbox(ledger.database).undelivered("mail")] == ["coverage_gap"]
    mail_server.hold.release()
    assert "0 new notifications. mail: 1 sent, 0 wait. webhook: 1 sent, 0 wait." in finish(start())
    assert not any(Outbox(ledger.database).waiting(name) for name in ("mail", "webhook"))
    assert len(mail_server.messages) == 1
    assert len(hook_server.posts) == 1


def test_a_mail_sent_but_not_marked_is_repeated_with_its_message_id(
    start: Start, mail_server: MailServer, hook_server: HookServer
) -> None:
    """The server has it and its sender dies before it knows: the repeat can be told as one."""
    mail_server.hold.at = "after"
    first = start()
    assert mail_server.hold.reached.wait(REACHED_WITHIN_S)
    kill(first)
    mail_server.hold.release()
    finish(start())
    one, repeat = mail_server.messages
    assert one["Message-ID"] == repeat["Message-ID"]
    assert one.as_string() == repeat.as_string()
    assert len(hook_server.posts) == 1


def test_a_post_sent_but_not_marked_is_repeated_with_its_idempotency_key(
    start: Start, mail_server: MailServer, hook_server: HookServer
) -> None:
    """The mail that was marked before the kill is not sent again."""
    hook_server.hold.at = "after"
    first = start()
    assert hook_server.hold.reached.wait(REACHED_WITHIN_S)
    kill(first)
    hook_server.hold.release()
    finish(start())
    one, repeat = hook_server.posts
    assert one.headers["Idempotency-Key"] == repeat.headers["Idempotency-Key"]
    assert one.text == repeat.text
    assert len(mail_server.messages) == 1
