"""Launches the partitions of a load through Dagster and follows them to their end.

All at once is one backfill of all of them; staggered is one backfill a partition, at a distance.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from dc_assets.cli.progress import Progress
from dc_assets.cli.proof import WatchedLoad
from dc_assets.cli.silence import Silence
from dc_assets.cli.standstill import Standstill
from dc_assets.core import errors
from dc_assets.core.checks import check_descriptions
from dc_assets.core.durations import duration_text
from dc_assets.core.errors import STOPPING, DcError, LedgerConflict, RemoteError
from dc_assets.core.errors import TransientRemoteError as NotReplayed
from dc_assets.core.verdicts import CheckOutcome
from dc_assets.ledger.clock import SystemClock
from dc_assets.wiring.dagster_api import (
    FAILED_RUN_STATUSES,
    Backfill,
    BackfillRun,
    NoWebserver,
    Webserver,
)

LOOK_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class Loaded:
    """What came of some partitions.

    Attributes:
        stopped: whether a run was stopped on purpose: by the circuit breaker, a budget or an
            operator.
    """

    outcomes: Sequence[CheckOutcome]
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class Launch:
    """What is launched.

    Attributes:
        asset: key of the asset that loads, such as `crm/things_in_core`.
        groups: the partitions of each backfill.
        every_s: distance of the launches.
        again: the command that launches partitions, to which their keys are added.
    """

    asset: str
    groups: Sequence[Sequence[str]]
    config: Mapping[str, object]
    every_s: float = 0.0
    again: str = ""


@dataclass(slots=True)
class _Launched:
    """One backfill, as it was seen last."""

    backfill_id: str
    keys: Sequence[str]
    seen: Backfill = field(default_factory=lambda: Backfill("REQUESTED", ()))
    is_told: bool = False


def load_through_dagster(webserver: Webserver, load: WatchedLoad, launch: Launch) -> Loaded:
    """Launch the partitions, show them until their end, and return what their checks said.

    Raises:
        ConfigError: no webserver answers, so nothing was launched.
        RemoteError: it was away for too long. What was launched continues without this command.
        KeyboardInterrupt: the operator left; what continues was printed.
    """
    return _Following(webserver, load, launch).to_the_end()


def follow_backfill(
    webserver: Webserver, load: WatchedLoad, backfill_id: str, *, heed: Callable[[], None]
) -> Sequence[CheckOutcome]:
    """Show a backfill of a load's partitions in a Dagster that ends with this command.

    ``heed`` is called before each look; what it raises ends the following.
    """
    launch = Launch(asset=load.spec.asset_name, groups=(), config={})
    following = _Following(webserver, load, launch, heed)
    following.join(backfill_id, load.keys)
    return following.to_the_end().outcomes


class _Following:
    """The backfills of one command."""

    def __init__(
        self,
        webserver: Webserver,
        load: WatchedLoad,
        launch: Launch,
        heed: Callable[[], None] = lambda: None,
    ) -> None:
        self._webserver = webserver
        self._heed = heed
        self._load = load
        self._launch = launch
        self._clock = SystemClock()  # the distance of launches is time on the wall
        self._silence = Silence(webserver, load.console, self._clock)
        self._standstill = Standstill(self._clock)
        self._waiting = list(launch.groups)
        self._launched: list[_Launched] = []
        self._next_at_s = 0.0
        self._is_stopped = False

    def join(self, backfill_id: str, keys: Sequence[str]) -> None:
        """Follow one more backfill."""
        self._launched.append(_Launched(backfill_id, keys))
        which = f": {keys[0]}" if len(keys) == 1 else f", {len(keys)} partitions"
        self._say(f"Backfill {backfill_id} of {self._launch.asset}{which}")

    def to_the_end(self) -> Loaded:
        """Launch what waits when its time has come, and look until all is over."""
        try:
            if self._waiting:
                self._launch_next()
            load = self._load
            with Progress(load.console, load.keys, load.views).shown() as progress:
                while not self._is_over():
                    self._heed()
                    self._silence.bear(self._look)
                    progress.update(
                        load.views.states.of_spec(), self._states(), self._starts_in_s()
                    )
                    self._clock.sleep(LOOK_EVERY_S)
            outcomes = self._outcomes()
        except (KeyboardInterrupt, DcError):
            self._say_what_goes_on()
            self._say_not_launched()
            raise
        self._say_not_launched()
        return Loaded(outcomes, self._is_stopped)

    def _is_over(self) -> bool:
        none_waits = self._is_stopped or not self._waiting
        return none_waits and all(one.is_told for one in self._launched)

    def _look(self) -> None:
        """Ask for every backfill that is not over, and launch the next one if it is time."""
        for one in self._launched:
            if not one.is_told:
                one.seen = self._webserver.backfill(one.backfill_id)
                if one.seen.is_over(len(one.keys)):
                    self._tell_end(one.seen)
                    one.is_told = True
        self._tell_if_nothing_moves()
        is_due = self._clock.now_s() >= self._next_at_s
        if self._waiting and is_due and not self._is_stopped:
            self._launch_next()

    def _tell_if_nothing_moves(self) -> None:
        left = [(one.backfill_id, one.seen) for one in self._launched if not one.is_told]
        if words := self._standstill.words(left):
            self._say(words, style="yellow")

    def _launch_next(self) -> None:
        """Launch a backfill; whoever is not there is asked again, a lost answer is not guessed."""
        keys = self._waiting.pop(0)
        try:
            backfill_id = self._webserver.launch(self._launch.asset, keys, self._launch.config)
        except NoWebserver:
            self._waiting.insert(0, keys)
            raise
        except NotReplayed as error:
            raise RemoteError(
                f"Whether the backfill of {', '.join(keys)} began is not known; its page of runs "
                f"tells. {error}"
            ) from error
        self._next_at_s = self._clock.now_s() + self._launch.every_s
        self.join(backfill_id, keys)
        if self._waiting:
            distance = duration_text(self._launch.every_s)
            self._say(f"{', '.join(self._waiting[0])} starts in {distance}")

    def _tell_end(self, backfill: Backfill) -> None:
        """Print why runs failed; a run that was stopped on purpose keeps others from beginning."""
        if backfill.error:
            self._say(backfill.error, style="red")
        for key, run in sorted(backfill.latest().items()):
            if run.status in FAILED_RUN_STATUSES:
                failure = self._webserver.failure_of(run.run_id)
                page = f"see {self._webserver.page_of_run(run.run_id)}"
                why = failure.sentence or page
                if _is_of(failure.error, LedgerConflict):
                    self._say(f"{key}: not loaded by this command, another run is at it: {why}")
                else:
                    self._say(f"{key}: run {run.run_id} is {run.status}: {why}", style="red")
                self._is_stopped |= _is_of(failure.error, *STOPPING)

    def _runs(self) -> Mapping[str, BackfillRun]:
        return {k: run for one in self._launched for k, run in one.seen.latest().items()}

    def _states(self) -> Mapping[str, str]:
        return {key: run.status for key, run in self._runs().items()}

    def _starts_in_s(self) -> Mapping[str, float]:
        """Return when the partitions that wait for their time are launched."""
        first_s = max(0.0, self._next_at_s - self._clock.now_s())
        groups = enumerate(self._waiting)
        return {key: first_s + n * self._launch.every_s for n, keys in groups for key in keys}

    def _outcomes(self) -> Sequence[CheckOutcome]:
        """Return what the checks said in any run of the backfills, as the ledger keeps it.

        A run that is started again asks only the checks that the first one had not asked.
        """
        run_ids = {run.run_id for one in self._launched for run in one.seen.runs}
        newest = self._load.views.states.of_spec().newest
        return [
            state.checks[check].outcome
            for key in self._load.keys
            if (state := newest.get(key)) is not None
            for check in check_descriptions(self._load.spec)
            if check in state.checks and state.checks[check].run_id in run_ids
        ]

    def _say_what_goes_on(self) -> None:
        if not self._launch.groups:  # followed in a Dagster that ends with this command
            return
        name = self._load.spec.name
        for one in self._launched:
            if not one.is_told:
                page = self._webserver.page_of_backfill(one.backfill_id)
                self._say(f"Backfill {one.backfill_id} continues in Dagster: {page}")
        if not all(one.is_told for one in self._launched):
            self._say(f"Follow it with: dc-assets status {name} --watch")
            self._say(f"Stop it with: dc-assets stop {name}")

    def _say_not_launched(self) -> None:
        left = [key for keys in self._waiting for key in keys]
        if left and self._launched:
            self._say(f"Not launched: {', '.join(left)}. Launch them with:", style="yellow")
            self._say(f"  {self._launch.again} --partitions {','.join(left)}")

    def _say(self, line: str, style: str | None = None) -> None:
        self._load.console.print(line, style=style, soft_wrap=True)


def _is_of(error: str, *kinds: type[DcError]) -> bool:
    """Tell whether the name of an error is one of some kinds."""
    named: object = getattr(errors, error, None) if error else None
    return isinstance(named, type) and issubclass(named, kinds)
