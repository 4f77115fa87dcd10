"""Rules of style that a tool does not know."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PRODUCT = sorted((ROOT / "dc_assets").rglob("*.py"))
TESTS = sorted((ROOT / "dc_assets_tests").rglob("*.py"))
FILES = [file for file in PRODUCT + TESTS if file != Path(__file__)]

FUNCTION_LINES_MAX = 70
MODULE_LINES_MAX = 500
INIT_LINES_MAX = 20
PUBLIC = "dc_assets/__init__.py"
"""Names what is public, which is imported when it is asked for."""
CLOCKS = {"dc_assets/ledger/clock.py", "dc_assets/emulator/clock.py"}
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "manager"}
OBJECT_WORDS = ("Opportunity", "StageName")


def name(file: Path) -> str:
    """Return the path of a file inside the repository."""
    return file.relative_to(ROOT).as_posix()


def lines_with(pattern: str, files: list[Path]) -> list[str]:
    """Return file and line of every match, written as a person would look it up."""
    found = re.compile(pattern)
    return [
        f"{name(file)}:{number}: {line.strip()}"
        for file in files
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1)
        if found.search(line)
    ]


def functions(file: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield every function and method of a file."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_there_is_something_to_look_at() -> None:
    """The rules below would hold for an empty folder too."""
    assert len(PRODUCT) > 30
    assert len(TESTS) > 10


def test_no_function_is_too_long() -> None:
    """A function fits on a screen, its docstring included."""
    long = [
        f"{name(file)}:{node.lineno} {node.name}"
        for file in FILES
        for node in functions(file)
        if (node.end_lineno or 0) - node.lineno + 1 > FUNCTION_LINES_MAX
    ]
    assert long == []


def test_no_module_is_too_long() -> None:
    """A module is read in one go."""
    sizes = {name(f): len(f.read_text(encoding="utf-8").splitlines()) for f in FILES}
    assert {f: size for f, size in sizes.items() if size > MODULE_LINES_MAX} == {}


def test_a_package_file_holds_little() -> None:
    """An `__init__` says what a package is and does nothing."""
    inits = [file for file in FILES if file.name == "__init__.py" and name(file) != PUBLIC]
    long = [
        name(f) for f in inits if len(f.read_text(encoding="utf-8").splitlines()) > INIT_LINES_MAX
    ]
    assert long == []


def test_only_the_clocks_read_the_time_or_sleep() -> None:
    """Everything else is handed a clock, so that a test can turn its hands."""
    files = [file for file in FILES if name(file) not in CLOCKS]
    product = [file for file in files if file in PRODUCT]
    assert lines_with(r"\btime\.(sleep|time)\(|\bdatetime\.(now|utcnow)\(", product) == []
    assert lines_with(r"\bfrom time import", product) == []


def test_one_module_reads_the_environment() -> None:
    """Every setting has one name, type and meaning; emulator and demo have options of their own.

    The variables of proxies and certificates are not ours: the network reads them.
    """
    apart = {"emulator", "demo"}
    files = [f for f in PRODUCT if f.relative_to(ROOT / "dc_assets").parts[0] not in apart]
    readers = {"dc_assets/wiring/settings.py", "dc_assets/salesforce/bounded.py"}
    files = [f for f in files if name(f) not in readers]
    assert lines_with(r"os\.environ|getenv|EnvVar", files) == []


def test_tests_use_named_doubles() -> None:
    """A double is a class with a name; nothing is patched from outside."""
    tests = [file for file in FILES if file in TESTS]
    assert lines_with(r"\bMock\b|MagicMock|(?<!\.)\bpatch\(|\bmock\.|monkeypatch", tests) == []


def test_every_test_states_a_fact() -> None:
    """The first line of its docstring is the fact that the test would see broken."""
    silent = [
        f"{name(file)}:{node.lineno} {node.name}"
        for file in TESTS
        for node in functions(file)
        if node.name.startswith("test_") and not ast.get_docstring(node)
    ]
    assert silent == []


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        (r"^\s*(import|from) requests\b", "httpx is the one HTTP client"),
        (r"\bTODO\b|\bFIXME\b|\bXXX\b", "an open point is an issue, not a comment"),
        (r"raise (Base)?Exception\b", "an error says what the caller can do"),
    ],
)
def test_some_lines_are_written_nowhere(pattern: str, reason: str) -> None:
    """Each of these lines has a better form."""
    assert lines_with(pattern, FILES) == [], reason


def test_no_file_is_a_drawer_for_everything() -> None:
    """A file is named by what is in it."""
    assert [name(file) for file in FILES if file.stem in VAGUE_NAMES] == []


def test_the_product_knows_no_object_of_an_org() -> None:
    """Names of objects and fields stand in load specs; emulator and demo have their own world."""
    apart = {"emulator", "demo"}
    files = [f for f in PRODUCT if f.relative_to(ROOT / "dc_assets").parts[0] not in apart]
    assert lines_with("|".join(OBJECT_WORDS), files) == []


def test_the_changelog_tells_of_this_version() -> None:
    """A version that an operator installs has an entry."""
    changelog = ROOT / "CHANGELOG.md"
    if not changelog.exists():
        pytest.skip("there is no CHANGELOG.md yet")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] in changelog.read_text(encoding="utf-8")


def test_views_only_read() -> None:
    """What writes to the ledger is in `ledger`; a view never asks for a writer's transaction."""
    views = [path for path in FILES if path.parent.name == "views"]
    assert views
    assert lines_with(r"\.begin\(|\.(insert|update|delete)\(\)", views) == []


HEARTBEATS = {"heartbeat", "_release"}
"""They are beaten again anyway, or no more: nobody waits for them."""


def transactions(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count the transactions of the ledger that a function begins itself."""
    begun = re.compile(
        r"with \(?self\._database\.(begin|read)\(\)|with \(?database\.(begin|read)\(\)"
    )
    return len(begun.findall(ast.unparse(function)))


def test_every_transaction_of_the_ledger_is_carried_out_again() -> None:
    """A function that begins one begins no other, and outlives an absence of the ledger."""
    files = [file for file in PRODUCT if file.parent.name in {"ledger", "views"}]
    found = [(file, f, n) for file in files for f in functions(file) if (n := transactions(f))]
    assert len(found) > 50
    wrong = [
        f"{name(file)}:{f.lineno} {f.name}"
        for file, f, begun in found
        if f.name not in HEARTBEATS
        and (begun > 1 or "one_transaction" not in map(ast.unparse, f.decorator_list))
    ]
    assert wrong == []
