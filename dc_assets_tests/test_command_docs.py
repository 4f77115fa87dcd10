"""The reference of the commands is what the commands say of themselves."""

from __future__ import annotations

import pytest

from dc_assets.cli.endings import ENDINGS
from dc_assets.core.exit_codes import ExitCode
from dc_assets_tests.command_docs import DOCUMENT, commands, document

OF_EVERY_COMMAND = {ExitCode.OWN_FAULT, ExitCode.INTERRUPTED, ExitCode.TERMINATED}


def test_the_reference_of_the_commands_is_not_stale() -> None:
    """`python -m dc_assets_tests.command_docs` writes it, and nobody else."""
    assert DOCUMENT.read_text(encoding="utf-8") == document()


@pytest.mark.parametrize("name", sorted(commands()))
def test_every_command_says_how_it_ends(name: str) -> None:
    """Its own exit codes stand in its help; those of every command stand in one place."""
    assert ENDINGS[name]
    assert not OF_EVERY_COMMAND & set(ENDINGS[name])


def test_no_exit_code_is_told_of_a_command_that_is_gone() -> None:
    """The table has commands of the program only."""
    assert set(ENDINGS) <= set(commands())
