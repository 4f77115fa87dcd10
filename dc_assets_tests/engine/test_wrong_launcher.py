"""A run launcher that is not there: every run fails, and what is said of it is the cause."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from dc_assets_tests.acceptance.conftest import (
    folder as folder,  # noqa: PLC0414 - a fixture
)
from dc_assets_tests.acceptance.conftest import (
    stage_of as stage_of,  # noqa: PLC0414 - a fixture
)
from dc_assets_tests.acceptance.services import running_daemon, running_webserver
from dc_assets_tests.acceptance.stage import Done, Stage, StageMaker

pytestmark = [
    pytest.mark.engine,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(not find_spec("dagster_celery"), reason="dagster-celery is not installed"),
]

WRONG = "run_launcher: {module: dagster_celery, class: CeleryRunLauncher}\n"
CAUSE = "Couldn't find class CeleryRunLauncher in module"
ENDS_WITHIN_S = 900.0


def said(done: Done) -> str:
    """Return what a command printed, in one line."""
    return " ".join((done.out + done.err).split())


def run(stage: Stage, *arguments: str) -> Done:
    """Run a command, however busy the machine is."""
    return stage.run(*arguments, within_s=ENDS_WITHIN_S)


def test_the_cause_is_told(stage_of: StageMaker) -> None:
    """By the writer of homes, by doctor, and by the command whose runs do not start."""
    stage = stage_of(rows=20)
    home = stage.folder / "dagster"
    assert run(stage, "home", str(home)).code == 0
    with (home / "dagster.yaml").open("a", encoding="utf-8") as file:
        file.write(WRONG)
    refused = run(stage, "home", str(home), "--postgres", "env:PG_URL", "--launcher", "celery")
    assert refused.code == 2
    assert "+ module: dagster_celery.launcher" in said(refused)
    with running_webserver(stage, home) as webserver, running_daemon(stage, home):
        stage.environment["DC_ASSETS_DAGSTER_URL"] = webserver.url
        doctor = run(stage, "doctor")
        loaded = run(stage, "run", "opportunities")
    assert doctor.code == 2
    assert CAUSE in said(doctor)
    assert "shows the right lines" in said(doctor)
    assert loaded.code != 0
    assert CAUSE in said(loaded)
    assert stage.org.core_ids() == []
