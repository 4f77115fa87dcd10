"""Exit codes."""

from __future__ import annotations

import pytest

from dc_assets.core.exit_codes import ExitCode, exit_code


@pytest.mark.parametrize(
    ("refused", "pending", "unexplained", "code"),
    [
        (0, 0, 0, ExitCode.PROVED),
        (1, 0, 0, ExitCode.REFUSED_ROWS),
        (0, 1, 0, ExitCode.UNEXPLAINED),
        (0, 0, 1, ExitCode.UNEXPLAINED),
        (9, 1, 0, ExitCode.UNEXPLAINED),
    ],
)
def test_the_worst_rows_decide_the_exit_code(
    refused: int, pending: int, unexplained: int, code: ExitCode
) -> None:
    """Pending or unexplained rows outrank refused ones."""
    assert exit_code(refused=refused, pending=pending, unexplained=unexplained) is code


def test_the_numbers_are_a_promise_to_scripts() -> None:
    """A script may compare them, so they never change."""
    assert [code.value for code in ExitCode] == [0, 1, 2, 3, 4, 5, 130, 143]
