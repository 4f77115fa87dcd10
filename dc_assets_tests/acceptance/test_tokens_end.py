"""Sessions and tenant tokens end in the middle of a load: nothing is lost, each is renewed once."""

from __future__ import annotations

from pathlib import Path

import pytest

from dc_assets_tests.acceptance.stage import MANY_CALLS, Org, Stage, running_org, short_folder
from dc_assets_tests.cli.in_process import run_here

pytestmark = pytest.mark.acceptance

ROWS, PARTS = 1_200, 3
CORE_ENDS = (2, 9, 10, 25)
TENANT_ENDS = (1, 4, 7)
"""How many calls of a kind come before one that finds its token ended."""

MANY, MANY_PARTS, LIVES_S = 200_000, 8, 20.0
"""Rows of the long load, and how long each token lives in it."""


def ends(what: str, *after: int) -> list[dict[str, object]]:
    """Return faults that let the tokens of a kind end, once each."""
    return [{"what": what, "after": calls} for calls in after]


def assert_all_landed_once(org: Org, rows: int) -> None:
    """Compare what the org committed with what the source has."""
    assert org.sql("SELECT count(*), count(DISTINCT key) FROM journal_keys") == [[rows, rows]]


def test_each_end_of_a_token_costs_one_sign_in() -> None:
    """Those of the org and of the tenant, found by many threads at once; every row lands once."""
    with short_folder() as folder, running_org(folder, rows=ROWS, options=MANY_CALLS) as org:
        stage = Stage.set_up(folder, org, rows=ROWS, partitions=PARTS)
        org.tell("options", page_rows=200)
        faults = ends("expire_core_token", *CORE_ENDS) + ends("expire_tenant_token", *TENANT_ENDS)
        org.tell("faults", faults=faults)
        before = org.calls("token")
        done = run_here({**stage.environment, "DC_ASSETS_TIME_SCALE": "50"}, "run", "--local")
        assert done.code == 0, done.out + done.err
        assert_all_landed_once(org, ROWS)
        dead = org.ask("calls")["dead_tokens_shown"]
        assert dead == {"core": len(CORE_ENDS), "tenant": len(TENANT_ENDS)}
        assert org.calls("token") - before == 1 + dead["core"]
        assert org.calls("tenant_token") == 1 + dead["tenant"]


@pytest.mark.hunt
@pytest.mark.timeout(900)
def test_tokens_that_live_twenty_seconds_carry_a_long_load(tmp_path: Path) -> None:
    """One sign-in a process and end; the tenant's token is replaced before it ends."""
    with short_folder() as folder, running_org(folder, rows=MANY, options=MANY_CALLS) as org:
        stage = Stage.set_up(folder, org, rows=MANY, partitions=MANY_PARTS)
        org.tell("options", core_token_s=LIVES_S, tenant_token_s=LIVES_S, job_delay_s=4.0)
        org.tell("faults", faults=ends("expire_core_token", 60, 61, 200))
        halves = (stage.keys[: MANY_PARTS // 2], stage.keys[MANY_PARTS // 2 :])
        commands = [("run", "--local", "--partitions", ",".join(keys)) for keys in halves]
        with (
            stage.started(*commands[0], log="first.log") as first,
            stage.started(*commands[1], log="second.log") as second,
        ):
            codes = first.wait(800), second.wait(800)
        logs = [
            (folder / f"{name}.log").read_text(encoding="utf-8") for name in ("first", "second")
        ]
        assert codes == (0, 0), "\n".join(logs)[-3_000:]
        assert_all_landed_once(org, MANY)
        calls = org.ask("calls")
        lasted_s = calls["last_s"]["results"] - calls["first_s"]["token"]
        dead, made = calls["dead_tokens_shown"], calls["calls"]
        counted = {"lasted_s": lasted_s, "dead": dead, "core": made["token"]}
        (tmp_path / "counted").write_text(str({**counted, "tenant": made["tenant_token"]}))
        print(counted, made["tenant_token"])  # noqa: T201 - the figures of the record
        assert lasted_s > 2 * LIVES_S
        assert dead["core"] >= 3
        assert made["token"] == len(codes) + dead["core"]
        assert dead["tenant"] == 0
        assert made["tenant_token"] <= len(codes) * (1 + lasted_s / (LIVES_S * 0.9))
