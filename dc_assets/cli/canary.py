"""`dc-assets run --canary`: growing samples, each with a bar, before the rest is sent.

What a canary is and why it runs in this process: `docs/adr/0027-a-canary-is-a-prefix.md`.
"""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import click

from dc_assets.cli.connections import FOLLOWS_S, open_ledger
from dc_assets.cli.console import Console
from dc_assets.cli.noted import noted_on_stderr
from dc_assets.cli.proof import WatchedLoad, numbers_table, print_checks
from dc_assets.cli.refused import print_alike
from dc_assets.cli.stop import take_back_order
from dc_assets.core.canary import SampleFigures, Stage, parse_stages, why_below
from dc_assets.core.durations import duration
from dc_assets.core.errors import RunStopped, StoppedByOperator
from dc_assets.core.exit_codes import ExitCode
from dc_assets.core.spec import LoadSpec
from dc_assets.ledger.owners import run_id_of
from dc_assets.ledger.stop_orders import StopOrders
from dc_assets.load.canary import Canary, SampledPartition, sample_ranges, sizes_of
from dc_assets.load.store import LoadRequest
from dc_assets.views.partitions import LedgerViews, Refusal
from dc_assets.wiring.connect import open_load
from dc_assets.wiring.sign_in import login_from_environment

_SHAPING = ("partitions", "batch_rows_max", "window", "production", "snapshot")
"""Options of `run` that a canary takes too."""

Followed = Callable[[WatchedLoad], AbstractContextManager[None]]
"""Shows the progress of a load while a block runs."""


def stages_alone(text: str, others: Mapping[str, object]) -> tuple[Stage, ...]:
    """Return the stages of a canary; options that mean another way to load are refused beside it.

    Raises:
        ConfigError: the text names no ascending stages.
        UsageError: one of the other options was given.
    """
    given = [option for option, value in others.items() if value]
    if given:
        raise click.UsageError(f"--canary sends samples of a full load: leave {given[0]} out.")
    return parse_stages(text)


def run_canary(
    spec: LoadSpec,
    keys: Sequence[str],
    stages: Sequence[Stage],
    followed: Followed,
    request: LoadRequest,
) -> ExitCode:
    """Send the samples one after another, until one is under its bar; print what came of them.

    Raises:
        RunStopped: breaker, budget or operator; the sentence names the stage.
    """
    console, run_id = Console(), run_id_of("canary")
    login = login_from_environment()
    with open_ledger(bears_s=FOLLOWS_S) as database:
        take_back_order(console, StopOrders(database, spec.name), spec.name)
        load = WatchedLoad(spec, keys, LedgerViews(database, spec.name), console)
        with open_load(spec, login, run_id=run_id, note=noted_on_stderr(), mode="canary") as opened:
            canary = opened.canary(request)
            code = _Samples(load, stages, canary, followed).sent_until_the_end()
            opened.loads.give_up_loads()  # its last stage is not left unfinished
            return code


@dataclass(frozen=True, slots=True)
class _Samples:
    """One canary on its way."""

    load: WatchedLoad
    stages: Sequence[Stage]
    canary: Canary
    followed: Followed

    def sent_until_the_end(self) -> ExitCode:
        spec, source = self.load.spec, self.canary.ports.source
        sizes, parts = dict[str, int](), list[SampledPartition]()
        for number, stage in enumerate(self.stages, start=1):
            sizes = sizes_of(spec, source, self.load.keys)
            ranges = sample_ranges(spec, source, stage.rows, sizes)
            title = f"Stage {number} of {len(self.stages)}"
            with _named(title, self), self.followed(self.load):
                parts = self.canary.stage(ranges)
            reasons = why_below(stage, figures_of(parts), failed_checks_of(parts))
            self._say(f"{title}: {reached(stage, figures_of(parts))}")
            if reasons:
                return self._below(title, parts, reasons)
            if stage.rows >= sum(sizes.values()):
                rest = ": the stages after it are left out" * (number < len(self.stages))
                self._say(f"{title} was the whole source{rest}.")
                break
        return self._well(parts, sum(sizes.values()))

    @property
    def command(self) -> str:
        """The command that was given, to give it again."""
        return _command_with(self.load.spec, "canary", *_SHAPING)

    def _below(
        self, title: str, parts: Sequence[SampledPartition], reasons: Sequence[str]
    ) -> ExitCode:
        name = self.load.spec.name
        for reason in reasons:
            self._say(f"{title} is under its bar: {reason}.", style="bold red")
        self._say("Nothing more is sent; the stages after it were not begun.")
        print_sample(self.load, parts)
        self._say("\nWhat to do:")
        if figures_of(parts).refused:
            self._say(f"  The refused rows and their reasons: dc-assets replay {name} --list")
        if failed_checks_of(parts):
            self._say(
                "  Rows that landed stay as they are, and a canary does not send them again. To "
                f"begin anew, delete what it created: dc-assets cleanup {name}"
            )
        self._say(f"  Fix the cause, then give the same command again: {self.command}")
        self._say("  It begins with its first stage; rows that landed are not sent again.")
        return ExitCode.STOPPED

    def _well(self, parts: Sequence[SampledPartition], rows: int) -> ExitCode:
        figures, spec = figures_of(parts), self.load.spec
        print_sample(self.load, parts)
        rest = max(0, rows - figures.rows)
        missing = f"{_command_with(spec, *_SHAPING)} --missing"
        self._say("\nAll stages reached their bars.")
        if not rest:
            self._say(f"Nothing is left to send. To prove each partition: {missing}")
        else:
            self._say(f"The rest: {rest:,} rows. To send them and not the sample again: {missing}")
        if rest and figures.sent:
            self._say(
                "At the speed of the last stage, one partition after another, they take about "
                f"{duration(rest * figures.seconds / figures.sent)}; dc-assets plan {spec.name} "
                "forecasts them from the jobs so far."
            )
        return ExitCode.REFUSED_ROWS if figures.refused else ExitCode.PROVED

    def _say(self, line: str, style: str | None = None) -> None:
        self.load.console.print(line, style=style, soft_wrap=True)


