"""Applies each patch to a copy of the checkout and asks whether its test goes red.

    python -m dc_assets_tests.mutations [--only TEXT]

The first line of a patch names its test: ``# test: path::name``. The test must be green on an
unchanged copy and red, by an assertion and not by a crash of pytest, on the patched one. A patch
``org-*`` takes one strictness from the emulated org: a test of the product or a client that nobody
here wrote must miss it. A test that is skipped, because what it needs is not installed, counts as
neither.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache
from pathlib import Path

import click
import pytest

ROOT = Path(__file__).parents[2]
PATCHES = sorted(Path(__file__).parent.glob("*.patch"))
PARTS = ("dc_assets", "dc_assets_tests", "pyproject.toml", "README.md", "dagster.yaml")
TEST_WITHIN_S = 180.0


class Outcome(Enum):
    """What became of the test of a mutation, or of the mutation."""

    GREEN = "is green"
    RED = "goes red"
    SKIPPED = "is skipped"
    BROKEN = "cannot be run"
    UNSEEN = "DOES NOT SEE IT"


@dataclass(frozen=True)
class Mutation:
    """A patch and the test that must see it."""

    patch: Path

    @property
    def test(self) -> str:
        """Path and name of the test, as pytest takes them."""
        return self.patch.read_text(encoding="utf-8").splitlines()[0].removeprefix("# test: ")

    def outcome(self) -> Outcome:
        """Red when the test is green without the patch and red with it."""
        unchanged = _unchanged(self.test)
        if unchanged is not Outcome.GREEN:
            return unchanged if unchanged is Outcome.SKIPPED else Outcome.BROKEN
        with tempfile.TemporaryDirectory(prefix="mutation-") as folder:
            copy = Path(folder)
            _copy_to(copy)
            _run(["git", "apply", str(self.patch)], copy)
            patched = _run_test(copy, self.test)
        return Outcome.UNSEEN if patched is Outcome.GREEN else patched


@cache
def _unchanged(test: str) -> Outcome:
    """What a test says of an unchanged copy; several patches may have the same."""
    with tempfile.TemporaryDirectory(prefix="unchanged-") as folder:
        _copy_to(Path(folder))
        return _run_test(Path(folder), test)


def _copy_to(folder: Path) -> None:
    ignored = shutil.ignore_patterns("__pycache__")
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, folder / part, ignore=ignored)
        else:
            shutil.copy(ROOT / part, folder / part)


def _run_test(folder: Path, test: str) -> Outcome:
    options = ["-q", "-n", "0", "-p", "no:cacheprovider", "-o", "addopts=--import-mode=importlib"]
    command = [sys.executable, "-m", "pytest", *options, test]
    environment = {**os.environ, "PYTHONPATH": str(folder)}  # programs of the test are mutated too
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=TEST_WITHIN_S,
        check=False,
    )
    if done.returncode == 0:
        return Outcome.GREEN if " passed" in done.stdout else Outcome.SKIPPED
    return Outcome.RED if done.returncode == pytest.ExitCode.TESTS_FAILED else Outcome.BROKEN


def _run(command: Sequence[str], folder: Path) -> None:
    subprocess.run(command, cwd=folder, check=True)


@click.command()
@click.option("--only", default="", help="Mutations whose name holds this text.")
def main(only: str) -> None:
    """Try every patch; exit 1 when a test does not see its own."""
    outcomes: Counter[Outcome] = Counter()
    for mutation in map(Mutation, PATCHES):
        if only in mutation.patch.stem:
            outcome = mutation.outcome()
            outcomes[outcome] += 1
            click.echo(f"{mutation.patch.stem}: {mutation.test} {outcome.value}")
    skipped, seen = outcomes[Outcome.SKIPPED], outcomes[Outcome.RED]
    unseen = outcomes.total() - skipped - seen
    click.echo(f"{outcomes.total()} mutations, {unseen} unseen, {skipped} skipped")
    sys.exit(1 if unseen or not seen else 0)


if __name__ == "__main__":
    main()
