"""`dc-assets home`: what Dagster shows of it to everybody holds no password."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
import yaml
from dagster._core.instance.ref import InstanceRef
from dagster._serdes import serialize_value

from dc_assets.core.errors import ConfigError
from dc_assets.orchestration.home import write_home

SECRET = "geheim"

REFUSED = {
    "a password": f"postgresql://u:{SECRET}@h/d",
    "with the driver": f"postgresql+psycopg2://u:{SECRET}@h/d",
    "percent-encoded": "postgresql://u:%67eheim@h/d",
    "an empty one": "postgresql://u:@h/d",
    "an @ in it": f"postgresql://u:a@{SECRET}@h/d",
    "a / in it": f"postgresql://u:{SECRET}/x@h/d",
    "as an option": f"postgresql://u@h/d?password={SECRET}",
    "as the second option": f"postgresql://u@h/d?sslmode=require&password={SECRET}",
    "of a key": f"postgresql://u@h/d?sslpassword={SECRET}",
    "an encoded name of the option": f"postgresql://u@h/d?pass%77ord={SECRET}",
    "behind a #": f"postgresql://u@h/d#{SECRET}",
    "no scheme": f"u:{SECRET}@h/d",
    "another scheme": f"mysql://u:{SECRET}@h/d",
    "in place of a name": f"env:{SECRET}@h",
    "YAML": f"env:X}}\n  password: {SECRET}",
}

TAKEN = [
    "postgresql://dagster@db.example.com:5432/dagster",
    "postgres:///dagster?host=/var/run/postgresql",
    "postgresql+psycopg2://dagster@db/dagster?sslmode=require&passfile=/etc/dagster/pgpass",
]


@pytest.mark.parametrize("url", REFUSED.values(), ids=REFUSED)
def test_a_url_with_a_password_is_refused(tmp_path: Path, url: str) -> None:
    """With the remedy, without the password, and nothing is written."""
    with pytest.raises(ConfigError) as caught:
        write_home(tmp_path / "home", postgres=url)
    assert "env:NAME" in str(caught.value)
    assert SECRET not in str(caught.value)
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("url", TAKEN)
def test_a_url_without_a_password_is_taken(tmp_path: Path, url: str) -> None:
    """Libpq then looks into .pgpass, or asks the system who it is."""
    write_home(tmp_path, postgres=url)
    written = yaml.safe_load((tmp_path / "dagster.yaml").read_text(encoding="utf-8"))
    assert written["storage"] == {
        "postgres": {"postgres_url": "postgresql+psycopg2:" + url.partition(":")[2]}
    }


def test_the_arguments_of_dagsters_processes_hold_the_name_of_the_variable(tmp_path: Path) -> None:
    """Dagster hands the instance to its code server and its runs as text in the process list."""
    write_home(tmp_path, postgres="env:PLANTED_URL")
    shown = serialize_value(InstanceRef.from_dir(str(tmp_path)))
    assert "PLANTED_URL" in shown


def test_a_home_is_for_its_owner(tmp_path: Path) -> None:
    """Dagster writes logs of runs there; a folder that was there and open is closed."""
    tmp_path.chmod(0o755)
    write_home(tmp_path)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700
    assert {stat.S_IMODE(f.stat().st_mode) for f in tmp_path.iterdir()} == {0o600}
