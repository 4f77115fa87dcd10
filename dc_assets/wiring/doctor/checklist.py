"""The go-live checklist of one load: each line is ticked by what was measured, and by nothing else.

After the "Production Deployment Checklist" of the system that came before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import dropwhile, takewhile

from dc_assets.core.checks import check_descriptions
from dc_assets.core.examination import Line, State
from dc_assets.core.load_state import LoadState
from dc_assets.core.ranges import EVERYTHING
from dc_assets.core.spec import LoadSpec
from dc_assets.core.standing import Word, verdict_of, verdict_of_all
from dc_assets.delivery.settings import settings_from
from dc_assets.ledger.outbox import Outbox
from dc_assets.ledger.snapshots import SnapshotRecords
from dc_assets.views.load_history import LoadHistory
from dc_assets.views.load_states import LoadStates
from dc_assets.wiring.doctor.subject import Subject, opened
from dc_assets.wiring.doctor.table import PREFLIGHT

CANARY_ROWS, CANARY_SHARE = 1_000, 0.99
LOADS_MAX = 1_000
CANARY = "canary"

Measure = tuple[bool, str]
"""Whether a line is ticked, and what was seen."""

NO_LEDGER: Measure = (False, "no ledger yet, so nothing was loaded")
NOT_SEEN: Measure = (False, "not measured: something above is red")


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the checklist.

    Attributes:
        command: what would tick it.
    """

    text: str
    is_ticked: bool
    seen: str
    command: str


@dataclass(frozen=True, slots=True)
class Measured:
    """What the lines are measured by."""

    subject: Subject
    lines: Sequence[Line]

    @property
    def spec(self) -> LoadSpec:
        """The load's spec."""
        return self.subject.spec

    def states(self) -> LoadStates | None:
        """Return how loads of the spec stand in this org; None without ledger or org."""
        ledger, session = self.subject.seen.ledger, self.subject.seen.session
        if ledger is None or session is None:
            return None
        return LoadStates(ledger, self.spec.name, session.org_id)

    def newest(self) -> LoadState | None:
        """Return the newest load of the spec in this org."""
        return next(self._newest_first(), None)

    def canary(self) -> tuple[int, int, int]:
        """Return landed, refused and pending rows of the newest canary.

        Each stage sends what did not land before it: landed rows add up, the others are its last's.
        """
        later = dropwhile(lambda one: one.mode != CANARY, self._newest_first())
        stages = [one.rows for one in takewhile(lambda one: one.mode == CANARY, later)]
        if not stages:
            return 0, 0, 0
        return sum(rows.landed for rows in stages), stages[0].refused, stages[0].pending

    def _newest_first(self) -> Iterator[LoadState]:
        states = self.states()
        if states is None:
            return
        history = LoadHistory(opened(self.subject.seen.ledger))
        org_id = opened(self.subject.seen.session).org_id
        for one in history.loads_named(self.spec.name, "", LOADS_MAX):
            load = states.of_load(one.load_id) if one.org_id == org_id else None
            if load is not None:
                yield load


def canary(by: Measured) -> Measure:
    """Whether the newest canary, all stages, sent a thousand rows and had them all back."""
    landed, refused, pending = by.canary()
    if not landed + refused + pending:
        return False, "no canary was sent"
    is_there = landed + refused >= CANARY_ROWS and not pending
    return is_there, f"{landed + refused:,} rows have an outcome, {pending:,} are pending"


def canary_share(by: Measured) -> Measure:
    """Whether more than 99 % of the canary landed."""
    landed, refused, _ = by.canary()
    if not landed + refused:
        return False, "no canary was sent"
    share = landed / (landed + refused)
    return share > CANARY_SHARE, f"{share:.2%} landed"


def fits(by: Measured) -> Measure:
    """Whether the preflight found nothing that stops."""
    found = [line for line in by.lines if line.area == PREFLIGHT]
    if any(line.state is State.NOT_ASKED for line in found) or not found:
        return NOT_SEEN
    is_red = any(line.state is State.RED for line in found)
    return not is_red, found[0].seen if is_red else "spec, source and org fit"


