"""`dc-assets run --failed-only`: loads what needs attention, in the mode each needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from dc_assets.cli.backfill import Loaded
from dc_assets.cli.console import Console
from dc_assets.core.attention import NeedsAttention, needs_attention
from dc_assets.core.checks import check_descriptions
from dc_assets.core.exit_codes import ExitCode
from dc_assets.core.spec import LoadSpec
from dc_assets.core.verdicts import CheckOutcome
from dc_assets.load.store import Mode
from dc_assets.views.load_states import LoadStates

REASON_CHARS_MAX = 200

MODES: tuple[Mode, ...] = ("full", "replay", "missing", "changed")
"""The order in which modes fix: what was begun is ended before both sides are compared."""

BEGINNING: tuple[Mode, ...] = MODES[1:]
"""Those that begin a load; what is begun is ended in mode full."""


class LoadThem(Protocol):
    """Loads partitions, here or through Dagster."""

    def __call__(self, keys: Sequence[str], mode: Mode, *, is_new: bool) -> Loaded:
        """Load some partitions in a mode."""
        ...


def failed_partitions(
    states: LoadStates, spec: LoadSpec, keys: Sequence[str]
) -> Sequence[NeedsAttention]:
    """Return those of some partitions that need attention, with reasons."""
    needed, state = list(check_descriptions(spec)), states.of_spec()
    judged = [needs_attention(state, key, needed) for key in keys]
    return [one for one in judged if one is not None]


def print_failed(console: Console, failed: Sequence[NeedsAttention]) -> None:
    """Print why each partition is loaded again, or left alone."""
    for one in failed:
        for reason in one.reasons:
            said = reason if len(reason) <= REASON_CHARS_MAX else f"{reason[:REASON_CHARS_MAX]} …"
            left_alone = "" if one.mode else "; it is left alone"
            console.print(
                f"{one.partition_key}: {said}{left_alone}",
                soft_wrap=True,
            )


def nothing_failed(console: Console, left_alone: Sequence[NeedsAttention]) -> ExitCode:
    """Say that nothing is launched; a partition that is being loaded still needs attention."""
    if left_alone:
        console.print("Nothing else failed, so nothing was launched.")
        return ExitCode.UNEXPLAINED
    console.print("Nothing failed: every partition is done, and its checks agree.")
    return ExitCode.PROVED


def mode_to_ask_of(failed: Sequence[NeedsAttention]) -> Mode:
    """Return the mode of a load that begins, if one does: what is resumed was asked before."""
    needed = {one.mode for one in failed}
    begins: list[Mode] = [mode for mode in BEGINNING if mode in needed]
    return begins[0] if begins else "full"


def mend(
    look: Callable[[], Sequence[NeedsAttention]], load_them: LoadThem, chosen: Sequence[str]
) -> Loaded:
    """Load the chosen partitions, mode after mode, asking before each what they still need.

    A partition takes part once in a mode at most, so this ends. A run that was stopped on purpose
    ends it at once.
    """
    outcomes: dict[tuple[str, str], CheckOutcome] = {}
    for mode in MODES:
        due = [one for one in look() if one.mode == mode and one.partition_key in chosen]
        if not due:
            continue
        loaded = load_them([one.partition_key for one in due], mode, is_new=not due[0].resume)
        outcomes |= {(o.partition_key, o.check): o for o in loaded.outcomes}
        if loaded.stopped:
            return Loaded(list(outcomes.values()), stopped=True)
    return Loaded(list(outcomes.values()))
