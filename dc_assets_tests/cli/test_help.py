"""The help of every command teaches it."""

from __future__ import annotations

import re

import pytest

from dc_assets_tests.acceptance.stage import Done, Stage

pytestmark = pytest.mark.acceptance

OPTIONS = {
    "demo": {
        *("--rows", "--accounts", "--skew", "--partitions", "--bad-rows"),
        *("--seed", "--port", "--keep", "--org", "--time-scale"),
    },
    "dev": {"--rows", "--accounts", "--skew", "--partitions", "--port", "--fresh"},
    "emulator": {"--host", "--port", "--ready-file", "--data", "--opportunities", "--bad-rows"},
    "home": {"--postgres"},
    "plan": {"--offline", "--write-ranges", "--page", "--json"},
    "run": {"--partitions", "--local", "--new-load", "--batch-rows-max", "--window"},
    "status": {"--watch", "--jobs", "--limit", "--json"},
    "stop": {"--abort"},
    "replay": {
        *("--code", "--id", "--file", "--partitions", "--list", "--export", "--redact", "--json"),
    },
    "report": {"--load", "--out", "--json"},
    "cleanup": {"--load", "--confirm", "--older-than"},
}
WORDS_MIN = 3
PROGRAMS = {"demo", "dev", "emulator"}  # `dc-assets` becomes another program, with help of its own


def described(done: Done) -> dict[str, str]:
    """Return the options that a help text lists, each with its words."""
    found: dict[str, str] = {}
    for entry in re.split(r"\n  (?=-)", done.out)[1:]:
        name = re.match(r"(?:-\w, )?(--[a-z-]+)(?: [A-Z\[<][^\s]*)?", entry)
        assert name is not None, entry
        found[name.group(1)] = entry[name.end() :].split("\n\n")[0].strip()
    return found


@pytest.mark.parametrize("command", OPTIONS)
def test_the_help_of_a_command_explains_each_option(stage: Stage, command: str) -> None:
    """What it does, and a few words for every option."""
    done = stage.run(command, "-h" if command in PROGRAMS else "--help")
    assert done.code == 0, done.err
    assert done.out.startswith(f"Usage: dc-assets {command} [OPTIONS]")
    assert "--keep" not in done.out or command == "demo"
    options = described(done)
    assert set(options) >= OPTIONS[command]
    assert len(done.out.split("Options:")[0].split()) > 2 * WORDS_MIN
    assert [name for name, words in options.items() if not words] == []


def test_the_help_of_the_program_names_commands_exit_codes_and_settings(stage: Stage) -> None:
    """Everything that is needed to begin stands on the first screen."""
    done = stage.run("--help")
    assert done.code == 0
    for word in (*OPTIONS, "Exit codes: 0", "SF_LOGIN_URL", "DC_ASSETS_DATA", "dc-assets demo"):
        assert word in done.out
    bare = stage.run()
    assert "Commands:" in bare.out + bare.err
    assert stage.run("--version").out.startswith("dc-assets, version ")
