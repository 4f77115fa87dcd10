"""Every command prints the same numbers of one ledger, whatever state its loads are in."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa
import yaml

from dc_assets.cli.console import Console
from dc_assets.cli.progress import Progress
from dc_assets.cli.proof import WatchedLoad, print_proof
from dc_assets.core.batch_states import IN_FLIGHT
from dc_assets.core.load_state import LoadState, RowCounts
from dc_assets.ledger.database import Database
from dc_assets.ledger.outbox import Outbox
from dc_assets.ledger.stop_orders import StopOrders
from dc_assets.ledger.tables import batch
from dc_assets.load.store import LoadRequest, Mode
from dc_assets.orchestration.progress import observation_of
from dc_assets.views.events import LedgerEvents, range_of_run
from dc_assets.views.load_history import LoadHistory
from dc_assets_tests.cli.in_process import run_here
from dc_assets_tests.fakes.ledgers import (
    KEYS,
    SPEC,
    OpenLedger,
    lay_ledger,
    letter,
    new_batch,
    settlement,
)
from dc_assets_tests.fakes.specs import content
from dc_assets_tests.fakes.world import dead_owner

BOUNDS = {"scheme": 1, "upper_bounds": ["g", "p"]}
CODES = ("STRING_TOO_LONG", "REQUIRED_FIELD_MISSING")

Line = tuple[int | None, int, int, int]
"""Selected, landed, refused and pending rows; selected is None until they are read."""


@dataclass
class Told:
    """A ledger, and what commands say of it."""

    ledger: OpenLedger
    folder: Path

    def said(self, *arguments: str) -> str:
        """Run a command in this process; its output."""
        settings = {"DC_ASSETS_DATA": str(self.folder), "DC_ASSETS_LOADS": str(self.folder)}
        done = run_here({**settings, "COLUMNS": "200"}, *arguments)
        assert "Traceback" not in done.err, done.err
        return done.out

    def load_states(self) -> Sequence[LoadState]:
        """Return every load by the read model, the newest first."""
        named = LoadHistory(self.ledger.database).loads_named(SPEC.name, "", limit=9)
        found = [self.ledger.views().states.of_load(one.load_id) for one in named]
        return [one for one in found if one is not None]

    def newest(self) -> dict[str, Line]:
        """Return the line of each partition that was begun, by the read model."""
        newest = self.ledger.views().states.of_spec().newest
        return {key: line_of(one.rows) for key, one in newest.items()}


@pytest.fixture
def told(tmp_path: Path) -> Generator[Told]:
    """A ledger and a spec that commands find in a folder of the test."""
    url = lay_ledger(tmp_path / "ledger.db")
    tmp_path.chmod(0o700)
    spec = yaml.safe_dump(content(partitions=BOUNDS))
    (tmp_path / "things.yaml").write_text(spec, encoding="utf-8")
    database = Database(url)
    yield Told(OpenLedger(database, url, org_id="00D000000000001"), tmp_path)
    database.close()


def line_of(rows: RowCounts) -> Line:
    """Return the four numbers that are told of some rows."""
    return rows.selected, rows.landed, rows.refused, rows.pending


def half_sent(ledger: OpenLedger, key: str, *, is_dead: bool = False, mode: Mode = "full") -> None:
    """Leave a partition with rows that landed, were refused, are sent again, fly and wait."""
    loads = ledger.loads(mode=mode, owner=dead_owner("run-dead") if is_dead else None)
    ticket = ledger.ticket(key, loads, LoadRequest(is_new=True))
    lane = 3 * KEYS.index(key)
    first, flying, waiting = new_batch(lane, 10), new_batch(lane + 1, 5), new_batch(lane + 2, 7)
    ledger.planned(ticket, first, flying, waiting)
    ledger.uploaded(ticket, first.batch_id)
    letters = [letter(f"{key}-{code}", code) for code in CODES]
    again = new_batch(lane, 3, attempt=2)
    ledger.batches().settled(ticket, settlement(first.batch_id, 5, letters, again))
    ledger.uploaded(ticket, flying.batch_id)


def done(ledger: OpenLedger, key: str, *, refused: int = 0, mode: Mode = "full") -> None:
    """Leave a partition of which every row has an outcome."""
    loads = ledger.loads(mode=mode)
    ticket = ledger.ticket(key, loads, LoadRequest(is_new=True))
    [batch_id] = ledger.planned(ticket, new_batch(KEYS.index(key), 10 + refused))
    ledger.uploaded(ticket, batch_id)
    letters = [letter(f"{key}-{n}", CODES[n % 2]) for n in range(refused)]
    ledger.batches().settled(ticket, settlement(batch_id, 10, letters))
    loads.finish_range(ticket)


def whole(ledger: OpenLedger, refused: Iterable[int] = (0, 0, 0)) -> None:
    """Leave a full load that ended."""
    for key, rows in zip(KEYS, refused, strict=True):
        done(ledger, key, refused=rows)
    for key in KEYS:
        ledger.checked(key)


def nothing(_: OpenLedger) -> None:
    """Leave a ledger that no load has touched."""


def reading(ledger: OpenLedger) -> None:
    """Leave one partition done and one that is being read."""
    done(ledger, KEYS[0])
    ledger.ticket(KEYS[1])


def sending(ledger: OpenLedger) -> None:
    """Leave two partitions at once on their way."""
    half_sent(ledger, KEYS[0])
    half_sent(ledger, KEYS[2])


def stopped(ledger: OpenLedger) -> None:
    """Leave a load that an operator ordered to stop."""
    half_sent(ledger, KEYS[0], is_dead=True)
    StopOrders(ledger.database, SPEC.name).stop()


def replayed(ledger: OpenLedger) -> None:
    """Leave a replay of one partition, in which one row is refused again."""
    whole(ledger, (2, 3, 0))
    done(ledger, KEYS[0], refused=1, mode="replay")


def missing(ledger: OpenLedger) -> None:
    """Leave a partial load that ended in one partition and is on its way in another."""
    whole(ledger)
    done(ledger, KEYS[1], mode="missing")
    half_sent(ledger, KEYS[2], mode="missing")


def two_loads(ledger: OpenLedger) -> None:
    """Leave an ended load and one after it that has done one partition."""
    whole(ledger, (1, 0, 4))
    done(ledger, KEYS[0])
    half_sent(ledger, KEYS[1], is_dead=True)


STATES: Mapping[str, Callable[[OpenLedger], None]] = {
    "new": nothing,
    "reading": reading,
    "sending": sending,
    "all landed": whole,
    "some refused": lambda ledger: whole(ledger, (1, 0, 5)),
    "a dead run": lambda ledger: half_sent(ledger, KEYS[0], is_dead=True),
    "stopped": stopped,
    "replayed": replayed,
    "missing rows": missing,
    "a sample": lambda ledger: half_sent(ledger, KEYS[1], mode="canary"),
    "two loads": two_loads,
}


@pytest.fixture(params=STATES)
def state(request: pytest.FixtureRequest, told: Told) -> Told:
    """Return a ledger in one of the states."""
    STATES[request.param](told.ledger)
    return told


def test_each_row_is_counted_once_in_every_state(state: Told) -> None:
    """What was selected landed, was refused or is pending; pending is what batches still hold."""
    for load in state.load_states():
        for one in [*(p.rows for p in load.partitions.values()), load.rows]:
            numbers = [one.landed, one.refused, one.pending, one.in_flight, one.jobs]
            assert min(numbers) >= 0
            assert (one.selected or 0) == one.landed + one.refused + one.pending
        with state.ledger.database.read() as connection:
            unsettled = connection.execute(
                sa.select(sa.func.coalesce(sa.func.sum(batch.c.rows), 0))
                .where(batch.c.load_id == load.load_id)
                .where(batch.c.state.in_(["planned", *(one.value for one in IN_FLIGHT)]))
            ).scalar_one()
        assert load.rows.pending == unsettled


def test_every_command_prints_the_numbers_of_the_read_model(state: Told) -> None:
    """Status in three forms, the proof of a run, reports, notices, Dagster's metadata."""
    newest = state.newest()
    assert of_status_json(state) == newest
    assert of_table(state.said("status")) == newest
    assert of_proof(state) == {key: (None, *line[1:]) for key, line in newest.items()}
    for load in state.load_states():
        assert of_report(state, load) == {k: line_of(p.rows) for k, p in load.partitions.items()}
        assert of_past(state, load) == line_of(load.rows)[:3]
    assert of_progress(state) == of_the_followed(state)
    _dagster_agrees(state)
    _notices_agree(state)


