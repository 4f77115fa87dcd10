"""What `dc-assets status` prints of the checks: the latest results, beside the loads since."""

from __future__ import annotations

from collections.abc import Mapping

from dc_assets.cli.console import Console
from dc_assets.core.attention import CheckStanding, proof_of
from dc_assets.core.checks import check_descriptions
from dc_assets.core.load_state import SpecState
from dc_assets.core.phases import Phase
from dc_assets.core.spec import LoadSpec
from dc_assets.core.standing import Verdict, Word, verdict_of

_STYLES = {Word.NOT_PROVED: "bold red", Word.NOT_ASKED: "bold red", Word.COMPLETE: "yellow"}


def check_states_of(spec: LoadSpec, state: SpecState) -> Mapping[str, CheckStanding]:
    """Return what the checks say of each partition that was ever loaded."""
    needed = list(check_descriptions(spec))
    return {key: proof_of(state.newest[key], needed) for key in spec.ranges if key in state.newest}


def print_last_checks(console: Console, spec: LoadSpec, state: SpecState) -> None:
    """Print what the checks last said of each partition, and what finishes the load."""
    check_results = check_states_of(spec, state)
    if check_results:
        console.print()
    print_verdicts(console, verdicts_of(spec, state))
    open_ones = {
        key: proof
        for key, proof in check_results.items()
        if proof.failed or (proof.is_done and not proof.is_whole)
    }
    taken_back = {key: why for key in open_ones if (why := state.newest[key].taken_back)}
    for key, proof in check_results.items():
        _print_proof(console, key, proof, is_taken_back=key in taken_back)
    for key, why in taken_back.items():
        _say(console, f"{key}: {why}", "yellow")
    if taken_back:
        _say(console, f"To bring the source over again: dc-assets run {spec.name} --changed")
    if open_ones.keys() - taken_back.keys():
        _say(
            console,
            f"Load again what needs attention: dc-assets run {spec.name} --failed-only",
        )
    _print_unfinished(console, spec, state)


def verdicts_of(spec: LoadSpec, state: SpecState) -> Mapping[str, Verdict]:
    """Return how each partition stands that was ever loaded."""
    needed = list(check_descriptions(spec))
    known = [key for key in spec.ranges if key in state.newest]
    return {key: verdict_of(state.newest[key], needed) for key in known}


def print_verdicts(console: Console, verdicts: Mapping[str, Verdict]) -> None:
    """Print one line for the partitions that stand alike, the worst first."""
    for word in Word:
        alike: dict[str, list[str]] = {}
        for key, verdict in verdicts.items():
            if verdict.word is word:
                alike.setdefault(verdict.text, []).append(key)
        for text, keys in alike.items():
            _say(console, f"{', '.join(keys)}: {text}", _STYLES.get(word))


def _print_proof(console: Console, key: str, proof: CheckStanding, *, is_taken_back: bool) -> None:
    for outcome in proof.failed:
        is_old = not proof.is_done or outcome.check in proof.not_since
        before = " (before its newest load)" if is_old else ""
        _say(console, f"{key}: {outcome.check} failed{before}: {outcome.summary}", "bold red")
        if outcome.repair:
            _say(console, f"  repair: {outcome.repair}")
    for outcome in proof.not_asked:
        _say(console, f"{key}: {outcome.check} {outcome.summary}", "yellow")
    if proof.not_asked:
        _say(console, f"  ask again: {proof.not_asked[0].repair}")
    if proof.is_done and proof.not_since and not is_taken_back:
        checks = ", ".join(proof.not_since)
        _say(console, f"{key}: not checked since its newest load: {checks}", "yellow")
    if proof.is_done and proof.never and not is_taken_back:
        _say(console, f"{key}: never checked: {', '.join(proof.never)}", "yellow")


def _print_unfinished(console: Console, spec: LoadSpec, state: SpecState) -> None:
    """Name partitions that an unfinished load has yet to begin, though an earlier one has them."""
    waiting: dict[str, list[str]] = {}
    for key, there in state.unfinished.items():
        if there.phase == Phase.NEW and key in spec.ranges:
            waiting.setdefault(there.load_id, []).append(key)
    for load_id, keys in waiting.items():
        _say(
            console,
            f"Load {load_id[:8]} is unfinished: {', '.join(keys)} not begun in it. "
            f"Resume with: dc-assets run {spec.name}",
            "yellow",
        )


def checks_for_machines(spec: LoadSpec, state: SpecState) -> Mapping[str, Mapping[str, object]]:
    """Return by partition what `print_last_checks` prints."""
    verdicts = verdicts_of(spec, state)
    return {
        key: {
            "verdict": verdicts[key].text,
            "proved": verdicts[key].word is Word.PROVED,
            "failed": [
                {
                    "check": outcome.check,
                    "summary": outcome.summary,
                    "unexplained": outcome.unexplained,
                    "repair": outcome.repair,
                    "evidence": outcome.evidence,
                    "checked_at": state.newest[key].checks[outcome.check].checked_at,
                }
                for outcome in proof.failed
            ],
            "not_asked": {outcome.check: outcome.summary for outcome in proof.not_asked},
            "not_checked_since_newest_load": list(proof.not_since),
            "never_checked": list(proof.never),
        }
        for key, proof in check_states_of(spec, state).items()
    }


def _say(console: Console, line: str, style: str | None = None) -> None:
    console.print(line, style=style, soft_wrap=True)
