"""Writes a DAGSTER_HOME: the instance file and the workspace file that every service reads."""

from __future__ import annotations

import json
from pathlib import Path

from dc_assets.core.errors import ConfigError

_PACKAGED = Path(__file__).parent / "home"
_CHECKOUT = Path(__file__).parent.parent.parent
FILES = ("dagster.yaml", "workspace.yaml")


def write_home(home: Path, *, postgres: str | None = None) -> None:
    """Write the two files into a folder that only its owner can read.

    ``postgres`` is a URL, or ``env:NAME`` to have Dagster read the URL from a variable at start;
    without it Dagster keeps its history in SQLite files of the same folder.

    Raises:
        ConfigError: the folder cannot be written, or holds another instance file.
    """
    texts = {name: _template(name) for name in FILES}
    if postgres is not None:
        texts["dagster.yaml"] += _storage(postgres)
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
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
    path.write_text(text, encoding="utf-8")


def _template(name: str) -> str:
    """Return a file that stands once: at the top of a checkout, or packaged in the wheel."""
    packaged = _PACKAGED / name
    return (packaged if packaged.exists() else _CHECKOUT / name).read_text(encoding="utf-8")


def _storage(postgres: str) -> str:
    """Return the storage block.

    SQLAlchemy 2.1 takes ``postgresql://`` for psycopg 3, dagster-postgres brings psycopg2: so the
    driver is named.
    """
    scheme, _, rest = postgres.partition(":")
    if scheme == "env" and rest:
        url = f"{{env: {rest}}}"
    elif scheme in {"postgres", "postgresql", "postgresql+psycopg2"} and rest.startswith("//"):
        url = json.dumps(f"postgresql+psycopg2:{rest}")
    else:
        raise ConfigError(
            "--postgres takes postgresql://user@host/database, or env:NAME for a variable that "
            "holds such a URL (write the driver there: postgresql+psycopg2://…)."
        )
    return f"storage:\n  postgres:\n    postgres_url: {url}\n"


def prepare_home(home: Path) -> None:
    """Create Dagster's tables once: two services that both begin with that can clash."""
    from dagster import DagsterInstance  # noqa: PLC0415 - slow to import, and not needed elsewhere

    with DagsterInstance.from_config(str(home)):
        pass
