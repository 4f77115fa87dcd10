"""Why a failed Dagster run failed, in the parts of it that are ours."""

from collections.abc import Sequence
from typing import NamedTuple

import dagster as dg

from dc_assets.core.events import EventKind
from dc_assets.orchestration.failures import KIND
from dc_assets.orchestration.our_runs import Content, Part, events_of

KINDS: dict[str, EventKind] = {"breaker": "breaker", "budget": "budget"}
"""What a step may say of its failure; everything else is `failed`."""


class Failure(NamedTuple):
    """Why a run failed, and which notification people get of it."""

    kind: EventKind
    sentence: str


STEP_EVENTS = {
    dg.DagsterEventType.STEP_START,
    dg.DagsterEventType.STEP_SUCCESS,
    dg.DagsterEventType.STEP_FAILURE,
}


def failures_of(
    instance: dg.DagsterInstance, run_id: str, content: Content
) -> Sequence[tuple[Part, Failure]]:
    """Return why a failed run failed in each part of it that is ours.

    A step of others that failed is their matter. If none of ours did, but one was never ended, the
    process died: that is told once, for the first such part.
    """
    events = events_of(instance, run_id, STEP_EVENTS)
    failed = _of_type(events, dg.DagsterEventType.STEP_FAILURE)
    firsts = [(part, _first(failed, part.steps)) for part in content.parts]
    ours = [(part, _failure_of_step(event)) for part, event in firsts if event is not None]
    if ours:
        return ours
    done = _keys_of(_of_type(events, dg.DagsterEventType.STEP_SUCCESS))
    begun = _keys_of(events) - done - _keys_of(failed)
    broken_off = [part for part in content.parts if part.steps & begun]
    if not failed:
        broken_off += [part for part in content.parts if not part.steps <= done]
    return [(part, _failure_of_run(instance, run_id)) for part in broken_off[:1]]


def _of_type(events: Sequence[dg.DagsterEvent], kind: dg.DagsterEventType) -> list[dg.DagsterEvent]:
    return [event for event in events if event.event_type is kind]


def _keys_of(events: Sequence[dg.DagsterEvent]) -> set[str]:
    return {event.step_key for event in events if event.step_key}


def _first(failed: Sequence[dg.DagsterEvent], steps: frozenset[str]) -> dg.DagsterEvent | None:
    return next((event for event in failed if event.step_key in steps), None)


def _failure_of_step(event: dg.DagsterEvent) -> Failure:
    """Return our own sentence if the step said one.

    The text of an error that is none of ours stays in Dagster: it may quote values of rows.
    """
    said = event.step_failure_data.user_failure_data
    if said is not None and said.description:
        told = said.metadata[KIND].value if KIND in said.metadata else None
        return Failure(KINDS.get(str(told), "failed"), said.description)
    error = event.step_failure_data.error
    name = (error.cause or error).cls_name if error else None
    return Failure(
        "failed", f"An error that is none of ours ended the run: {name}. Its page shows it."
    )


def _failure_of_run(instance: dg.DagsterInstance, run_id: str) -> Failure:
    """Return what a run says of its failure; one that never began was kept from it by the engine.

    The run itself then says only that it was marked as failed.
    """
    begun = events_of(instance, run_id, dg.DagsterEventType.RUN_START)
    engine = [] if begun else events_of(instance, run_id, dg.DagsterEventType.ENGINE_EVENT)
    errors = [event.engine_event_data.error for event in engine]
    said = [error.message for error in errors if error is not None]
    failed = events_of(instance, run_id, dg.DagsterEventType.RUN_FAILURE)
    said += [event.message for event in failed if event.message]
    text = " ".join(said[0].split()) if said else "The run failed, and Dagster does not say why."
    return Failure("failed", text)
