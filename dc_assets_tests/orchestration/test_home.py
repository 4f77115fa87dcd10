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
from dc_assets.orchestration.kept_yaml import ContradictedError
from dc_assets.orchestration.launchers import DEFAULT, LAUNCHERS, RUN_VARIABLES
from dc_assets.wiring.settings import names

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


def written(home: Path) -> str:
    """Return the instance file of a home."""
    return (home / "dagster.yaml").read_text(encoding="utf-8")


OTHERS = sorted(LAUNCHERS.keys() - {DEFAULT})


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_what_is_written_fits_the_class_of_the_launcher(tmp_path: Path, launcher: str) -> None:
    """By the config of that class, without a server; where it is not installed we say what is."""
    one = LAUNCHERS[launcher]
    unchecked = write_home(tmp_path, postgres="env:PG_URL", launcher=launcher)
    assert yaml.safe_load(written(tmp_path))["run_launcher"]["module"] == one.module
    if unchecked:
        assert f'pip install "{one.package}==' in unchecked
        pytest.skip(unchecked)


@pytest.mark.parametrize("launcher", OTHERS)
def test_runs_elsewhere_need_postgres(tmp_path: Path, launcher: str) -> None:
    """Files of this host are not theirs; nothing is written."""
    with pytest.raises(ConfigError, match="needs --postgres: its runs are other containers"):
        write_home(tmp_path / "home", launcher=launcher)
    assert not (tmp_path / "home").exists()


def test_a_broker_gives_a_run_time_to_begin(tmp_path: Path) -> None:
    """With the reason, and an address is the name of a variable."""
    write_home(tmp_path, postgres="env:PG_URL", launcher="celery")
    assert "start_timeout_seconds: 3600 # a run that waits in the broker" in written(tmp_path)
    config = yaml.safe_load(written(tmp_path))["run_launcher"]["config"]
    assert [*config] == ["broker", "backend", "default_queue"]
    assert all([*value] == ["env"] for value in config.values())


def test_a_container_is_given_real_settings_and_the_variable_of_the_url(tmp_path: Path) -> None:
    """None of them is a secret by itself but the URL that Dagster reads from a variable."""
    write_home(tmp_path, postgres="env:PG_URL", launcher="docker")
    given = yaml.safe_load(written(tmp_path))["run_launcher"]["config"]["env_vars"]
    assert given == [*RUN_VARIABLES, "PG_URL"]
    assert set(RUN_VARIABLES) <= set(names())


