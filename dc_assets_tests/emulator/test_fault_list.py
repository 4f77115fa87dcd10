"""The list of faults: what may stand in it, when each of them acts, how it ends."""

from __future__ import annotations

import pytest

from dc_assets.emulator.routes.faulty import AFTER, BEFORE, BY_TEXT, EVENTS
from dc_assets.emulator.stores.fault_kinds import CALL_FAULTS, FAULT_KINDS
from dc_assets.emulator.stores.faults import FaultError, Faults, Hit, parsed
from dc_assets.emulator.stores.storm import one_of_storm
from dc_assets_tests.emulator.driver import Client, JSONDict, rows_csv

POLLS = 4000


def _hits(*entries: JSONDict, calls: int = POLLS) -> list[list[Hit]]:
    faults = Faults()
    faults.replace(parsed(list(entries)))
    return [faults.due("poll", FAULT_KINDS) for _ in range(calls)]


def _numbers(*entries: JSONDict, calls: int = POLLS) -> list[int]:
    hits = _hits(*entries, calls=calls)
    return [number for number, found in enumerate(hits, start=1) if found]


@pytest.mark.parametrize("share", [0.02, 0.2, 0.9])
def test_a_share_is_near_its_value(share: float) -> None:
    """Within three standard deviations, for four seeds."""
    spread = 3 * (share * (1 - share) * POLLS) ** 0.5
    for seed in range(4):
        hit = len(_numbers({"what": "slow", "share": share, "seed": seed}))
        assert abs(hit - share * POLLS) < spread


def test_a_share_repeats_by_its_seed() -> None:
    """The same calls each time; another seed has others."""
    one, same, other = (
        _numbers({"what": "reset", "share": 0.1, "seed": seed}) for seed in (5, 5, 6)
    )
    assert one == same
    assert one != other


def test_two_faults_of_one_seed_decide_on_their_own() -> None:
    """Both at once as often as chance has it: one call in a hundred."""
    entry = {"what": "slow", "share": 0.1, "seed": 1}
    both = sum(len(found) == 2 for found in _hits(entry, entry))
    assert 10 < both < 80


def test_times_count_matching_calls_and_skip_the_first() -> None:
    """Calls three and four, and never again."""
    assert _numbers({"what": "slow", "times": 2, "after": 2}, calls=20) == [3, 4]
    assert _numbers({"what": "slow"}, calls=20) == [1]
    assert _numbers({"what": "slow", "calls": ["create"], "times": 9}, calls=20) == []


def test_every_fault_that_can_be_asked_for_acts() -> None:
    """One that is declared and stands in no table of the way of a call would do nothing."""
    assert set(BEFORE) | set(AFTER) | set(EVENTS) | BY_TEXT | {"storm"} == set(FAULT_KINDS)


def test_a_storm_sends_every_call_fault() -> None:
    """Chosen by the seed; faults of answers with rows befall only calls that have some."""
    storm = {"what": "storm", "share": 1.0}
    results, again, polls = (
        [one_of_storm(hit, kind) for (hit,) in _hits(storm)]
        for kind in ("results", "results", "poll")
    )
    assert [(h.what, h.parameters) for h in results] == [(h.what, h.parameters) for h in again]
    assert {hit.what for hit in results} == set(CALL_FAULTS) - {"storm"}
    assert {hit.what for hit in polls} == {"status", "reset", "slow"}


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"what": "rain"},
        {"what": "slow", "nothing": 1},
        {"what": "slow", "calls": ["nothing"]},
        {"what": "slow", "calls": []},
        {"what": "slow", "calls": ["admin"]},
        {"what": "slow", "share": 2},
        {"what": "slow", "share": True},
        {"what": "slow", "share": 0.5, "times": 1},
        {"what": "slow", "times": 0},
        {"what": "slow", "times": 1.5},
        {"what": "slow", "after": -1},
        {"what": "slow", "seed": "x"},
        {"what": "slow", "seconds": "long"},
        {"what": "slow", "seconds": -1},
        {"what": "status", "status": 200},
        {"what": "status", "body": "xml"},
        {"what": "reset", "when": "never"},
        {"what": "truncate", "honest": 1},
        {"what": "job_failed", "calls": ["poll"]},
        {"what": "lose_batch", "calls": ["data_cloud_query"]},
        {"what": "clock_skew"},
        {"what": "rows_change"},
        {"what": "rows_change", "sql": "SELEC"},
    ],
)
def test_a_wrong_fault_is_refused_and_changes_nothing(client: Client, entry: JSONDict) -> None:
    """400 with one sentence; the list before stays."""
    client.faults({"what": "status", "calls": ["limits"], "times": 5})
    body = {"faults": [{"what": "slow"}, entry]}
    answer = client.admin.post("/faults", json=body)
    assert answer.status_code == 400
    assert answer.json()[0]["message"].endswith(".") or "sql" in answer.json()[0]["message"]
    (left,) = client.admin.get("/faults").json()["faults"]
    assert left["what"] == "status"


@pytest.mark.parametrize("body", [{}, {"faults": {}}, {"faults": ["slow"]}])
def test_the_list_is_a_list_of_objects(client: Client, body: JSONDict) -> None:
    """Anything else is refused."""
    assert client.admin.post("/faults", json=body).status_code == 400
    with pytest.raises(FaultError):
        parsed(body.get("faults"))


def test_faults_are_shown_with_their_counts(client: Client) -> None:
    """What was asked, what it looked at, how often it acted."""
    client.faults({"what": "status", "calls": ["limits"], "after": 1, "times": 2})
    statuses = [client.org.get("/limits").status_code for _ in range(5)]
    assert statuses == [200, 503, 503, 200, 200]
    (fault,) = client.admin.get("/faults").json()["faults"]
    assert (fault["seen"], fault["fired"]) == (5, 2)
    assert (fault["calls"], fault["times"], fault["after"]) == (["limits"], 2, 1)
    assert (fault["status"], fault["body"], fault["acted"]) == (503, "json", False)


def test_an_empty_list_brings_plain_behaviour_back(client: Client) -> None:
    """And so does a reset."""
    fault = {"what": "status", "calls": "*", "share": 1.0}
    client.faults(fault)
    assert client.org.get("/limits").status_code == 503
    client.faults()
    assert client.org.get("/limits").status_code == 200
    client.faults(fault)
    client.admin.post("/reset")
    client.log_in()
    assert client.org.get("/limits").status_code == 200
    assert client.admin.get("/faults").json() == {"faults": []}


def test_a_storm_rages_over_real_calls(client: Client) -> None:
    """Near its share, on the same calls for the same seed."""
    found: list[list[int]] = []
    for _ in range(2):
        client.faults({"what": "storm", "seed": 7, "share": 0.3, "calls": ["limits"]})
        outcomes: list[int] = []
        for _ in range(60):
            try:
                outcomes.append(client.org.get("/limits").status_code)
            except Exception as error:  # noqa: BLE001  whichever way the connection broke
                assert "reset" in str(error).lower()  # noqa: PT017
                outcomes.append(0)
        found.append(outcomes)
        assert 8 <= client.fired() <= 30
    assert found[0] == found[1]
    assert len(set(found[0])) > 3
    client.faults()
    assert client.load(rows_csv(2))["numberRecordsProcessed"] == 2
