"""A broken spec beside a good one: the good one is served, and the broken one is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from dc_assets_tests.cli.in_process import run_here
from dc_assets_tests.fakes.specs import content


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, str]:
    """Two specs, of which the first is broken in its third line, and no ledger yet."""
    loads = tmp_path / "loads"
    loads.mkdir()
    (loads / "apples.yaml").write_text("name: apples\nsource: [\n", encoding="utf-8")
    (loads / "things.yaml").write_text(yaml.safe_dump(content()), encoding="utf-8")
    return {"DC_ASSETS_LOADS": str(loads), "DC_ASSETS_DATA": str(tmp_path), "COLUMNS": "80"}


def test_status_of_a_good_load_names_the_broken_spec(settings: dict[str, str]) -> None:
    """With file and line, for people and for machines."""
    where = f"{settings['DC_ASSETS_LOADS']}/apples.yaml, line 3: "
    assert f"Not loaded: {where}" in run_here(settings, "status", "things").out
    [sentence] = json.loads(run_here(settings, "status", "things", "--json").out)["broken_specs"]
    assert sentence.startswith(where)


@pytest.mark.parametrize("arguments", [["status"], ["status", "apples"]])
def test_who_asks_for_the_broken_load_is_told_why(
    settings: dict[str, str], arguments: list[str]
) -> None:
    """By its name, or by none: then nobody guesses that the good one is meant."""
    done = run_here(settings, *arguments)
    assert done.code == 2
    assert "apples.yaml, line 3: " in done.err
    assert "things" in done.err
