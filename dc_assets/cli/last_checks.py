"""What `dc-assets status` prints of the checks: the latest results, beside the loads since."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dc_assets.cli.console import Console
from dc_assets.core.attention import Proof, Standing, proof_of
from dc_assets.core.spec import LoadSpec
from dc_assets.load.reconcile import check_descriptions


def check_states_of(spec: LoadSpec, standings: Sequence[Standing]) -> Mapping[str, Proof]:
    """Return what the checks say of each partition that was ever loaded."""
    needed = list(check_descriptions(spec))
    return {
        standing.partition_key: proof_of(standing, needed)
        for standing in standings
        if standing.newest is not None
    }


def print_last_checks(console: Console, spec: LoadSpec, standings: Sequence[Standing]) -> None:
    """Print what the checks last said of each partition, and what finishes the load."""
    check_results = check_states_of(spec, standings)
    if check_results:
        console.print()
    whole = [key for key, proof in check_results.items() if proof.is_whole]
    if whole:
        _say(console, f"Proved by all checks: {', '.join(whole)}")
    for key, proof in check_results.items():
        _print_proof(console, key, proof)
    if any(
        proof.failed or (proof.is_done and not proof.is_whole) for proof in check_results.values()
    ):
        _say(
            console,
            f"Load again what needs attention: dc-assets run {spec.name} --failed-only",
        )
    _print_unfinished(console, spec, standings)


def _print_proof(console: Console, key: str, proof: Proof) -> None:
    for outcome in proof.failed:
        is_old = not proof.is_done or outcome.check in proof.not_since
        before = " (before its newest load)" if is_old else ""
        _say(console, f"{key}: {outcome.check} failed{before}: {outcome.summary}", "bold red")
        if outcome.repair:
            _say(console, f"  repair: {outcome.repair}")
    if proof.is_done and proof.not_since:
        checks = ", ".join(proof.not_since)
        _say(console, f"{key}: not checked since its newest load: {checks}", "yellow")
    if proof.is_done and proof.never:
        _say(console, f"{key}: never checked: {', '.join(proof.never)}", "yellow")


def _print_unfinished(console: Console, spec: LoadSpec, standings: Sequence[Standing]) -> None:
    """Name partitions that an unfinished load has yet to begin, though an earlier one has them."""
    waiting = [s for s in standings if s.unfinished and s.phase_there is None and s.newest]
    if waiting:
        keys = ", ".join(standing.partition_key for standing in waiting)
        _say(
            console,
            f"Load {waiting[0].unfinished[:8]} is unfinished: {keys} not begun in it. "
            f"Resume with: dc-assets run {spec.name}",
            "yellow",
        )


def checks_for_machines(
    spec: LoadSpec, standings: Sequence[Standing]
) -> Mapping[str, Mapping[str, object]]:
    """Return by partition what `print_last_checks` prints."""
    words = {standing.partition_key: standing.words for standing in standings}
    return {
        key: {
            "proved": proof.is_whole,
            "failed": [
                {
                    "check": outcome.check,
                    "summary": outcome.summary,
                    "unexplained": outcome.unexplained,
                    "repair": outcome.repair,
                    "evidence": outcome.evidence,
                    "checked_at": words[key][outcome.check].checked_at,
                }
                for outcome in proof.failed
            ],
            "not_checked_since_newest_load": list(proof.not_since),
            "never_checked": list(proof.never),
        }
        for key, proof in check_states_of(spec, standings).items()
    }


def _say(console: Console, line: str, style: str | None = None) -> None:
    console.print(line, style=style, soft_wrap=True)
