"""Six kills in real Dagster backfills, each of which must end by itself.

    python -m dc_assets_tests.hunts.kill9_dagster

Three kills of one run worker, and three of every Dagster process, after which only the services
are started again.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import click

from dc_assets.core.errors import DcError
from dc_assets.wiring.dagster_api import Backfill, Webserver
from dc_assets_tests.acceptance.services import pids_of, running_daemon, running_webserver
from dc_assets_tests.acceptance.stage import (
    MANY_CALLS,
    Org,
    Stage,
    assert_nothing_lives,
    running_org,
    wait_until,
)
from dc_assets_tests.hunts.kill9_bars import damage_of, plant_foreign_job
from dc_assets_tests.hunts.kill9_crew import LedgerFile, comes_true
from dc_assets_tests.hunts.kill9_schedule import STATE_OF
from dc_assets_tests.hunts.kill9_stage import fresh_stage

ASSET = "opportunities_in_core"
PARTITIONS = 2
HELD_WITHIN_S = 120.0
ENDS_WITHIN_S = 240.0


@dataclass(frozen=True, slots=True)
class Blow:
    """One kill: of a run worker, or of all that is Dagster, while the org holds a call."""

    everything: bool
    kind: str
    when: str

    @property
    def text(self) -> str:
        """What is killed where, for people."""
        whom = "all of Dagster" if self.everything else "one run worker"
        return f"{whom}, {self.kind} {self.when}"


BLOWS = (
    Blow(everything=False, kind="create", when="after"),
    Blow(everything=False, kind="upload", when="after"),
    Blow(everything=False, kind="results", when="before"),
    Blow(everything=True, kind="create", when="after"),
    Blow(everything=True, kind="close", when="after"),
    Blow(everything=True, kind="poll", when="before"),
)


@dataclass
class Scene:
    """One load in a Dagster of its own."""

    stage: Stage
    ledger: LedgerFile
    services: ExitStack = field(default_factory=ExitStack)

    @property
    def home(self) -> Path:
        """The DAGSTER_HOME."""
        return self.stage.folder / "dagster"

    def start_services(self) -> Webserver:
        """Start a webserver and a daemon."""
        webserver = self.services.enter_context(running_webserver(self.stage, self.home))
        self.services.enter_context(running_daemon(self.stage, self.home))
        return webserver

    def dagster_pids(self, command: str = "") -> list[int]:
        """Return the living processes of this Dagster whose command holds a text."""
        return pids_of(self.home, command)

    def worker_at(self, kind: str) -> list[int]:
        """Return the run workers that drive a batch in the state in which a call is made."""
        if not self.stage.org.waiting(kind):
            return []
        found = {f.pid for f in self.ledger.flights() if f.state is STATE_OF[kind]}
        return sorted(found & set(self.dagster_pids("multiprocessing")))

    def kill_all(self) -> int:
        """Kill every process of this Dagster, those too that are born meanwhile."""
        killed: set[int] = set()

        def none_left() -> bool:
            pids = self.dagster_pids()
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            killed.update(pids)
            return not pids

        wait_until(none_left, "all of Dagster is dead", within_s=20)
        return len(killed)


def strike(scene: Scene, blow: Blow) -> list[str]:
    """Run one backfill with one blow, and return what is wrong afterwards."""
    org, stage = scene.stage.org, scene.stage
    foreign = plant_foreign_job(stage)
    assert stage.run("home", str(scene.home)).code == 0
    webserver = scene.start_services()
    backfill_id = webserver.launch(ASSET, stage.keys, {})
    org.tell("hold", kind=blow.kind, when=blow.when)
    wait_until(lambda: scene.worker_at(blow.kind), f"a {blow.kind} is held", within_s=HELD_WITHIN_S)
    if blow.everything:
        click.echo(f"  killed {scene.kill_all()} processes")
    else:
        os.kill(scene.worker_at(blow.kind)[0], signal.SIGKILL)
    org.tell("release")
    began_s = time.monotonic()
    if blow.everything:
        webserver = scene.start_services()
    ended = comes_true(lambda: _is_over(webserver, backfill_id), within_s=ENDS_WITHIN_S)
    backfill = webserver.backfill(backfill_id)
    wrong = [] if ended else [f"the backfill did not end within {ENDS_WITHIN_S:.0f} s"]
    wrong += _not_succeeded(backfill)
    if scene.ledger.done_keys() != set(stage.keys):
        wrong.append(f"only {sorted(scene.ledger.done_keys())} are done in the ledger")
    seconds = time.monotonic() - began_s
    click.echo(f"  {seconds:.0f} s after the kill: {[run.status for run in backfill.runs]}")
    return wrong + damage_of(stage, scene.ledger, foreign).lines


def _is_over(webserver: Webserver, backfill_id: str) -> bool:
    try:
        return webserver.backfill(backfill_id).is_over(PARTITIONS)
    except DcError:  # its database is being opened by three processes at once
        return False


def _not_succeeded(backfill: Backfill) -> list[str]:
    newest = backfill.latest().values()
    return [f"{run.partition_key}: {run.status}" for run in newest if run.status != "SUCCESS"]


@contextmanager
def new_scene(org: Org, folder: Path, *, rows: int, seed: int) -> Generator[Scene]:
    """Give a scene, and end its services with the block."""
    stage = fresh_stage(org, folder, rows=rows, partitions=PARTITIONS, seed=seed)
    scene = Scene(stage, LedgerFile(folder / "data" / "ledger.db"))
    try:
        with scene.services:
            yield scene
    finally:
        scene.kill_all()
        org.tell("release")


def hunt(folder: Path, *, rows: int, say: Callable[[str], None]) -> list[str]:
    """Strike all blows, each at a backfill of its own; return everything that is wrong."""
    found: list[str] = []
    with running_org(folder, rows=0, options=MANY_CALLS) as org:
        for number, blow in enumerate(BLOWS, start=1):
            say(f"kill {number}/{len(BLOWS)}: {blow.text}")
            with new_scene(org, folder / f"load-{number}", rows=rows, seed=number) as scene:
                try:
                    wrong = strike(scene, blow)
                except AssertionError as error:
                    wrong = [str(error)]
            say("  " + ("; ".join(wrong) or "complete in Core, nothing twice"))
            found += [f"kill {number}, {blow.text}: {line}" for line in wrong]
    return found


@click.command()
@click.option("--rows", default=600, show_default=True, help="Source rows of each load.")
def main(rows: int) -> None:
    """Kill run workers and whole Dagsters in backfills; exit 0 when each ends complete."""
    folder = Path(tempfile.mkdtemp(prefix="kill9-"))
    found = hunt(folder, rows=rows, say=click.echo)
    assert_nothing_lives(folder)
    click.echo("\n".join(["", f"{len(BLOWS)} kills, {len(found)} faults", *found]))
    if found:
        click.echo(f"Ledgers and logs are kept in {folder}")
        sys.exit(1)
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
