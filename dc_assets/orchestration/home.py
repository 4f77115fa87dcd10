"""Writes a DAGSTER_HOME: the instance file and the workspace file that every service reads."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from operator import eq, ge
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from dc_assets.core.errors import ConfigError
from dc_assets.ledger.owner_only import close_to_others
from dc_assets.orchestration.kept_yaml import Agreements, ContradictedError, completed
from dc_assets.orchestration.launchers import (
    DEFAULT,
    LAUNCHERS,
    START_TIMEOUT_S,
    check_launcher,
    run_launcher,
)

_PACKAGED = Path(__file__).parent / "home"
_CHECKOUT = Path(__file__).parent.parent.parent

_VARIABLE = re.compile(r"env:(?P<name>[A-Za-z_][A-Za-z0-9_]*)")
_PLAIN_URL = re.compile(
    r"(postgres|postgresql|postgresql\+psycopg2)://([\w.-]+@)?[\w.-]*(:[0-9]+)?(/[\w.-]*)?"
)
_OPTIONS = frozenset(
    {
        *("host", "port", "service", "passfile", "application_name", "connect_timeout"),
        *("sslmode", "sslrootcert", "sslcert", "sslkey", "target_session_attrs"),
    }
)
"""Options of libpq that a URL in a file may have: none of them is a secret."""


AGREEMENTS: Agreements = {
    ("storage",): eq,
    ("run_launcher",): lambda own, wanted: all(own[k] == wanted[k] for k in ("module", "class")),
    ("concurrency", "pools", "granularity"): eq,  # else runs wait as processes
    ("run_monitoring", "enabled"): eq,  # else nobody fails a run that never began
    ("run_monitoring", "start_timeout_seconds"): ge,
    ("run_retries", "enabled"): eq,  # else a lost worker is not replaced
    ("run_retries", "retry_on_asset_or_op_failure"): eq,  # a failed load has waited already
}
"""What of a dagster.yaml is not a matter of taste."""


def write_home(home: Path, *, postgres: str | None = None, launcher: str | None = None) -> str:
    """Write the two files into a folder that only its owner can read, or add what they lack.

    ``postgres`` is a URL without a password, or ``env:NAME`` to have Dagster read the URL from a
    variable at start; without it Dagster keeps its history in SQLite files of the same folder.
    A workspace.yaml that is there stays; of a dagster.yaml `AGREEMENTS` says what must agree.

    Returns:
        Nothing, or a sentence on what could not be checked here.

    Raises:
        ContradictedError: the dagster.yaml that is there says something else.
        ConfigError: the folder cannot be written; the URL holds more than who connects where; the
            launcher needs PostgreSQL; Dagster would refuse the file.
    """
    wanted, instance = _wanted(postgres, launcher), home / "dagster.yaml"
    try:
        text = _completed(instance, wanted)
        unchecked = "" if text == _template("dagster.yaml") else _checked(text)
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        close_to_others(home)  # Dagster keeps logs of runs there
        _write(instance, text)
        if not (home / "workspace.yaml").exists():
            _write(home / "workspace.yaml", _template("workspace.yaml"))
    except OSError as error:
        raise ConfigError(
            f"The folder {home} cannot be written: {error.strerror}. Name another one."
        ) from error
    return unchecked


def make_tables(home: Path) -> None:
    """Make Dagster's tables, if they are in files of the home.

    Services that are started at the same time would make them at once, and after that no process
    can read those of SQLite (`docs/dagster.md`); PostgreSQL lets one after the other do it.

    Raises:
        ConfigError: they can neither be made nor read.
    """
    from alembic.util import CommandError  # noqa: PLC0415 - slow to import
    from dagster import DagsterInstance  # noqa: PLC0415 - slow to import
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415 - slow to import

    instance = yaml.safe_load((home / "dagster.yaml").read_text(encoding="utf-8"))
    if not _is_on_this_host(instance):
        return
    try:
        DagsterInstance.from_config(str(home)).dispose()
    except (CommandError, SQLAlchemyError) as error:
        raise ConfigError(
            f"Dagster's tables in {home} cannot be read: {str(error).splitlines()[0]}. While no "
            "service runs, move its folders storage, history and schedules away: Dagster begins "
            "anew, and the ledger of the loads is elsewhere."
        ) from None


def _wanted(postgres: str | None, launcher: str | None) -> str:
    """Return the instance file as it is written where none is."""
    text = _template("dagster.yaml")
    if postgres is not None:
        text += _storage(postgres)
    if launcher is None:
        return text
    one = LAUNCHERS[launcher]
    if one.reason:
        line = f"start_timeout_seconds: {START_TIMEOUT_S}"
        assert line in text  # noqa: S101 - a template of ours
        text = text.replace(line, f"start_timeout_seconds: {one.start_timeout_s} # {one.reason}")
    named = _VARIABLE.fullmatch(postgres or "")
    block = {"run_launcher": run_launcher(one, [named["name"]] if named else [])}
    return text + yaml.safe_dump(block, sort_keys=False, default_flow_style=None, width=10**6)


def _completed(path: Path, wanted: str) -> str:
    """Return the text of an instance file with what it lacks; one that nobody edited is renewed."""
    own = path.read_text(encoding="utf-8") if path.exists() else ""
    if own in {"", _template("dagster.yaml")}:
        return wanted
    try:
        return completed(own, wanted, AGREEMENTS)
    except ContradictedError as error:
        raise ContradictedError(
            f"{path} exists and says something else: {', '.join(error.names)}. Nothing was "
            "written. Take the lines of the difference over, or name another folder.",
            error.names,
            error.difference,
        ) from None
    except ConfigError as error:
        raise ConfigError(f"{path} exists, and nothing can be added to it. {error}") from None


def _checked(text: str) -> str:
    """Have Dagster read an instance file; no variable is read and no server reached.

    Raises:
        ConfigError: Dagster would refuse it, or it lacks the PostgreSQL that its launcher needs.
    """
    from dagster import DagsterInvalidConfigError  # noqa: PLC0415 - slow to import
    from dagster._core.instance.config import dagster_instance_config  # noqa: PLC0415

    with TemporaryDirectory() as folder:
        (Path(folder) / "dagster.yaml").write_text(text, encoding="utf-8")
        try:
            dagster_instance_config(folder)
        except DagsterInvalidConfigError as error:
            told = " ".join(str(error).split())
            raise ConfigError(f"Dagster would refuse this dagster.yaml: {told}") from None
    instance = yaml.safe_load(text)
    block = instance.get("run_launcher")
    if not block:
        return ""
    if block.get("class") != LAUNCHERS[DEFAULT].name and _is_on_this_host(instance):
        raise ConfigError(
            "A launcher other than default needs --postgres: its runs are other containers or "
            "hosts, which cannot reach the SQLite files of this folder."
        )
    return check_launcher(block)


def _is_on_this_host(instance: Mapping[str, Any]) -> bool:
    """Tell whether Dagster's history is in files of one host."""
    if {"run_storage", "event_log_storage"} <= instance.keys():
        return False
    return "sqlite" in instance.get("storage", {"sqlite": None})


