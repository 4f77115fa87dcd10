"""What Polars raises when a file or a query is not what it seems, told in one line.

A panic of its Rust core is no `Exception`. It is caught at the border of files only, where it means
a damaged file; Rust prints its own words to stderr before.
"""

from __future__ import annotations

import polars.exceptions as polars_errors

FAULTS: tuple[type[BaseException], ...] = (
    OSError,
    UnicodeError,
    polars_errors.PolarsError,
    polars_errors.PanicException,
)

REASON_CHARS_MAX = 200


def reason_of(fault: BaseException) -> str:
    """Return the first line of what was said, printable and not long.

    >>> reason_of(FileNotFoundError(2, "No such file or directory", "x.csv"))
    'No such file or directory'
    """
    said = (fault.strerror if isinstance(fault, OSError) else None) or str(fault)
    if isinstance(fault, polars_errors.PanicException):
        said = f"it is damaged ({said.strip()})"
    first = (said.strip() or type(fault).__name__).splitlines()[0]
    shown = "".join(one if one.isprintable() else "?" for one in first).rstrip(". ")
    return shown if len(shown) <= REASON_CHARS_MAX else f"{shown[: REASON_CHARS_MAX - 2]} …"
