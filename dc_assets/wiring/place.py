"""Where a process keeps and reads what decides a load, so that two of them can be compared.

The definitions publish it as metadata of the asset, and `dc-assets run` holds it against its own:
one ledger is loaded into by Dagster's runs, and the same one must be read for the proof.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from dc_assets.core.errors import ConfigError
from dc_assets.core.spec import LoadSpec
from dc_assets.wiring.settings import database_url, ledger_url

LOAD, LEDGER, SPEC, LOADS = "dc_assets/load", "ledger", "spec", "loads folder"
"""What the asset of a load says: its name, which no other asset has, and what decides it."""

DATABASE = "source database"
"""Said of a load that reads one by a variable: another process may have another value of it."""

UNKNOWN = "its variable is not set"

NO_FOLDER = "the files of its project"
"""Said instead of a folder if a project made the spec in Python, or by a component."""

_FILE = "sqlite:///"
_ALIASES = {"postgres": "postgresql"}
_PLACE_IN_QUERY = ("host", "port", "dbname", "service")


def place_of(spec: LoadSpec, read_from: str) -> Mapping[str, str]:
    """Return ledger, spec, its folder and database. Opens nothing, and holds no password."""
    return {
        LEDGER: ledger_place(ledger_url()),
        SPEC: spec.spec_hash,
        LOADS: read_from or NO_FOLDER,
        **_database_place(spec),
    }


def _database_place(spec: LoadSpec) -> Mapping[str, str]:
    if spec.source.sql is None:
        return {}
    try:
        url = database_url(spec.source.sql.url)
    except ConfigError:  # whoever opens it says so; definitions load without it
        return {DATABASE: UNKNOWN}
    return {DATABASE: ledger_place(url)}


def ledger_place(url: str) -> str:
    """Return a ledger's URL with nothing but what says where it is: no user, password, options.

    >>> ledger_place("postgresql+psycopg://me:s3cret@db:5432/dc?sslmode=require")
    'postgresql://db:5432/dc'
    """
    if url.startswith(_FILE):
        return f"{_FILE}{os.path.realpath(url.removeprefix(_FILE).partition('?')[0])}"
    return _server_place(url)


def _server_place(url: str) -> str:
    from sqlalchemy.engine import make_url  # noqa: PLC0415 - a file is named without it
    from sqlalchemy.exc import ArgumentError  # noqa: PLC0415 - likewise

    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # which quotes what it takes for the port
        return "an address that is no URL"
    backend = _ALIASES.get(parsed.get_backend_name(), parsed.get_backend_name())
    if backend == "sqlite":
        return f"{_FILE}{os.path.realpath(parsed.database or '')}"
    port = parsed.port or (5432 if backend == "postgresql" else None)
    address = f"{parsed.host or ''}{f':{port}' if port else ''}"
    told = {name: parsed.query[name] for name in _PLACE_IN_QUERY if name in parsed.query}
    return f"{backend}://{address}/{parsed.database or ''}{f' {told}' if told else ''}"