def even_ranges(by: Measured) -> Measure:
    """Whether no partition outgrew the middle one, by the source as it is."""
    source = by.subject.seen.source
    if source is None:
        return NOT_SEEN
    rows = sorted(source.count(one) for one in by.spec.ranges.values())
    middle, most = rows[len(rows) // 2], by.spec.checks.outgrown_factor
    text = f"{len(rows)} of {rows[0]:,} to {rows[-1]:,} rows"
    return rows[-1] > 0 and rows[-1] <= max(middle, 1) * most, text


def alerts(by: Measured) -> Measure:
    """Whether every channel is set, and took a notification."""
    settings = settings_from(opened(by.subject.seen.settings).texts())
    if settings.complaints or not settings.channels:
        return False, " ".join(settings.complaints) or "no channel is set"
    if by.subject.seen.ledger is None:
        return NO_LEDGER
    outbox = Outbox(by.subject.seen.ledger)
    silent = [one.name for one in settings.channels if not outbox.has_delivered(one.name)]
    if silent:
        return False, f"{', '.join(silent)}: nothing was ever delivered"
    return True, f"{', '.join(one.name for one in settings.channels)} delivered"


def documented(by: Measured) -> Measure:
    """Whether the ledger keeps the spec of the newest load, which is the one in the folder."""
    newest = by.newest()
    if newest is None:
        return NO_LEDGER if by.states() is None else (False, "no load has begun")
    kept = newest.spec_json
    is_same = kept is not None and LoadSpec.model_validate_json(kept).spec_hash == by.spec.spec_hash
    text = "keeps this spec" if is_same else "keeps another spec than the folder's"
    return is_same, f"load {newest.load_id[:8]} {text}"


def quiet_hours(by: Measured) -> Measure:
    """Whether rows are sent at some hours alone."""
    hours = by.spec.limits.hours
    return hours is not None, f"{hours} {by.spec.time_zone}" if hours else "rows are sent all day"


def way_back(by: Measured) -> Measure:
    """Whether what is overwritten was saved, or there is nothing to overwrite."""
    target = by.subject.seen.target
    if target is None:
        return NOT_SEEN
    states = by.states()
    if states is not None:
        session = opened(by.subject.seen.session)
        kept = SnapshotRecords(opened(by.subject.seen.ledger), by.spec.name, session.org_id).all()
        if kept:
            return True, f"{len(kept)} snapshots"
    there = target.count(EVERYTHING)
    if there == 0:
        return True, "the org has no record of ours: cleanup deletes what is created"
    return False, f"{there:,} records of ours are there, and no snapshot"


def watched(_: Measured) -> Measure:
    """Nothing measures whether a person looks on."""
    return False, "only a person can say it"


def proved(by: Measured) -> Measure:
    """Whether every partition landed, and every check agreed since."""
    states = by.states()
    if states is None:
        return NO_LEDGER
    newest, needed = states.of_spec().newest, list(check_descriptions(by.spec))
    verdict = verdict_of_all(verdict_of(newest.get(key), needed) for key in by.spec.ranges)
    return verdict.word in {Word.PROVED, Word.COMPLETE}, verdict.text


CHECKLIST: Sequence[tuple[str, Callable[[Measured], Measure], str]] = (
    (
        "A canary of 1,000 rows came through",
        canary,
        "dc-assets run {load} --canary 1000",
    ),
    ("More than 99 % of it landed", canary_share, "dc-assets replay {load} --list"),
    ("The spec fits object and fields", fits, "dc-assets plan {load}"),
    ("The partitions are of even size", even_ranges, "dc-assets plan {load} --write-ranges 8"),
    ("Alerts are set, and one was delivered", alerts, "dc-assets notify --test"),
    ("The configuration is kept with a load", documented, "dc-assets report {load}"),
    ("Rows are sent in quiet hours", quiet_hours, "limits.hours: 22:00-06:00 in the spec"),
    ("There is a way back", way_back, "dc-assets run {load} --snapshot"),
    ("Somebody watches the first hour", watched, "dc-assets status {load} --watch"),
    ("The checks agreed after the end", proved, "dc-assets reconcile {load}"),
)
"""What is said, what measures it, and what would tick it."""


def checklist(subject: Subject, lines: Sequence[Line]) -> Sequence[Item]:
    """Return the lines of the checklist, after the examinations of the load."""
    measured = Measured(subject, lines)
    return [
        Item(text, *measure(measured), command.format(load=subject.spec.name))
        for text, measure, command in CHECKLIST
    ]