def _write(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    close_to_others(path)
    path.write_text(text, encoding="utf-8")


def _template(name: str) -> str:
    """Return a file that stands once: at the top of a checkout, or packaged in the wheel."""
    packaged = _PACKAGED / name
    return (packaged if packaged.exists() else _CHECKOUT / name).read_text(encoding="utf-8")


def _storage(postgres: str) -> str:
    """Return the storage block.

    Dagster hands what stands in dagster.yaml to its processes as arguments, so everybody on the
    machine reads a password that stands there; of ``{env: NAME}`` they see the name.

    SQLAlchemy 2.1 takes ``postgresql://`` for psycopg 3, dagster-postgres brings psycopg2: so the
    driver is named.
    """
    if variable := _VARIABLE.fullmatch(postgres):
        url = f"{{env: {variable['name']}}}"
    elif _says_who_and_where(postgres):
        url = json.dumps(f"postgresql+psycopg2:{postgres.partition(':')[2]}")
    else:
        raise ConfigError(
            "--postgres takes env:NAME, for a variable that holds the URL "
            "(postgresql+psycopg2://user:password@host/database), or a URL without a password, "
            "postgresql://user@host/database, for a login by ~/.pgpass or peer. What stands in "
            "dagster.yaml can be read in the process list."
        )
    return f"storage:\n  postgres:\n    postgres_url: {url}\n"


def _says_who_and_where(url: str) -> bool:
    """Tell whether a URL has a user, a host and a database at most, and options without secrets.

    >>> _says_who_and_where("postgresql://dagster@db.example.com:5432/dagster?sslmode=require")
    True
    >>> _says_who_and_where("postgresql://dagster@/dagster?password=x")
    False
    """
    plain, _, options = url.partition("?")
    names = {pair.partition("=")[0] for pair in options.split("&")} - {""}
    return _PLAIN_URL.fullmatch(plain) is not None and names <= _OPTIONS
