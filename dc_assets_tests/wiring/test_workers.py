"""What `dc-assets doctor` makes of a Dagster whose runs are carried out by workers of Celery."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from dc_assets.core.examination import State
from dc_assets.wiring.dagster_instance import DagsterInstance, instance_in
from dc_assets.wiring.doctor.workers import seen_of, workers

LAUNCHER = {
    "module": "dagster_celery.launcher",
    "class": "CeleryRunLauncher",
    "config": {"broker": {"env": "NOT_SET_ANYWHERE"}, "default_queue": "ours"},
}


def instance(**told: object) -> DagsterInstance:
    """Return an instance as a webserver tells of it."""
    pool = {"poolGranularity": "run", "defaultPoolLimit": 5}
    said: dict[str, Any] = {"daemonHealth": {"allDaemonStatuses": []}, "poolConfig": pool, **told}
    return instance_in({"instance": said, "workspaceOrError": {}})


def test_the_launcher_is_read_from_what_the_instance_says_of_itself() -> None:
    """Its class and config; variables stay names, and other texts are no launcher."""
    found = instance(info=yaml.safe_dump({"run_launcher": LAUNCHER, "scheduler": "x"}))
    assert found.launcher == "CeleryRunLauncher"
    assert found.launcher_config["broker"] == {"env": "NOT_SET_ANYWHERE"}
    assert [instance(info=text).launcher for text in ("", "a: [", "- 1", "run_launcher: x")] == [
        *("", "", "", "")
    ]


def test_the_limit_is_that_of_the_widest_pool() -> None:
    """A pool may have one of its own; without any limit it is 0."""
    assert instance(concurrencyLimits=[{"limit": 3}, {"limit": None}]).pool_limit == 5
    assert instance(concurrencyLimits=[{"limit": 9}]).pool_limit == 9
    assert instance(poolConfig=None).pool_limit == 0


def test_without_its_variables_nobody_is_asked() -> None:
    """The name of the variable is told; another launcher needs no workers."""
    [seen] = workers(instance(info=yaml.safe_dump({"run_launcher": LAUNCHER})))
    assert seen.state is State.NOT_ASKED
    assert "NOT_SET_ANYWHERE is not set here" in seen.text
    assert list(workers(instance(info="run_launcher: {class: DefaultRunLauncher}"))) == []


def test_the_queue_of_everybody_is_warned_of() -> None:
    """An instance that names none shares it with all others on the broker."""
    launcher = {"class": "CeleryRunLauncher", "config": {"broker": "redis://127.0.0.1:1/0"}}
    seen = next(workers(instance(info=yaml.safe_dump({"run_launcher": launcher}))))
    assert seen.state is State.WARN
    assert "carry out each other's runs" in seen.remedy


@pytest.mark.parametrize(
    ("slots", "state"),
    [
        ({}, State.RED),
        ({"w1@a": 4}, State.WARN),
        ({"w1@a": 2, "w1@b": 3}, State.OK),
        ({"w1@a": 8}, State.OK),
    ],
)
def test_slots_are_held_against_the_pool(slots: dict[str, int], state: State) -> None:
    """Together they carry out what the pool of five lets go, or a run waits too long."""
    seen = seen_of(slots, "ours", pool_limit=5)
    assert seen.state is state
    assert "ours" in seen.text