def test_a_misspelt_config_of_a_launcher_is_refused(tmp_path: Path) -> None:
    """By the class that Dagster itself brings, which takes none."""
    text = "run_launcher: {module: dagster, class: DefaultRunLauncher, config: {brokr: x}}\n"
    (tmp_path / "dagster.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"does not fit DefaultRunLauncher.*brokr"):
        write_home(tmp_path)
    assert written(tmp_path) == text


def test_a_setting_that_dagster_would_refuse_is_refused(tmp_path: Path) -> None:
    """Before a service meets it."""
    (tmp_path / "dagster.yaml").write_text("run_monitorng: {enabled: true}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"Dagster would refuse this dagster\.yaml.*run_monitorn"):
        write_home(tmp_path)


EDITED = """\
# ours
concurrency:
    runs:
        max_concurrent_runs: 40 # a large host
    pools: {default_limit: 8, granularity: run}
python_logs:
    python_log_level: INFO
run_monitoring: {enabled: true}
"""


def test_what_was_edited_by_hand_stays_and_what_is_missing_is_added(tmp_path: Path) -> None:
    """Line by line, remarks too; given again, the command changes nothing."""
    (tmp_path / "dagster.yaml").write_text(EDITED, encoding="utf-8")
    (tmp_path / "workspace.yaml").write_text("load_from: []\n", encoding="utf-8")
    write_home(tmp_path, postgres="env:PG_URL", launcher="celery")
    once = written(tmp_path)
    kept = EDITED.splitlines()
    assert [line for line in once.splitlines() if line in kept] == kept[:-1]
    instance = yaml.safe_load(once)
    assert instance["concurrency"]["runs"] == {"max_concurrent_runs": 40}
    assert instance["run_monitoring"]["start_timeout_seconds"] == 3600
    assert instance["run_retries"]["retry_on_asset_or_op_failure"] is False
    assert instance["storage"] == {"postgres": {"postgres_url": {"env": "PG_URL"}}}
    assert (tmp_path / "workspace.yaml").read_text(encoding="utf-8") == "load_from: []\n"
    write_home(tmp_path, postgres="env:PG_URL", launcher="celery")
    assert written(tmp_path) == once


def test_a_file_that_nobody_edited_takes_another_launcher(tmp_path: Path) -> None:
    """Its short time to begin is ours and not somebody's wish."""
    write_home(tmp_path)
    write_home(tmp_path, postgres="env:PG_URL", launcher="celery")
    assert yaml.safe_load(written(tmp_path))["run_monitoring"]["start_timeout_seconds"] == 3600


WAYS_TO_WRITE = {
    "remarks alone": "# none\n# yet",
    "one line": "{telemetry: {enabled: true}}",
    "empty braces": "concurrency: {}\n",
    "a comma at the end": "concurrency: {pools: {granularity: run,}}\n",
    "no line end": "telemetry: {enabled: true}",
    "document marks": "---\ntelemetry:\n  enabled: true\n...\n",
    "a text over lines": "python_logs:\n  python_log_level: >-\n    INFO\n",
    "a list at the end": "python_logs:\n  managed_python_loggers:\n  - a\n  - b\n# end\n",
}


@pytest.mark.parametrize("text", WAYS_TO_WRITE.values(), ids=WAYS_TO_WRITE)
def test_every_way_to_write_a_file_is_added_to(tmp_path: Path, text: str) -> None:
    """What was there is there, and the second time nothing is missing."""
    (tmp_path / "dagster.yaml").write_text(text, encoding="utf-8")
    write_home(tmp_path, postgres="env:PG_URL")
    once = written(tmp_path)
    instance = yaml.safe_load(once)
    assert instance["concurrency"]["pools"]["granularity"] == "run"
    assert instance["storage"] == {"postgres": {"postgres_url": {"env": "PG_URL"}}}
    assert set(yaml.safe_load(text) or {}) <= set(instance)
    write_home(tmp_path, postgres="env:PG_URL")
    assert written(tmp_path) == once


CONTRADICTIONS = {
    "storage": "storage:\n  sqlite:\n    base_dir: /srv/x\n",
    "run_launcher": "run_launcher:\n  module: dagster\n  class: DefaultRunLauncher\n",
    "run_monitoring.start_timeout_seconds": "run_monitoring:\n  start_timeout_seconds: 60\n",
    "run_monitoring.enabled": "run_monitoring: {enabled: false}\n",
    "concurrency.pools.granularity": "concurrency: {pools: {granularity: op}}\n",
    "run_retries.enabled": "run_retries:\n    enabled: false # no\n",
    "run_retries.retry_on_asset_or_op_failure": (
        "run_retries: {retry_on_asset_or_op_failure: true}\n"
    ),
}


@pytest.mark.parametrize(("named", "text"), CONTRADICTIONS.items(), ids=CONTRADICTIONS)
def test_what_contradicts_is_refused_with_its_difference(
    tmp_path: Path, named: str, text: str
) -> None:
    """The difference taken over is a file that is taken; until then nothing is written."""
    (tmp_path / "dagster.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ContradictedError) as caught:
        write_home(tmp_path, postgres="env:PG_URL", launcher="celery")
    assert caught.value.names == (named,)
    assert f"says something else: {named}." in str(caught.value)
    assert written(tmp_path) == text
    assert caught.value.difference[:2] == ("--- is", "+++ must be")
    after = [line[1:] for line in caught.value.difference[3:] if line[0] in "+ "]
    (tmp_path / "dagster.yaml").write_text("\n".join(after), encoding="utf-8")
    write_home(tmp_path, postgres="env:PG_URL", launcher="celery")
    assert written(tmp_path) == "\n".join(after)


@pytest.mark.parametrize("text", ["a: [\n", "- a\n", "text\n", "concurrency: 5\n"])
def test_a_file_that_is_no_instance_file_is_left_alone(tmp_path: Path, text: str) -> None:
    """In a sentence that names it."""
    (tmp_path / "dagster.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=str(tmp_path)):
        write_home(tmp_path)
    assert written(tmp_path) == text
