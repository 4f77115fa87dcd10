"""Writes a DAGSTER_HOME: the instance file and the workspace file that every service reads."""

from __future__ import annotations

import json
import re
from pathlib import Path

from dc_assets.core.errors import ConfigError
from dc_assets.ledger.owner_only import close_to_others

_PACKAGED = Path(__file__).parent / "home"
_CHECKOUT = Path(__file__).parent.parent.parent
FILES = ("dagster.yaml", "workspace.yaml")

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


def write_home(home: Path, *, postgres: str | None = None) -> None:
    """Write the two files into a folder that only its owner can read.

    ``postgres`` is a URL without a password, or ``env:NAME`` to have Dagster read the URL from a
    variable at start; without it Dagster keeps its history in SQLite files of the same folder.

    Raises:
        ConfigError: the folder cannot be written, or holds another instance file; the URL holds
            more than who connects where.
    """
    texts = {name: _template(name) for name in FILES}
    if postgres is not None:
        texts["dagster.yaml"] += _storage(postgres)
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        close_to_others(home)  # Dagster keeps logs of runs there
        for name, text in texts.items():
            _write(home / name, text)
    except OSError as error:
        raise ConfigError(
            f"The folder {home} cannot be written: {error.strerror}. Name another one."
        ) from error


def _write(path: Path, text: str) -> None:
    if path.exists() and path.read_text(encoding="utf-8") != text:
        raise ConfigError(
            f"{path} exists and says something else. Remove it, or name another folder."
        )
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


def prepare_home(home: Path) -> None:
    """Create Dagster's tables once: two services that both begin with that can clash."""
    from dagster import DagsterInstance  # noqa: PLC0415 - slow to import, and not needed elsewhere

    with DagsterInstance.from_config(str(home)):
        pass
