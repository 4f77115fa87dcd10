"""The list of what Hyper knows is what the engine says today."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dc_assets.emulator.engines.hyper.list import Form, hyper_list
from dc_assets_tests.hyper.engine import Hyper
from dc_assets_tests.hyper.probe import Probe, call_of, fill


def called() -> Iterator[tuple[str, Form]]:
    """Yield each line of the list as a call with places for its arguments."""
    known = hyper_list()
    for listed in (known.functions, known.unlike):
        for name, forms in listed.items():
            yield from ((call_of(name, len(form.places)), form) for form in forms)
    for sign, forms in known.operators.items():
        yield from ((f"{{}} {sign} {{}}", form) for form in forms)
    for form in (*known.casts, *known.casts_unlike):
        yield f"CAST({{}} AS {form.result})", form


@pytest.mark.hyper
def test_each_line_of_the_list_is_what_the_engine_says(hyper: Hyper) -> None:
    """One form of each line, with the type of its value; a new engine may say otherwise."""
    fill(hyper)
    probe = Probe(hyper)
    said = {
        (call, kinds := tuple(min(place) for place in form.places), form.result): probe.accepted(
            call, kinds
        )
        for call, form in called()
    }
    assert len(said) > 500
    assert {line: kind for line, kind in said.items() if kind != line[2]} == {}