def of_status_json(told: Told) -> dict[str, Line]:
    """Return the lines of `status --json`; the sums by code are those of the partitions."""
    said = json.loads(told.said("status", "--json"))
    names = ("selected", "landed", "refused", "pending")
    lines = {one["partition_key"]: tuple(one[n] for n in names) for one in said["partitions"]}
    assert sum(said["refusals_by_code"].values()) == sum(line[2] for line in lines.values())
    return lines


def of_table(text: str) -> dict[str, Line]:
    """Return the lines of the table of `status`; what was refused stands below it once more."""
    found: dict[str, Line] = {}
    for line in text.splitlines():
        words = line.replace(",", "").split()
        if words and words[0] in KEYS and words[1] == "reading":
            found[words[0]] = (None, int(words[2]), int(words[3]), 0)
        elif words and words[0] in KEYS and words[1].isdigit():
            found[words[0]] = (int(words[1]), int(words[2]), int(words[3]), int(words[4]))
    refused = sum(line[2] for line in found.values())
    assert _refused_below(text) == refused
    return found


def _refused_below(text: str) -> int:
    _, _, rest = text.partition("Refused rows: ")
    return int(rest.split()[0].replace(",", "")) if rest else 0


def of_proof(told: Told, keys: Sequence[str] = KEYS) -> dict[str, Line]:
    """Return the lines of a run's last table, where no check has run; the sums are under it."""
    sink = io.StringIO()
    console = Console(file=sink, width=200)
    print_proof(WatchedLoad(SPEC, keys, told.ledger.views(), console), [])
    table = sink.getvalue().partition("beside the ledger")[2].partition("row_count_matches:")[0]
    lines: dict[str, Line] = {}
    for line in table.splitlines():
        words = line.replace(",", "").split()
        if words and words[0] in (*KEYS, "all"):
            lines[words[0]] = (None, int(words[3]), int(words[4]), int(words[5]))
    sums = lines.pop("all")
    assert sums[1:] == tuple(sum(line[n] or 0 for line in lines.values()) for n in (1, 2, 3))
    assert _refused_below(sink.getvalue()) == sums[2]
    newest = told.newest()
    assert all(line == (None, 0, 0, 0) for key, line in lines.items() if key not in newest)
    return {key: line for key, line in lines.items() if key in newest}


