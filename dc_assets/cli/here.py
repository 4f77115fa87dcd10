"""Loads partitions one after another in this process."""

from __future__ import annotations

import threading
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress

from dc_assets.cli.noted import noted_on_stderr
from dc_assets.cli.progress import Progress
from dc_assets.cli.proof import WatchedLoad
from dc_assets.core.errors import DcError, RowsPending
from dc_assets.core.spec import LoadSpec
from dc_assets.core.verdicts import CheckOutcome
from dc_assets.ledger.owners import run_id_of
from dc_assets.load.store import LoadRequest, Mode
from dc_assets.wiring.connect import OpenLoad, open_load
from dc_assets.wiring.sign_in import login_from_environment

LOOK_EVERY_S = 1.0
END_WITHIN_S = 5.0


def load_here(
    load: WatchedLoad, spec: LoadSpec, request: LoadRequest, mode: Mode
) -> Sequence[CheckOutcome]:
    """Load the partitions one after another, then check them.

    One with pending rows does not keep the others from trying. Rows that wait for parents of a
    partition behind theirs are sent when all have had their turn.
    """
    outcomes: list[CheckOutcome] = []
    login = login_from_environment()
    note, run_id = noted_on_stderr(), run_id_of("local")
    with (
        followed(load),
        open_load(spec, login, run_id=run_id, note=note, mode=mode) as opened,
    ):
        pending: dict[str, str] = {}
        for key in load.keys:
            if (reason := _pending_after(opened, key, request)) is not None:
                pending[key] = reason
        left = _loaded_again(opened, pending, request) if len(load.keys) > 1 else pending
        for key in load.keys:  # afterwards: a target that must be read whole is read once
            outcomes += opened.checked(key)
    for reason in left.values():
        load.console.print(reason, style="red")
    return outcomes


def _pending_after(opened: OpenLoad, key: str, request: LoadRequest) -> str | None:
    """Load a partition; return why rows of it are pending, if some are."""
    try:
        opened.load(key, request)
    except RowsPending as error:
        return str(error)
    return None


def _loaded_again(
    opened: OpenLoad, pending: Mapping[str, str], request: LoadRequest
) -> Mapping[str, str]:
    """Load partitions again until none has pending rows, or a turn of all changes nothing."""
    left, before = dict(pending), dict[str, str]()
    while left and left != before:
        before = left
        again = {key: _pending_after(opened, key, request) for key in before}
        left = {key: reason for key, reason in again.items() if reason is not None}
    return left


@contextmanager
def followed(load: WatchedLoad) -> Generator[None]:
    """Show progress from a thread of its own while the block runs."""
    stop = threading.Event()
    with Progress(load.console, load.keys, load.views).shown() as progress:

        def follow() -> None:
            while not stop.wait(LOOK_EVERY_S):
                with suppress(DcError):  # whoever loads says why the ledger does not answer
                    progress.update(load.views.states.of_spec())

        thread = threading.Thread(target=follow, name="progress", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(END_WITHIN_S)
