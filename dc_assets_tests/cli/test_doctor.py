"""`dc-assets doctor`: all green on an org that fits, and one red line for one broken thing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from dc_assets.wiring.doctor.table import EXAMINATIONS
from dc_assets_tests.acceptance.stage import Stage
from dc_assets_tests.cli.in_process import run_here

pytestmark = pytest.mark.acceptance


def seen_by_doctor(settings: Mapping[str, str], *arguments: str) -> dict[str, Any]:
    """Return what it tells machines."""
    done = run_here(settings, "doctor", *arguments, "--json")
    told = json.loads(done.out)
    assert done.code == (0 if told["is_ready"] else 2), done.err
    return told


def states(told: Mapping[str, Any], state: str) -> list[str]:
    """Return the areas that have a line of a state."""
    return [line["area"] for line in told["lines"] if line["state"] == state]


def settings_of(stage: Stage, **changed: str | None) -> dict[str, str]:
    """Return the settings of a stage without a Dagster, some of them changed."""
    settings = {**stage.environment, "DAGSTER_HOME": None, **changed}
    return {name: value for name, value in settings.items() if value is not None}


def test_an_org_that_fits_is_green_in_every_area(stage: Stage) -> None:
    """Nothing is red or warned of, and each examination has a line; nothing was sent."""
    told = seen_by_doctor(settings_of(stage), "opportunities")
    assert [line for line in told["lines"] if line["state"] in {"red", "warn"}] == []
    assert {line["area"] for line in told["lines"]} == {one.area for one in EXAMINATIONS}
    assert stage.org.ask("jobs")["jobs"] == []
    assert not Path(stage.environment["DC_ASSETS_DATA"]).exists()


def test_before_the_first_spec_it_looks_at_all_the_rest(stage: Stage) -> None:
    """A folder that has no spec yet is a warning with the next command, and nothing is red."""
    empty = str(stage.folder / "no specs yet")
    told = seen_by_doctor(settings_of(stage, DC_ASSETS_LOADS=empty))
    assert [line["area"] for line in told["lines"] if line["state"] == "warn"] == ["load specs"]
    assert states(told, "red") == []
    assert "sign-in" in states(told, "ok")
