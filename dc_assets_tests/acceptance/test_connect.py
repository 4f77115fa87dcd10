"""docs/connect.md, followed to the letter against an emulated org that speaks https."""

from __future__ import annotations

import stat
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from dc_assets_tests.acceptance.stage import PROGRAM, environment_of
from dc_assets_tests.acceptance.walkthrough import Reader, Step, placeholders_of, steps_of
from dc_assets_tests.emulator.driver import SECRETS, Emulator, start

pytestmark = [pytest.mark.acceptance, pytest.mark.hunt]

CONNECT = Path(__file__).parents[2] / "docs" / "connect.md"
ORG = ("--opportunities", "5000", "--accounts", "400", "--bad-rows", "5")
BY_SECRET = {"By client credentials", "Settings for client credentials"}
BY_SIGNATURE = {"By JWT", "Settings for JWT"}
ASKING = {"5. Settings", "Settings for JWT", "Look at them", "6. The first spec, and a plan"}
SAID = {
    "dc-assets init opportunities": "Next: dc-assets plan opportunities",
    "dc-assets plan opportunities": "GO, WITH CARE",
    "dc-assets run five --local": "row_count_matches: source 5, target 4: 1 refused, 0 unexplained",
    "dc-assets restore five --confirm": "2 records were written back, 0 were refused.",
    "dc-assets cleanup five --confirm": "4 records of Opportunity are gone.",
    "dc-assets run opportunities --canary": "All stages reached their bars.",
    "dc-assets replay opportunities --list": "1 dead letters",
    "dc-assets cleanup opportunities": "999 records of Opportunity would be deleted",
}
"""What must stand in the output of a command that begins so."""


@contextmanager
def org(folder: Path, *options: str) -> Generator[Emulator]:
    """Run the org that the reader is an administrator of."""
    emulator = start(folder, "--tls", *ORG, *options)
    try:
        yield emulator
    finally:
        emulator.stop()


def reader_in(folder: Path) -> Reader:
    """Return a reader at a new terminal, who has installed the program."""
    environment = environment_of(folder)
    environment["PATH"] = f"{PROGRAM.parent}:{environment['PATH']}"
    return Reader(folder, environment, typed=SECRETS["SF_CLIENT_SECRET"])


def let_in(reader: Reader, emulator: Emulator) -> None:
    """Tell the reader what Setup shows; the machine trusts the authority of the org."""
    ready = emulator.ready
    reader.values = {
        "https://acme--uat.sandbox.my.salesforce.com": ready["base_url"],
        "CONSUMER_KEY": ready["client_id"],
        "loader@acme.com.uat": ready["username"],
        "Opportunity": "Opportunity",
        "ExtOpportunities__dlm": "ExtOpportunities__dlm",
        "AN_ACCOUNT": "acc0000001",
    }
    reader.give(f"export SSL_CERT_FILE={ready['ca_file']}")


def follow(reader: Reader, steps: Sequence[Step]) -> None:
    """Give the commands one after another; each ends as the document says."""
    for step in steps:
        done = reader.give(step.command)
        said = f"{step.command}\n{done.out}{done.err}"
        assert done.code == step.code, said
        assert "Traceback" not in said
        expected = [text for begin, text in SAID.items() if step.command.startswith(begin)]
        assert all(text in done.out for text in expected[-1:]), said


@pytest.mark.timeout(600)
def test_every_command_of_the_guide_ends_as_it_says(folder: Path) -> None:
    """By client credentials, from the first setting to 999 rows landed and one refused."""
    reader = reader_in(folder)
    with org(folder) as emulator:
        let_in(reader, emulator)
        assert set(reader.values) == placeholders_of(CONNECT)
        follow(reader, [step for step in steps_of(CONNECT) if step.heading not in BY_SIGNATURE])
    home = folder / "salesforce"
    assert (home / "client-secret").read_text(encoding="utf-8") == SECRETS["SF_CLIENT_SECRET"]
    assert stat.S_IMODE((home / "client-secret").stat().st_mode) == 0o600
    assert stat.S_IMODE((home / "env.sh").stat().st_mode) == 0o600
    assert stat.S_IMODE((home / "data").stat().st_mode) == 0o700


@pytest.mark.timeout(300)
def test_the_certificate_of_the_guide_signs_in(folder: Path) -> None:
    """By JWT, as far as the plan: the key that openssl made is the key of the app."""
    reader = reader_in(folder)
    steps = [step for step in steps_of(CONNECT) if step.heading not in BY_SECRET]
    follow(reader, [step for step in steps if step.heading == "By JWT"])
    certificate = folder / "salesforce" / "server.crt"
    with org(folder, "--jwt-certificate", str(certificate)) as emulator:
        let_in(reader, emulator)
        follow(reader, [step for step in steps if step.heading in ASKING])
