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
from collections.abc import Collection, Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import click
import pytest

ROOT = Path(__file__).parents[2]
PATCHES = sorted(Path(__file__).parent.glob("*.patch"))
PARTS = ("dc_assets", "dc_assets_tests", "pyproject.toml", "README.md", "dagster.yaml")
TEST_WITHIN_S = 180.0
AT_ONCE = 3
"""Tests wait for servers: three at once share two cores."""


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
        """What the test says of a copy with the patch."""
        with _copy() as folder:
            apply = ["git", "apply", str(self.patch)]
            subprocess.run(apply, cwd=folder, check=True)
            patched = _outcome(_pytest(folder, "-x", self.test))
        return Outcome.UNSEEN if patched is Outcome.GREEN else patched


def unchanged(tests: Collection[str]) -> Mapping[str, Outcome]:
    """What the tests say of an unchanged copy: asked together, and if one is red one by one."""
    with _copy() as folder:
        done = _pytest(folder, "-rp", *tests)
        if done.returncode:
            return {test: _outcome(_pytest(folder, test)) for test in tests}
    passed = [line for line in done.stdout.splitlines() if line.startswith("PASSED ")]
    return {
        test: Outcome.GREEN
        if any(line.startswith(f"PASSED {test}") for line in passed)
        else Outcome.SKIPPED
        for test in tests
    }


@contextmanager
def _copy() -> Generator[Path]:
    """Copy the checkout, with its bytecode: only what a patch changes is compiled again."""
    unfinished = shutil.ignore_patterns("*.pyc.*")  # another process is writing it
    with tempfile.TemporaryDirectory(prefix="mutation-") as made:
        folder = Path(made)
        for part in PARTS:
            if (ROOT / part).is_dir():
                shutil.copytree(ROOT / part, folder / part, ignore=unfinished)
            else:
                shutil.copy(ROOT / part, folder / part)
        yield folder


def _pytest(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    options = ["-q", "-n", "0", "-p", "no:cacheprovider", "-o", "addopts=--import-mode=importlib"]
    environment = {**os.environ, "PYTHONPATH": str(folder)}  # programs of the test are mutated too
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=TEST_WITHIN_S * len(arguments),
        check=False,
    )


def _outcome(done: subprocess.CompletedProcess[str]) -> Outcome:
    if done.returncode == 0:
        return Outcome.GREEN if " passed" in done.stdout else Outcome.SKIPPED
    return Outcome.RED if done.returncode == pytest.ExitCode.TESTS_FAILED else Outcome.BROKEN


def _judged(before: Outcome, patched: Outcome) -> Outcome:
    """Return what became of a mutation whose test must have been green without it."""
    if before is Outcome.GREEN:
        return patched
    return before if before is Outcome.SKIPPED else Outcome.BROKEN


@click.command()
@click.option("--only", default="", help="Mutations whose name holds this text.")
def main(only: str) -> None:
    """Try every patch; exit 1 when a test does not see its own."""
    mutations = [one for one in map(Mutation, PATCHES) if only in one.patch.stem]
    outcomes: Counter[Outcome] = Counter()
    with ThreadPoolExecutor(AT_ONCE) as crew:
        before = crew.submit(unchanged, sorted({one.test for one in mutations}))
        patched = crew.map(Mutation.outcome, mutations)
        for mutation, seen_by_test in zip(mutations, patched, strict=True):
            outcome = _judged(before.result()[mutation.test], seen_by_test)
            outcomes[outcome] += 1
            click.echo(f"{mutation.patch.stem}: {mutation.test} {outcome.value}")
    skipped, seen = outcomes[Outcome.SKIPPED], outcomes[Outcome.RED]
    unseen = outcomes.total() - skipped - seen
    click.echo(f"{outcomes.total()} mutations, {unseen} unseen, {skipped} skipped")
    sys.exit(1 if unseen or not seen else 0)


if __name__ == "__main__":
    main()
