"""What a start imports: commands and the code location load what they need, and nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("sqlalchemy", "polars", "jinja2", "httpx", "rich", "tenacity", "duckdb")

STARTS = {
    "help": ("from dc_assets.cli.main import main; main(['--help'])", (*HEAVY, "pydantic")),
    "home": ("from dc_assets.cli.main import main; main(['home', '--help'])", HEAVY),
    "settings": (
        "from dc_assets.cli.main import main; main(['settings', '--json'])",
        (*HEAVY, "dagster"),
    ),
    "status": (
        "from dc_assets.cli.main import main; main(['status'])",
        ("sqlalchemy.dialects.postgresql", "polars", "httpx", "jinja2", "dagster"),
    ),
    "stop": (
        "from dc_assets.cli.main import main; main(['stop', '--help'])",
        ("sqlalchemy.dialects.postgresql", "polars", "httpx", "jinja2", "dagster"),
    ),
}
"""What is run, and what none of it may import."""


def imported(code: str, folder: Path) -> set[str]:
    """Return the modules that a new process has at the end of some code."""
    tail = "import sys; print(*sys.modules, file=sys.stderr, sep='\\n')"
    done = subprocess.run(
        [sys.executable, "-c", f"try:\n {code}\nexcept SystemExit:\n pass\n{tail}"],
        capture_output=True,
        text=True,
        check=True,
        env={"HOME": str(folder), "PATH": "/usr/bin:/bin"},
    )
    return set(done.stderr.split())


@pytest.mark.parametrize("name", STARTS)
def test_a_command_imports_what_it_needs(name: str, tmp_path: Path) -> None:
    """A help text needs no database, a look at the ledger no client of an org."""
    code, unwanted = STARTS[name]
    found = imported(code, tmp_path)
    assert "dc_assets.cli.main" in found
    assert found & set(unwanted) == set()


def test_the_code_location_imports_what_defines_it(tmp_path: Path) -> None:
    """Beyond Dagster's own imports: what only a run needs is imported by the run."""
    found = imported("import dagster", tmp_path)
    ours = imported("import dc_assets.definitions", tmp_path) - found
    assert "dc_assets.orchestration.assets" in ours
    assert ours & set(HEAVY) == set()