def of_report(told: Told, load: LoadState) -> dict[str, Line]:
    """Return the partitions of `report --json`; totals, verdict and jobs are their sums."""
    said = json.loads(told.said("report", "--load", load.load_id, "--json"))
    names = ("selected", "landed", "refused", "pending")
    lines = {one["partition"]: tuple(one[n] for n in names) for one in said["partitions"]}
    sums = tuple(sum(line[n] or 0 for line in lines.values()) for n in range(4))
    assert tuple(said["totals"][name] for name in names) == sums
    sentence = f"{sums[0]:,} selected, {sums[1]:,} landed, {sums[2]:,} refused, {sums[3]:,} pending"
    assert said["verdict"]["sentence"].startswith(sentence)
    assert sum(code["rows"] for code in said["refusals"]) == sums[2]
    if said["sending"] is not None:
        assert said["sending"]["jobs"] == load.rows.jobs
    return {key: line for key, line in lines.items() if key in load.partitions}


def of_past(told: Told, load: LoadState) -> tuple[int, int, int]:
    """Return the line of a load in the list of loads that a report ends with."""
    [past] = [
        one
        for one in LoadHistory(told.ledger.database).past(load, limit=9)
        if one.load_id == load.load_id
    ]
    assert past.jobs == load.rows.jobs
    return past.selected, past.landed, past.refused


def of_progress(told: Told) -> int | None:
    """Return the rows done that `status --watch` and `run` print."""
    sink, views = io.StringIO(), told.ledger.views()
    progress = Progress(Console(file=sink, width=200), KEYS, views, were_launched=False)
    progress.update(views.states.of_spec())
    return int(sink.getvalue().split()[0].replace(",", ""))


def of_the_followed(told: Told) -> int:
    """Return the rows that have an outcome in the load that is running, else the newest."""
    loads = told.load_states()
    followed = [one for one in loads if one.is_running] or list(loads)
    return followed[0].rows.done if followed else 0


def _dagster_agrees(told: Told) -> None:
    views = told.ledger.views()
    seen = views.progress.look(KEYS)
    names = ("selected", "landed", "refused", "pending")
    for key, one in views.states.of_spec().newest.items():
        rows = one.rows
        shown = observation_of(seen, key, rows) if seen.load else {}
        followed = seen.load.partitions.get(key) if seen.load else None
        if followed is not None and followed.load_id == one.load_id:
            numbers = tuple(shown[name] for name in ("rows done", "refused", "pending"))
            assert numbers == (followed.rows.done, rows.refused, rows.pending)
        of_run = range_of_run(told.ledger.database, SPEC.name, key, one.run_id)
        if rows.selected is not None and one.run_id:
            assert tuple(of_run[name] for name in names) == line_of(rows)


def _notices_agree(told: Told) -> None:
    """A notice of an ended load says what the read model says of it."""
    LedgerEvents(told.ledger.database, [SPEC], {}).collect()
    loads = {one.load_id: one for one in told.load_states()}
    notices = [n for n in Outbox(told.ledger.database).undelivered("mail") if n.kind == "completed"]
    ended = [one for one in loads.values() if one.state == "done"]
    assert {n.facts["load_id"] for n in notices} == {one.load_id for one in ended}
    for notice in notices:
        rows = loads[notice.facts["load_id"]].rows
        numbers = tuple(notice.facts[name] for name in ("selected", "landed", "refused"))
        assert numbers == line_of(rows)[:3]
        assert notice.facts["refused_by_code"] == dict(rows.refused_by_code)


def test_a_run_of_one_partition_tells_the_refusals_of_that_one(told: Told) -> None:
    """Those of other partitions are no result of it."""
    whole(told.ledger, (2, 0, 5))
    assert of_proof(told, KEYS[:1]) == {KEYS[0]: (None, 10, 2, 0)}


def test_watching_a_done_load_prints_its_table(told: Told) -> None:
    """The same numbers, once, at the end."""
    whole(told.ledger, (2, 0, 5))
    assert of_table(told.said("status", "--watch")) == told.newest()
