"""Options that a canary refuses beside it; nothing is asked of anybody before."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from dc_assets.cli.run import run


@pytest.mark.parametrize(
    "other",
    [
        *(["--missing"], ["--changed"], ["--dry-run"], ["--new-load"], ["--failed-only"]),
        ["--stagger", "1h"],
    ],
    ids=lambda other: other[0],
)
def test_options_that_load_in_another_way_are_refused(other: list[str]) -> None:
    """One sentence names the option to leave out."""
    done = CliRunner().invoke(run, ["opportunities", "--canary", "10", *other])
    assert done.exit_code == 2
    assert f"leave {other[0]} out" in done.output
