"""The settings: what may stand in them, where they are found, and that no secret is shown."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from dc_assets.core.errors import ConfigError
from dc_assets.orchestration.resources import SalesforceResource
from dc_assets.salesforce.credentials import ClientCredentials
from dc_assets.wiring.settings import (
    Settings,
    database_url,
    file_names,
    ledger_url,
    names,
    read_settings,
    setting_lines,
    unknown_settings,
)
from dc_assets.wiring.sign_in import login_from_environment
from dc_assets_tests.cli.in_process import environment_is, run_here

ROOT = Path(__file__).parents[2]
SECRET = "planted-in-a-secret"
LOGIN = {"SF_LOGIN_URL": "https://acme.my.salesforce.com", "SF_CLIENT_ID": "an id"}


@pytest.mark.parametrize("name", [name.removesuffix("_FILE") for name in file_names()])
def test_a_secret_may_stand_in_a_file(name: str, tmp_path: Path) -> None:
    """Orchestrators hand secrets over as files; the line end is none of it."""
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\n", encoding="utf-8")
    with environment_is({f"{name}_FILE": str(file)}):
        settings = read_settings()
        assert settings.texts()[name] == SECRET
        [line] = [line for line in setting_lines(settings) if line.name == name]
    assert (line.value, line.origin) == ("(set, not shown)", f"{name}_FILE")
    assert SECRET not in repr(settings)


def test_the_ledger_and_the_login_take_the_secret_of_a_file(tmp_path: Path) -> None:
    """Commands and Dagster's runs read the same settings."""
    file = tmp_path / "secret"
    file.write_text(SECRET, encoding="utf-8")
    files = {f"{name}_FILE": str(file) for name in ("SF_CLIENT_SECRET", "DC_ASSETS_LEDGER_URL")}
    with environment_is({**LOGIN, **files}):
        assert ledger_url() == SECRET
        app = login_from_environment().credential
        assert isinstance(app, ClientCredentials)
        assert app.client_secret == SECRET
        assert SalesforceResource().login == login_from_environment()


def test_a_run_of_dagster_may_send_secrets_where_a_command_may() -> None:
    """The allowed hosts are a setting like others: both ways to load read it."""
    with environment_is({"DC_ASSETS_ALLOWED_HOSTS": "acme.my.salesforce.mil"}):
        given = SalesforceResource(login_url="https://a.my.salesforce.mil", client_id="i")
        login = given.model_copy(update={"client_secret": SECRET}).login
    assert login.allowed_hosts == ("acme.my.salesforce.mil",)
    app = login.credential
    assert isinstance(app, ClientCredentials)
    assert (login.login_url, app.client_secret) == ("https://a.my.salesforce.mil", SECRET)


FILE = {"SF_CLIENT_SECRET_FILE": "{file}"}


@pytest.mark.parametrize(
    ("content", "wrong", "said"),
    [
        (b"\n", FILE, "SF_CLIENT_SECRET_FILE names an empty file"),
        (None, FILE, "SF_CLIENT_SECRET_FILE names a file that cannot be read: No such file"),
        (b"\xff", FILE, "SF_CLIENT_SECRET_FILE names a file that cannot be read: it is no text"),
        (b"one", {**FILE, "SF_CLIENT_SECRET": SECRET}, "SF_CLIENT_SECRET_FILE are both set"),
        (None, {"DC_ASSETS_LOG": "xml"}, "DC_ASSETS_LOG is 'text' or 'json', not 'xml'"),
        (None, {"DC_ASSETS_LEASE_S": "soon"}, "DC_ASSETS_LEASE_S is a positive number"),
        (None, {"DC_ASSETS_LEASE_S": "30"}, r"DC_ASSETS_LEASE_S \(30\) must be at least"),
    ],
)
def test_a_wrong_value_is_one_sentence(
    content: bytes | None, wrong: dict[str, str], said: str, tmp_path: Path
) -> None:
    """It names the setting, ends a command with 2, and holds no secret."""
    file = tmp_path / SECRET
    if content is not None:
        file.write_bytes(content)
    told = {name: value.format(file=file) for name, value in wrong.items()}
    with environment_is(told), pytest.raises(ConfigError, match=said):
        read_settings()
    done = run_here({**told, "HOME": str(tmp_path)}, "settings")
    assert (done.code, (done.out + done.err).count("\n")) == (2, 1)
    assert SECRET not in done.out + done.err


