"""Whatever an option is given: an exit code of ours, a sentence, no traceback, no secret."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import chdir
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from dc_assets.cli.main import main
from dc_assets_tests.cli.in_process import every_command

SECRET = "a-secret-of-the-fuzzer"
EXITS = {0, 2, 3, 4, 5}
NOT_HERE = {"demo", "dev", "emulator"}
"""Programs of their own, which this process would become."""

TEXTS = [
    *("", " ", "-1", "0", "nan", "inf", "1e308", "9" * 5_000, "0x10", "\uff11", "1:30", "--", "*"),
    *("r1-01", "r1-01,,", "r9-99", "r1-01;r1-02", "../..", "a\nb", "\x1b[31mred", "\u202e", "[/x]"),
    *("opportunities", "Robert'); DROP TABLE load;--", "x" * 2_000, "90s", "-5m", "1000:95,10"),
    *("missing.csv", "odd.parquet", "bom.txt", "loads", "env:NOTHING", "postgresql://u:p@h:x/y"),
]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Generator[Path]:
    """Return a folder with odd files, which every command runs in; two above it are ours too."""
    ours = tmp_path_factory.mktemp("fuzz")
    before = {above for above in ours.parents if (above / "ledger.db").exists()}
    folder = ours / "below" / "here"
    folder.mkdir(parents=True)
    (folder / "odd.parquet").write_bytes(b"PAR1" + bytes(100) + b"PAR1")
    (folder / "bom.txt").write_bytes(b"\xef\xbb\xbf\n")
    (folder / "data").mkdir()
    yield folder
    assert {above for above in ours.parents if (above / "ledger.db").exists()} == before


def settings_of(folder: Path) -> Mapping[str, str]:
    """Return settings that reach nobody."""
    return {
        "HOME": str(folder),
        "DC_ASSETS_DATA": str(folder / "data"),
        "DC_ASSETS_LEDGER_URL": "",
        "DC_ASSETS_LOADS": "",
        "DC_ASSETS_DAGSTER_URL": "http://127.0.0.1:1",
        "DC_ASSETS_SMTP_URL": "",
        "DC_ASSETS_WEBHOOK_URL": "",
        "SF_LOGIN_URL": "",
        "SF_CLIENT_ID": "somebody",
        "SF_CLIENT_SECRET": SECRET,
    }


def given_to(folder: Path, arguments: list[str], **others: str) -> Result:
    """Run a command in this process."""
    with chdir(folder):
        return CliRunner(env={**settings_of(folder), **others}).invoke(main, arguments)


def assert_said(done: Result) -> None:
    """Fail unless a command ended as ours end."""
    assert isinstance(done.exception, SystemExit | None), done.exception
    assert done.exit_code in EXITS, done.output
    assert "Traceback" not in done.output
    assert SECRET not in done.output


def options() -> list[tuple[str, str | None]]:
    """Return every option with a value, and every argument, of the commands."""
    return [
        (name, None if isinstance(one, click.Argument) else one.opts[-1])
        for name, command in every_command().items()
        for one in command.params
        if name not in NOT_HERE and not getattr(one, "is_flag", False)
    ]


@settings(
    max_examples=60,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.sampled_from(options()), st.sampled_from(TEXTS) | st.text(max_size=12))
def test_any_value_of_an_option(place: Path, option: tuple[str, str | None], text: str) -> None:
    """Of each command, with a value that it may not expect."""
    command, name = option
    arguments = [command, f"{name}={text}"] if name else [command, "--", text]
    if command == "home" or name in {"--export", "--out", "--page"}:
        text = "".join(one for one in text if one not in "/\x00")
        arguments = [command, f"{name}=new-{text[:50]}"] if name else [command, f"new-{text[:50]}"]
    assert_said(given_to(place, arguments))


URLS = {
    "DC_ASSETS_LEDGER_URL": f"mysql://u:{SECRET}@127.0.0.1/x",
    "DC_ASSETS_LOADS": "odd.parquet",
    "DC_ASSETS_DATA": "odd.parquet",
    "SF_LOGIN_URL": "http://127.0.0.1:not-a-port",
    "DC_ASSETS_LEASE_S": "-1",
    "DC_ASSETS_TIME_SCALE": "nan",
}


@settings(
    max_examples=40,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.sampled_from(["status", "plan", "run", "replay", "stop", "report"]),
    st.sampled_from(sorted(URLS)),
    st.sampled_from([*TEXTS, *URLS.values()]),
)
@example("status", "DC_ASSETS_DATA", "../..")
def test_any_value_of_a_setting(place: Path, command: str, setting: str, text: str) -> None:
    """Of each command that needs it or not."""
    text = text.replace("\x00", "")
    assert_said(given_to(place, [command], **{setting: text}))
