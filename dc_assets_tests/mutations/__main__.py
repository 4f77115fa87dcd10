"""Applies each patch to a copy of the checkout and asks whether its test goes red.

    python -m dc_assets_tests.mutations

The first line of a patch names its test: ``# test: path::name``. The test must be green on an
unchanged copy and red, by an assertion and not by a crash of pytest, on the patched one. A patch
``org-*`` takes one strictness from the emulated org: a test of the product or a client that nobody
here wrote must miss it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import click

ROOT = Path(__file__).parents[2]
PATCHES = sorted(Path(__file__).parent.glob("*.patch"))
PARTS = ("dc_assets", "dc_assets_tests", "pyproject.toml", "README.md", "dagster.yaml")
TEST_WITHIN_S = 180.0
TESTS_FAILED = 1


@dataclass(frozen=True)
class Mutation:
    """A patch and the test that must see it."""

    patch: Path

    @property
    def test(self) -> str:
        """Path and name of the test, as pytest takes them."""
        return self.patch.read_text(encoding="utf-8").splitlines()[0].removeprefix("# test: ")

    def is_seen(self) -> bool:
        """Whether the test is green without the patch and red with it."""
        with tempfile.TemporaryDirectory(prefix="mutation-") as folder:
            copy = Path(folder)
            _copy_to(copy)
            _run(["git", "apply", str(self.patch)], copy)
            return _is_green(self.test) and _run_test(copy, self.test) == TESTS_FAILED


@cache
def _is_green(test: str) -> bool:
    """Whether a test is green on an unchanged copy; several patches may have the same."""
    with tempfile.TemporaryDirectory(prefix="unchanged-") as folder:
        _copy_to(Path(folder))
        return _run_test(Path(folder), test) == 0


def _copy_to(folder: Path) -> None:
    ignored = shutil.ignore_patterns("__pycache__")
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, folder / part, ignore=ignored)
        else:
            shutil.copy(ROOT / part, folder / part)


def _run_test(folder: Path, test: str) -> int:
    options = ["-q", "-n", "0", "-p", "no:cacheprovider", "-o", "addopts=--import-mode=importlib"]
    command = [sys.executable, "-m", "pytest", *options, test]
    environment = {**os.environ, "PYTHONPATH": str(folder)}  # programs of the test are mutated too
    return subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        timeout=TEST_WITHIN_S,
        check=False,
    ).returncode


def _run(command: Sequence[str], folder: Path) -> None:
    subprocess.run(command, cwd=folder, check=True)


def main() -> None:
    """Try every patch; exit 1 when a test does not see its own."""
    unseen = 0
    for mutation in map(Mutation, PATCHES):
        is_seen = mutation.is_seen()
        unseen += not is_seen
        verdict = "goes red" if is_seen else "DOES NOT SEE IT"
        click.echo(f"{mutation.patch.stem}: {mutation.test} {verdict}")
    click.echo(f"{len(PATCHES)} mutations, {unseen} unseen")
    sys.exit(1 if unseen or not PATCHES else 0)


if __name__ == "__main__":
    main()
