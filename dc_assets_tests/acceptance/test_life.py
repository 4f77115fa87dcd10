"""A load whose rows are all sent: killed in its checks, given again, named again."""

from __future__ import annotations

import pytest

from dc_assets_tests.acceptance.services import running_daemon, running_webserver
from dc_assets_tests.acceptance.stage import Stage, StageMaker, wait_until
from dc_assets_tests.acceptance.test_backfill import ASSET, kill_worker

pytestmark = pytest.mark.acceptance


def phases(stage: Stage) -> list[str]:
    """Return the phase of each partition in each load, in the order of their keys."""
    query = "SELECT phase FROM range_state ORDER BY partition_key, load_id"
    return [phase for (phase,) in stage.ask_ledger(query)]


def load_states(stage: Stage) -> list[str]:
    """Return the state of each load."""
    return [state for (state,) in stage.ask_ledger("SELECT state FROM load ORDER BY opened_at")]


def kill_in_the_checks(stage: Stage, kind: str) -> None:
    """Kill a local run while the org holds the first call of a kind that its checks make."""
    stage.org.tell("hold", kind="results", when="before")
    with stage.started("run", "--local") as process:
        wait_until(lambda: stage.org.waiting("results"), "results are held")
        stage.org.tell("hold", kind=kind, when="before")
        stage.org.tell("release", kind="results")
        wait_until(lambda: stage.org.waiting(kind), f"the checks make a {kind} call")
        assert phases(stage) == ["sent"]
        process.kill()
        process.wait()
    stage.org.tell("release")


@pytest.mark.parametrize(
    "kind",
    [
        "soql",
        *(pytest.param(one, marks=pytest.mark.hunt) for one in ("data_cloud_query", "bulk_query")),
    ],
)
def test_a_run_killed_in_its_checks_only_asks_them_again(stage_of: StageMaker, kind: str) -> None:
    """The same command opens no job, ends the load, and says what would send rows."""
    stage = stage_of(rows=120, partitions=1)
    kill_in_the_checks(stage, kind)
    jobs = stage.org.calls("create")
    again = stage.run("run", "--local")
    assert again.code == 0, again.out + again.err
    assert "Nothing is sent again" in again.out
    assert stage.org.calls("create") == jobs
    assert stage.org.keys_of_two_jobs() == {}
    assert (phases(stage), load_states(stage)) == (["checked"], ["done"])


def test_a_complete_load_is_sent_again_only_when_somebody_says_so(stage_of: StageMaker) -> None:
    """A run of all asks the checks; a name or --new-load begins a load, which ends."""
    stage = stage_of(rows=60, partitions=2)
    assert stage.run("run", "--local").code == 0
    jobs = stage.org.calls("create")
    again = stage.run("run", "--local")
    assert again.code == 0
    assert "--changed, --missing, --new-load" in again.out
    assert stage.org.calls("create") == jobs
    named = stage.run("run", "--local", "--partitions", "r1-02")
    assert named.code == 0
    assert "A new load of it begins" in named.out
    assert len(stage.org.keys_of_two_jobs()) == 30
    assert stage.run("run", "--local", "--new-load").code == 0
    assert len(stage.org.keys_of_two_jobs()) == 60
    assert load_states(stage) == ["done"] * 3


@pytest.mark.hunt
@pytest.mark.timeout(200)
def test_a_worker_killed_after_its_last_row_is_retried_for_its_checks(stage_of: StageMaker) -> None:
    """Dagster starts the run again by itself; it sends nothing, and no load stays open."""
    stage = stage_of(rows=120, partitions=2)
    home = stage.folder / "dagster"
    assert stage.run("home", str(home)).code == 0
    stage.org.tell("hold", kind="results", when="before")
    with running_webserver(stage, home) as webserver:
        backfill_id = webserver.launch(ASSET, stage.keys, {})
        with running_daemon(stage, home):
            wait_until(lambda: stage.org.waiting("results") >= 2, "results are held", within_s=90)
            # a run that opens asks by SOQL which org it is
            wait_until(lambda: "new" not in phases(stage), "both runs are at work", within_s=90)
            stage.org.tell("hold", kind="soql", when="before")
            stage.org.tell("release", kind="results")
            wait_until(lambda: phases(stage) == ["sent"] * 2, "all is sent", within_s=90)
            jobs = stage.org.calls("create")
            kill_worker(stage, home, "r1-02")
            wait_until(
                lambda: len(webserver.backfill(backfill_id).runs) > len(stage.keys),
                "Dagster starts the lost run again",
                within_s=90,
            )
            stage.org.tell("release")
            wait_until(
                lambda: webserver.backfill(backfill_id).is_over(len(stage.keys)),
                "the backfill ends",
                within_s=90,
            )
            runs = webserver.backfill(backfill_id).latest()
    assert {key: run.status for key, run in runs.items()} == dict.fromkeys(stage.keys, "SUCCESS")
    assert stage.org.core_ids() == stage.ids
    assert stage.org.keys_of_two_jobs() == {}
    assert stage.org.calls("create") == jobs
    assert load_states(stage) == ["done"]


def test_other_bounds_under_the_same_scheme_are_told_and_refused(stage_of: StageMaker) -> None:
    """What is there is shown as the old state; a cut under a new scheme keeps the file as it is."""
    stage = stage_of(rows=60, partitions=2)
    assert stage.run("run", "--local").code == 0
    file = stage.folder / "loads" / "opportunities.yaml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("externalOpp0000030", "externalOpp0000040"), encoding="utf-8")
    refused = stage.run("run", "--local")
    assert refused.code == 2
    assert "scheme: 2" in refused.err + refused.out
    assert stage.run("reconcile").code == 2
    assert stage.run("plan").code == 5
    status = stage.run("status")
    assert status.code == 4
    assert "What is shown is of the old bounds" in status.out
    file.write_text("# first\n" + text.replace("scheme: 1", "scheme: 1  # a note"), "utf-8")
    assert stage.run("plan", "--write-ranges", "3").code == 0
    cut = file.read_text(encoding="utf-8")
    assert "# first" in cut
    assert "scheme: 2  # a note" in cut
