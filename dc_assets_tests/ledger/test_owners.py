"""Whether the process that holds a partition is gone is told only where it can be known."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import pytest

from dc_assets.ledger.owners import Owner, current_owner

HERE = current_owner("run")


def test_a_process_that_lives_is_not_dead() -> None:
    """This one."""
    assert not HERE.is_known_dead()


def test_a_process_that_has_ended_is_dead() -> None:
    """Its id is nobody's, or somebody else's who started later."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    assert replace(HERE, pid=process.pid).is_known_dead()
    assert replace(HERE, started="1").is_known_dead()


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"host": "another-host"},
        {"machine": "another-machine"},
        {"boot": "another-boot"},
        {"processes": "pid:[1]"},
        {"processes": ""},
        {"boot": ""},
        {"started": ""},
    ],
    ids=str,
)
def test_what_is_elsewhere_or_unknown_is_left_to_its_lease(elsewhere: dict[str, str]) -> None:
    """A container of the same name, a clone, a boot before: its ids mean nothing here."""
    gone = replace(HERE, pid=2**22 + 1, started="1")
    assert gone.is_known_dead()
    assert not replace(gone, **elsewhere).is_known_dead()  # type: ignore[arg-type]


def test_an_owner_of_an_older_program_is_left_to_its_lease() -> None:
    """It did not say among which processes its id counts."""
    told = (
        f'{{"host": "{HERE.host}", "boot": "{HERE.boot}", "pid": 1, "started": "1", "run_id": ""}}'
    )
    assert not Owner.from_text(told).is_known_dead()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes a PID namespace here")
def test_a_container_of_the_same_name_knows_nothing_of_our_processes() -> None:
    """Another PID namespace on the same host: there, our process id is nobody's."""
    asks = (
        "import sys; from dc_assets.ledger.owners import Owner; "
        "print(Owner.from_text(sys.argv[1]).is_known_dead())"
    )
    command = ["/usr/bin/unshare", "--pid", "--fork", "--mount-proc"]
    done = subprocess.run(
        [*command, sys.executable, "-c", asks, HERE.as_text()],
        capture_output=True,
        text=True,
        check=False,
    )
    if "unshare failed" in done.stderr:
        pytest.skip(f"this machine makes no PID namespace: {done.stderr.strip()}")
    assert done.stdout.strip() == "False", done.stderr