def test_a_name_that_is_no_setting_is_warned_of(tmp_path: Path) -> None:
    """Once, on stderr, with the name that was probably meant; the command does its work."""
    told = {"DC_ASSETS_LEDGER_ULR": SECRET, "DC_ASSETS_WHATEVER_IT_IS": "", "HOME": str(tmp_path)}
    done = run_here(told, "settings", "--json")
    assert done.code == 0
    assert json.loads(done.out)
    first, second = done.err.splitlines()
    assert "DC_ASSETS_LEDGER_ULR is no setting: did you mean DC_ASSETS_LEDGER_URL?" in first
    assert "DC_ASSETS_WHATEVER_IT_IS is no setting. dc-assets settings lists them." in second
    assert SECRET not in done.out + done.err


def test_known_names_are_not_warned_of() -> None:
    """Those of files are known too."""
    with environment_is(dict.fromkeys(names(), "")):
        assert unknown_settings() == []


def test_the_command_shows_what_is_set_and_no_secret(tmp_path: Path) -> None:
    """A login in an address is left out too."""
    told = dict.fromkeys([name.removesuffix("_FILE") for name in file_names()], SECRET)
    told |= {"SF_LOGIN_URL": f"https://me:{SECRET}@acme.my.salesforce.com", "HOME": str(tmp_path)}
    done = run_here(told, "settings")
    assert done.code == 0
    assert SECRET not in done.out + done.err
    assert re.search(r"SF_LOGIN_URL +https://acme.my.salesforce.com +environment", done.out)
    assert re.search(r"DC_ASSETS_LEASE_S +120 +default", done.out)
    as_json = run_here(told, "settings", "--json")
    assert SECRET not in as_json.out
    assert [line["name"] for line in json.loads(as_json.out)] == list(names()[: -len(file_names())])


def test_the_document_has_the_settings_of_the_class() -> None:
    """Name, default and meaning, in one order; secrets are marked."""
    text = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([A-Z_]+)`( \*)? \| (.*?) \| (.*?) \|$", text, re.MULTILINE)
    with environment_is({"HOME": "/home/me"}):
        lines = setting_lines(Settings.model_validate({}))
    secrets = {name.removesuffix("_FILE") for name in file_names()}
    assert [(name, mark == " *", meaning) for name, mark, _, meaning in rows] == [
        (line.name, line.name in secrets, line.meaning) for line in lines
    ]
    shown = {"/home/me/.dc_assets": "~/.dc_assets"}
    packaged = {line.name: shown.get(line.value, line.value) for line in lines}
    packaged["DC_ASSETS_LOADS"] = "the packaged one"
    assert {name: default.strip("`") for name, _, default, _ in rows} == packaged


def test_the_url_of_a_source_is_in_a_variable_or_its_file(tmp_path: Path) -> None:
    """A spec names the variable; that of a file needs none."""
    file = tmp_path / "url"
    file.write_text("postgresql://u:p@h/d\n", encoding="utf-8")
    with environment_is({"WAREHOUSE": "postgresql://h/d"}):
        assert database_url("$WAREHOUSE") == "postgresql://h/d"
    with environment_is({"WAREHOUSE_FILE": str(file)}):
        assert database_url("$WAREHOUSE") == "postgresql://u:p@h/d"
    assert database_url("sqlite:////a.db") == "sqlite:////a.db"
    with environment_is({}), pytest.raises(ConfigError, match="WAREHOUSE is not set"):
        database_url("$WAREHOUSE")
