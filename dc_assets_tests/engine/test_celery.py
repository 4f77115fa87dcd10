"""Runs that a broker hands to hosts: a host is lost, an order to stop is given, workers lack."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass

import httpx
import polars as pl
import pytest
import yaml

from dc_assets.wiring.dagster_api import FINAL_BACKFILL_STATUSES, Webserver
from dc_assets_tests.acceptance.stage import (
    MANY_CALLS,
    Org,
    Stage,
    running_org,
    short_folder,
    spec_content,
    wait_until,
)
from dc_assets_tests.conformance.postgres import running_postgres
from dc_assets_tests.engine.hosts import Engine, Host, engine_on, running_broker, why_not
from dc_assets_tests.older_org import older_org

pytestmark = [
    pytest.mark.engine,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(bool(why_not()), reason=why_not()),
]

ROWS, PARTITIONS, ACCOUNTS = 20_000, 4, 20
SLOTS = 2
JOB_S = 0.6
PROFILE = {"exclusive_user": True, "window": 8, "batch_rows_max": 500}
"""Small batches that take a moment: a load that is over soon cannot be struck in its midst."""

ENDS_WITHIN_S = 900.0

CLEANUP_SAYS = {
    "upsert": f"{ROWS:,} records of Opportunity would be deleted; nothing was changed.",
    "update": "No record that updated created is left to delete.",
}

FLYING = """
SELECT b.batch_id, r.owner FROM batch b JOIN range_state r
ON r.load_id = b.holder_load AND r.partition_key = b.holder_key AND r.fence = b.holder_fence
WHERE b.state = 'uploaded'"""
SETTLED = """
SELECT b.batch_id, r.owner FROM batch b JOIN range_state r
ON r.load_id = b.load_id AND r.partition_key = b.partition_key WHERE b.state = 'settled'"""

LOADS = "SELECT state FROM load WHERE spec_name = '{name}'"
OWNERS = """
SELECT r.owner FROM range_state r JOIN load l ON l.load_id = r.load_id
WHERE l.spec_name = '{name}'"""
RECEIPTS = """
SELECT r.content FROM receipt r JOIN load l ON l.load_id = r.load_id
WHERE l.spec_name = '{name}'"""


OPERATIONS = {"deleted": "upsert", "kept": "upsert", "updated": "update", "stopped": "upsert"}
"""Of the loads, by their names."""

ROWS_OF = {**dict.fromkeys(OPERATIONS, ROWS), "stopped": 2_000}


@dataclass(frozen=True)
class Scene:
    """Services of one Dagster that know a load for each loss."""

    engine: Engine
    webserver: Webserver

    @property
    def org(self) -> Org:
        """The org that all of them load into, one after another."""
        return self.engine.stage.org


@pytest.fixture(scope="module")
def scene() -> Generator[Scene]:
    """Run services around an org; runs wait until a host takes them."""
    with (
        short_folder() as folder,
        running_postgres() as postgres,
        running_broker(folder) as broker,
        running_org(folder, rows=0, options=MANY_CALLS) as org,
    ):
        stage = Stage.set_up(folder, org, rows=ROWS, partitions=PARTITIONS)
        (stage.folder / "loads" / "opportunities.yaml").unlink()
        for name, operation in OPERATIONS.items():
            content = spec_content(ROWS_OF[name], PARTITIONS)
            content["name"] = name
            content["target"]["operation"] = operation
            content["profile"] = PROFILE
            file = stage.folder / "loads" / f"{name}.yaml"
            file.write_text(yaml.safe_dump(content), encoding="utf-8")
        with engine_on(stage, postgres, broker) as engine:
            yield Scene(engine, engine.start_services())


@pytest.mark.parametrize("name", ["deleted", "kept", "updated"])
def test_another_host_ends_the_same_load(scene: Scene, name: str) -> None:
    """The reaper fails the runs of the dead host, Dagster starts them again; every row lands once.

    Whether its folder is deleted or kept: rows that it had sent are not sent again.
    """
    engine, stage, org = scene.engine, scene.engine.stage, scene.org
    earlier = seeded(stage, name)
    lost, other = (engine.start_host(f"{name}-{one}", slots=SLOTS) for one in "ab")
    backfill_id = scene.webserver.launch(f"{name}_in_core", stage.keys, {})
    kill_in_mid_load(engine, lost)
    if name != "kept":
        shutil.rmtree(lost.folder)
    org.tell("release")

    def is_over() -> bool:
        return scene.webserver.backfill(backfill_id).is_over(PARTITIONS)

    wait_until(is_over, "the backfill is over", within_s=ENDS_WITHIN_S)
    runs = Counter(run.status for run in scene.webserver.backfill(backfill_id).runs)
    assert runs == {"SUCCESS": PARTITIONS, "FAILURE": runs["FAILURE"]}
    assert runs["FAILURE"] > 0
    assert engine.rows(LOADS.format(name=name)) == [("done",)]
    owners = engine.rows(OWNERS.format(name=name))
    assert {json.loads(owner)["host"] for (owner,) in owners} == {other.name}
    assert org.core_ids() == stage.ids
    assert org.keys_of_jobs(earlier + 2) == {}
    assert landed_keys(engine, name) == stage.ids
    done = stage.run("cleanup", name, within_s=ENDS_WITHIN_S)
    assert CLEANUP_SAYS[OPERATIONS[name]] in " ".join(done.out.split()), done.out + done.err
    other.kill()


def test_an_order_to_stop_wins_over_dagsters_retries(scene: Scene) -> None:
    """Under Celery Dagster starts a run again that somebody terminated; that run sends nothing.

    Runs wait in the broker and not at a worker that is at work, and doctor says that they do.
    """
    engine, stage, org = scene.engine, scene.engine.stage, scene.org
    seeded(stage, "stopped")
    assert "No worker takes runs from the queue" in doctor(scene)
    host = engine.start_host("stopped-a", slots=1)
    assert "carry out 1 at once, and the pool lets 5 runs go." in doctor(scene)
    org.tell("hold", kind="poll", when="before")
    backfill_id = scene.webserver.launch("stopped_in_core", stage.keys[:2], {})

    def runs() -> list[str]:
        return sorted(run.status for run in scene.webserver.backfill(backfill_id).runs)

    wait_until(lambda: org.waiting("poll"), "a job is asked for", within_s=ENDS_WITHIN_S)
    wait_until(lambda: runs() == ["STARTED", "STARTING"], "one waits", within_s=ENDS_WITHIN_S)
    wait_until(lambda: engine.waiting_in_broker() == 1, "it waits in the broker")
    assert stage.run("stop", "stopped", within_s=ENDS_WITHIN_S).code == 0
    assert engine.waiting_in_broker() == 1
    made = org.calls("create")
    terminate(scene, backfill_id)
    org.tell("release")
    wait_until(
        lambda: scene.webserver.backfill(backfill_id).status in FINAL_BACKFILL_STATUSES,
        "the backfill is over",
        within_s=ENDS_WITHIN_S,
    )
    assert runs() == ["FAILURE"] * 3
    newest = scene.webserver.backfill(backfill_id).latest().values()
    said = [scene.webserver.failure_of(run.run_id).sentence for run in newest]
    assert all("was stopped by an operator" in sentence for sentence in said), said
    assert org.calls("create") == made
    host.kill()
    again = stage.run("run", "stopped", "--local", within_s=ENDS_WITHIN_S)
    assert again.code == 0, again.out + again.err
    assert org.core_ids() == stage.ids[: ROWS_OF["stopped"]]
    assert org.keys_of_jobs(2) == {}


def doctor(scene: Scene) -> str:
    """Return what doctor says, in one line."""
    settings = {"DC_ASSETS_DAGSTER_URL": scene.webserver.url}
    return " ".join(
        scene.engine.stage.run("doctor", within_s=ENDS_WITHIN_S, **settings).out.split()
    )


def terminate(scene: Scene, backfill_id: str) -> None:
    """Terminate the started run of a backfill, as the UI does."""
    runs = scene.webserver.backfill(backfill_id).runs
    [run_id] = [run.run_id for run in runs if run.status == "STARTED"]
    query = "mutation ($id: String!) { terminateRun(runId: $id) { __typename } }"
    body = {"query": query, "variables": {"id": run_id}}
    answer = httpx.post(f"{scene.webserver.url}/graphql", json=body, timeout=120)
    assert answer.json()["data"]["terminateRun"]["__typename"] == "TerminateRunSuccess"


def seeded(stage: Stage, name: str) -> int:
    """Fill the org anew, and return how many jobs committed each row before the load."""
    stage.org.tell("options", job_delay_s=0)
    stage.org.tell("seed", opportunities=ROWS_OF[name], accounts=ACCOUNTS)
    is_update = OPERATIONS[name] == "update"
    if is_update:
        older_org(stage, ROWS)
    stage.org.tell("options", job_delay_s=JOB_S)
    return int(is_update)


def kill_in_mid_load(engine: Engine, host: Host) -> None:
    """Kill a host that has settled batches, and has others in the org whose end it waits for."""
    org = engine.stage.org
    wait_until(lambda: of_host(engine, SETTLED, host), "it settled some", within_s=ENDS_WITHIN_S)
    org.tell("hold", kind="poll", when="before")
    wait_until(lambda: of_host(engine, FLYING, host), "it has jobs in the org")
    host.kill()


def of_host(engine: Engine, query: str, host: Host) -> list[str]:
    """Return the batches of partitions that a host holds."""
    rows = engine.rows(query)
    return [one for one, owner in rows if owner and json.loads(owner)["host"] == host.name]


def landed_keys(engine: Engine, name: str) -> list[str]:
    """Return the external ids that receipts say landed, in order, each as often as they say it."""
    packed = engine.rows(RECEIPTS.format(name=name))
    rows = pl.concat(pl.read_parquet(bytes(content)) for (content,) in packed)
    return rows.filter(pl.col("outcome") == "landed").get_column("external_id").sort().to_list()
