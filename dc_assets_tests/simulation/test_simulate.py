"""`python -m benchmarks.simulate` needs no org and no setting."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result

from benchmarks.simulate.__main__ import simulate
from benchmarks.simulate.outcome import KEYS
from benchmarks.simulate.policies import POLICIES

SMALL = ("--rows", "4000", "--accounts", "400")


def called(*arguments: str) -> Result:
    """Call the program in this process, without any setting."""
    settings = ("SF_LOGIN_URL", "SF_CLIENT_ID", "SF_CLIENT_SECRET", "DC_ASSETS_LOADS")
    return CliRunner(env=dict.fromkeys(settings)).invoke(simulate, arguments)


def test_machines_get_a_list_of_runs() -> None:
    """One for each policy and skew, in the order asked for; progress goes to the other channel."""
    done = called(
        *SMALL, *("--policy", "lanes", "--policy", "test3"), *("--skew", "uniform"),
        *("--skew", "hot:0.1"), *("--background", "none"), "--json",
    )  # fmt: skip
    assert done.exit_code == 0
    runs = json.loads(done.stdout)
    assert [(run["policy"], run["skew"]) for run in runs] == [
        ("lanes", "uniform"),
        ("test3", "uniform"),
        ("lanes", "hot:0.1"),
        ("test3", "hot:0.1"),
    ]
    assert {tuple(run) for run in runs} == {KEYS}
    assert "4 of 4: test3, hot:0.1" in done.stderr


def test_a_person_gets_a_table_of_all_policies() -> None:
    """With the bound of the org, and what the model is."""
    done = called(*SMALL)
    assert done.exit_code == 0
    for word in (*POLICIES, "4,000 rows, zipf:1.0", "at least", "not measured"):
        assert word in done.stdout


def test_the_seed_decides() -> None:
    """The same gives the same figures, another others."""
    asked = (*SMALL, "--policy", "test3", "--json", "--seed")
    assert called(*asked, "1").stdout == called(*asked, "1").stdout
    assert called(*asked, "1").stdout != called(*asked, "2").stdout


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (("--skew", "even"), "The skew 'even' cannot be read"),
        (("--policy", "test9"), "test9"),
        (("--background", "loud"), "loud"),
        (("--rows", "0"), "--rows"),
        (("--accounts", "0"), "--accounts"),
        (("--partitions", "0"), "--partitions"),
    ],
)
def test_wrong_input_is_told_in_a_sentence(wrong: tuple[str, ...], says: str) -> None:
    """Exit code 2, and no traceback."""
    done = called(*SMALL, *wrong)
    assert done.exit_code == 2
    assert says in done.stderr
    assert "Traceback" not in done.output


def test_the_help_teaches() -> None:
    """It says what each policy is, gives examples, and names the model as one."""
    done = called("--help")
    assert done.exit_code == 0
    for word in ("test8", "sorted", "Example:", "not measured", "Nothing is sent"):
        assert word in " ".join(done.stdout.split())