@dataclass(frozen=True, slots=True)
class _named(AbstractContextManager[None]):  # noqa: N801 - reads like a function
    """Puts the stage before the reason of a stop, and the canary's command into it."""

    title: str
    samples: _Samples

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        command = self.samples.command
        if isinstance(error, StoppedByOperator):
            reason = f"an operator stopped it. To resume: {command}"
            raise StoppedByOperator(f"{self.title}: {reason}") from error
        if isinstance(error, RunStopped):
            plain = f"dc-assets run {self.samples.load.spec.name}"
            raise type(error)(f"{self.title}: {str(error).replace(plain, command)}") from error


def _command_with(spec: LoadSpec, *parameters: str) -> str:
    """Return the command with those of some options that it was given."""
    given = click.get_current_context().params
    words = ["dc-assets run", spec.name]
    for one in parameters:
        if given[one] is not None and given[one] is not False:
            words.append(f"--{one.replace('_', '-')}")
            words += [] if given[one] is True else [shlex.quote(str(given[one]))]
    return " ".join(words)


def figures_of(parts: Sequence[SampledPartition]) -> SampleFigures:
    """Add up the figures of all partitions of a sample."""
    return sum((part.figures for part in parts), SampleFigures())


def failed_checks_of(parts: Sequence[SampledPartition]) -> list[str]:
    """Return the names of the checks that found unexplained rows, once for each partition."""
    return [name for part in parts for name in part.failed_checks]


def reached(stage: Stage, figures: SampleFigures) -> str:
    """Say in one line what a stage reached."""
    line = (
        f"{figures.landed:,} of {figures.rows:,} rows landed ({figures.share}, bar {stage.bar}), "
        f"{figures.refused:,} refused"
    )
    if not figures.sent:
        return f"{line}; none was sent, all had an outcome before"
    speed = figures.sent / max(figures.seconds, 0.001)
    return f"{line}; {figures.sent:,} sent in {duration(figures.seconds)}, {speed:,.0f} rows/s"


def print_sample(load: WatchedLoad, parts: Sequence[SampledPartition]) -> None:
    """Print the proof of a sample: rows of each partition, checks, refused rows."""
    console = load.console
    table = numbers_table("sample of", "rows", "landed", "refused", "sent now")
    for part in parts:
        one = part.figures
        numbers = (one.rows, one.landed, one.refused, one.sent)
        table.add_row(part.partition_key, *(f"{number:,}" for number in numbers))
    console.print()
    console.print(table)
    console.print()
    outcomes = [outcome for part in parts for outcome in part.outcomes]
    print_checks(console, list(dict.fromkeys(o.partition_key for o in outcomes)), outcomes)
    _print_refusals(console, load.spec, parts)


def _print_refusals(console: Console, spec: LoadSpec, parts: Sequence[SampledPartition]) -> None:
    """Print the refused rows of a sample by code, and an example of each kind."""
    dead_letters = [
        Refusal(part.partition_key, x.external_id, x.code, x.message, x.fields, x.row_json)
        for part in parts
        for x in part.dead_letters
    ]
    if not dead_letters:
        return
    console.print(f"\nRefused rows: {len(dead_letters):,}")
    for code, rows in Counter(letter.code for letter in dead_letters).most_common():
        console.print(f"  {rows:>9,}  {code}")
    print_alike(console, spec, dead_letters, len(dead_letters))
