"""Each way to sign in, and what is said when the org or the settings do not let us in."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from dc_assets_tests.acceptance.stage import (
    MANY_CALLS,
    Done,
    Stage,
    running_org,
    short_folder,
    spec_content,
)
from dc_assets_tests.cli.in_process import run_here
from dc_assets_tests.cli.refusals.told import DESCRIBE, error
from dc_assets_tests.emulator.signing import App, new_app
from dc_assets_tests.fakes.between import Planted, standing_between
from dc_assets_tests.fakes.sf_program import FakeSf

pytestmark = pytest.mark.acceptance

ROWS = 6
SIGN_IN = ("SF_LOGIN_URL", "SF_CLIENT_ID", "SF_CLIENT_SECRET")
WRONG = "planted-in-a-secret"


@dataclass
class Gate:
    """An org whose app may sign in by secret and by key, an sf that knows it, and settings."""

    stage: Stage
    app: App
    sf: FakeSf

    def settings(self, way: str) -> dict[str, str]:
        """Return the settings of one way, and no other."""
        ready = self.stage.org.ready
        rest = {k: v for k, v in self.stage.environment.items() if k not in SIGN_IN}
        by_app = {"SF_LOGIN_URL": ready["base_url"], "SF_CLIENT_ID": ready["client_id"]}
        ways = {
            "secret": {**by_app, "SF_CLIENT_SECRET": ready["client_secret"]},
            "jwt": {
                **by_app,
                "SF_USERNAME": ready["username"],
                "SF_PRIVATE_KEY": self.app.key_pem().decode(),
            },
            "sf": {"SF_CLI_ORG": "emu", "PATH": self.sf.path},
        }
        return {**rest, **ways[way]}

    def session(self) -> str:
        """Return the token of a new session, as sf would hold it."""
        with self.stage.org.rest() as client:
            header: str = client.headers["Authorization"]
        return header.removeprefix("Bearer ")

    def be_as_new(self) -> None:
        """Let the org and sf let everybody in."""
        options = {name: True for case in CASES for name in case.options}
        self.stage.org.tell("options", **options)
        self.stage.org.tell("faults", faults=[])
        self.sf.knows(self.stage.org.ready["base_url"], self.session())


@dataclass(frozen=True)
class Case:
    """One thing that keeps us out, and the remedy that must be named.

    Attributes:
        says: the words of the remedy; no case with another remedy may say them.
        options: of the emulated org.
        never_asks: whether it is said before anything is sent.
    """

    name: str
    way: str
    says: str
    settings: Mapping[str, str] = field(default_factory=dict[str, str])
    options: Mapping[str, bool] = field(default_factory=dict[str, bool])
    never_asks: bool = False


NOT_ALLOWED = "Admin approved users are pre-authorized"
CASES = (
    Case("wrong id", "secret", "Correct SF_CLIENT_ID", {"SF_CLIENT_ID": "3MVG9wrong"}),
    Case("wrong secret", "secret", "Correct SF_CLIENT_SECRET", {"SF_CLIENT_SECRET": WRONG}),
    Case(
        "client credentials are off",
        "secret",
        "Settings > OAuth Settings > Flow Enablement",
        options={"client_credentials_flow": False},
    ),
    Case("no Run As user", "secret", "name a Run As user", options={"run_as_user": False}),
    Case(
        "login.salesforce.com",
        "secret",
        "My Domain alone, https://….my.salesforce.com",
        options={"is_my_domain": False},
    ),
    Case(
        "the user is inactive",
        "secret",
        "In Setup, Users: activate the user",
        options={"user_active": False},
    ),
    Case("another key", "jwt", "SF_PRIVATE_KEY is not the key of the app's certificate"),
    Case(
        "wrong audience",
        "jwt",
        "Correct SF_JWT_AUDIENCE",
        {"SF_JWT_AUDIENCE": "https://acme.example"},
    ),
    Case("wrong clock", "jwt", "set the clock (NTP)"),
    Case("no approved user", "jwt", NOT_ALLOWED, options={"pre_authorized": False}),
    Case("unknown user", "jwt", NOT_ALLOWED, {"SF_USERNAME": "nobody@emulator.invalid"}),
    Case(
        "a key that is none",
        "jwt",
        "no whole PEM text of a private key",
        {"SF_PRIVATE_KEY": f"-----BEGIN PRIVATE KEY-----\n{WRONG}"},
        never_asks=True,
    ),
    Case(
        "no sf",
        "sf",
        "no program sf on the PATH. Install the Salesforce CLI",
        {"PATH": "/nonexistent"},
        never_asks=True,
    ),
    Case("not signed in", "sf", "sf is not signed in at an org called emu", never_asks=True),
    Case("session of sf ended", "sf", "sf could not renew it. Sign in again: sf org login web"),
    Case("sf says no JSON", "sf", "gave no JSON", never_asks=True),
)


@pytest.fixture(scope="module")
def gate() -> Generator[Gate]:
    """One org for all, whose app has a certificate."""
    with short_folder() as folder, ExitStack() as stack:
        app, certificate = new_app(), folder / "app.pem"
        certificate.write_bytes(app.certificate)
        options = (*MANY_CALLS, "--jwt-certificate", str(certificate))
        org = stack.enter_context(running_org(folder, rows=ROWS, parents=1, options=options))
        stage = Stage.set_up(folder, org, rows=ROWS, partitions=1)
        stage.write_spec(spec_content(ROWS, 1))
        yield Gate(stage, app, FakeSf(folder / "sf"))


def refused(gate: Gate, case: Case) -> tuple[Done, int]:
    """Run a command while a case keeps us out; return how often it tried to sign in, too."""
    settings = {**gate.settings(case.way), **case.settings}
    gate.be_as_new()
    gate.stage.org.tell("options", **case.options)
    if case.name == "another key":
        settings["SF_PRIVATE_KEY"] = new_app().key_pem().decode()
    if case.name == "wrong clock":
        skew = {"what": "clock_skew", "seconds": 7200, "calls": ["token"]}
        gate.stage.org.tell("faults", faults=[skew])
    if case.name == "not signed in":
        gate.sf.knows_nobody()
    if case.name == "session of sf ended":
        gate.sf.knows(gate.stage.org.ready["base_url"], f"{gate.session()}x")
    if case.name == "sf says no JSON":
        gate.sf.says(f"Warning: {gate.session()}")
    before = gate.stage.org.calls("token")
    done = run_here(settings, "plan")
    return done, gate.stage.org.calls("token") - before


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_keeps_us_out_is_told_with_its_remedy(gate: Gate, case: Case) -> None:
    """One sentence and exit 2; no other remedy, no secret, and one call."""
    try:
        done, tried = refused(gate, case)
    finally:
        gate.be_as_new()
    said = " ".join(done.err.split())
    assert (done.code, done.out) == (2, ""), said
    assert case.says in said, said
    others = {other.says for other in CASES} - {case.says}
    assert [words for words in others if words in said] == [], said
    secrets = (gate.stage.org.ready["client_secret"], WRONG, "!AQ", "PRIVATE KEY--", "eyJ")
    assert [secret for secret in secrets if secret in said] == []
    assert tried == (0 if case.never_asks or case.way == "sf" else 1)


def test_the_remedies_are_eleven_at_least() -> None:
    """Of different words each."""
    assert len({case.says for case in CASES}) >= 11


@pytest.mark.parametrize("way", ["jwt", "sf"])
def test_each_way_signs_in(gate: Gate, way: str) -> None:
    """A plan is GO by each; a key may have its line ends written out."""
    gate.be_as_new()
    settings = gate.settings(way)
    if way == "jwt":
        settings["SF_PRIVATE_KEY"] = settings["SF_PRIVATE_KEY"].replace("\n", "\\n")
    done = run_here(settings, "plan")
    assert (done.code, "GO" in done.out) == (0, True), done.out + done.err


def test_an_old_sf_that_shows_its_token_will_do(gate: Gate) -> None:
    """Versions before 2.136 have no other command for it."""
    gate.be_as_new()
    gate.sf.knows(gate.stage.org.ready["base_url"], gate.session(), shows_token=True)
    done = run_here(gate.settings("sf"), "plan")
    assert done.code == 0, done.err
    assert {call.partition(" --target-org")[0] for call in gate.sf.calls[-2:]} == {"org display"}


EXPIRED = error("INVALID_SESSION_ID", "Session expired or invalid")
OF_A_SESSION = r"^GET /services/(data/.*/describe|oauth2/userinfo)$"


def test_sf_is_asked_again_when_the_org_takes_its_session_no_more(
    gate: Gate, tmp_path: Path
) -> None:
    """Once for each end; a session that it cannot renew ends the command with the remedy."""
    gate.be_as_new()
    ready, sf = gate.stage.org.ready, FakeSf(tmp_path / "sf")
    with standing_between(ready["base_url"], ready["tenant_url"]) as between:
        sf.knows(between.url, gate.session(), first=gate.session())
        settings = {**gate.settings("sf"), "PATH": sf.path}
        between.plant(Planted(DESCRIBE, 401, EXPIRED, times=1))
        assert run_here(settings, "plan").code == 0
        asked = [call.partition(" --target-org")[0] for call in sf.calls]
        assert asked == ["org display", "org auth show-access-token", "org auth show-access-token"]
        assert all(call.endswith("--target-org=emu --json") for call in sf.calls)
        between.plant(Planted(OF_A_SESSION, 401, EXPIRED, after=1))
        done = run_here(settings, "plan")
    assert (done.code, len(sf.calls)) == (2, 6)
    assert "sf could not renew it. Sign in again: sf org login web" in " ".join(done.err.split())


def test_another_version_of_the_api_is_spoken_when_it_is_asked_for(gate: Gate) -> None:
    """One that the org lacks is named with those it has."""
    gate.be_as_new()
    settings = gate.settings("secret")
    assert run_here({**settings, "SF_API_VERSION": "v66"}, "plan").code == 0
    said = run_here({**settings, "SF_API_VERSION": "99"}, "plan")
    assert said.code == 2
    assert "does not serve version 99.0 of its API. It serves 50.0 to 66.0" in said.err
