"""Asks one examination after the other; what waits for a red one is not asked."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

from dc_assets.core.errors import DcError
from dc_assets.core.examination import Line, Seen, State, not_asked, red, refused
from dc_assets.wiring.doctor.subject import Subject
from dc_assets.wiring.doctor.table import EXAMINATIONS, Examination


def examined(subject: Subject, table: Sequence[Examination] = EXAMINATIONS) -> Iterator[Line]:
    """Yield the lines of all examinations, each as soon as it is seen.

    One broken thing is one red line: what cannot work without it is not asked.
    """
    behind: dict[str, str] = {}
    for one in table:
        if one.of_load and subject.load is None:
            continue
        cause = next((behind[need] for need in one.needs if need in behind), None)
        if cause is not None:
            behind[one.area] = cause
            seen = [not_asked(f"Waits for: {cause}.")]
        else:
            seen = seen_within(one, subject)
            if any(entry.state is State.RED for entry in seen):
                behind[one.area] = one.area
        yield from (Line(one.area, s.state, s.text, s.remedy) for s in seen)


def seen_within(one: Examination, subject: Subject) -> Sequence[Seen]:
    """Return what an examination sees in its time; what it asks then goes on unheard."""
    seen: list[Seen] = []
    faults: list[Exception] = []

    def look() -> None:
        try:
            seen.extend(one.examine(subject))
        except DcError as error:
            seen.append(refused(error))
        except Exception as error:  # noqa: BLE001 - raised again where it is heard
            faults.append(error)

    thread = threading.Thread(target=look, name=f"doctor: {one.area}", daemon=True)
    thread.start()
    thread.join(one.limit_s)
    if thread.is_alive():
        return [
            red(
                f"No answer within {one.limit_s:g} s.",
                "Look at the network and at the other end, then ask again.",
            )
        ]
    if faults:
        raise faults[0]
    return seen
