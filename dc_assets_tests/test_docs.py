"""The documents name everything that the program has, and nothing that it has not."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path
from types import UnionType
from typing import Union, get_args, get_origin

import click
import pytest
from pydantic import BaseModel

from dc_assets.cli.main import COMMANDS
from dc_assets.core.checks import check_descriptions
from dc_assets.core.spec import LoadSpec, check_name
from dc_assets.demo.commands import demo, dev
from dc_assets.emulator.app import ORG_ROUTES, TENANT_ROUTES
from dc_assets.emulator.command import main as emulator
from dc_assets.emulator.routes.admin import KIND as SIDE_DOOR
from dc_assets.emulator.stores.fault_kinds import FAULT_KINDS
from dc_assets.load.component_files import OPTIONS, SPEC
from dc_assets.wiring.settings import names
from dc_assets_tests.cli.in_process import every_command
from dc_assets_tests.fakes.specs import small_spec

ROOT = Path(__file__).parents[1]
PROGRAMS: dict[str, click.Command] = {"demo": demo, "dev": dev, "emulator": emulator}
STANDARD = {"--help", "--version", "-h"}


def documents() -> dict[str, str]:
    """Return the text of README and docs by their path."""
    files = [*ROOT.glob("[RC]*.md"), *sorted((ROOT / "docs").rglob("*.md"))]
    files.remove(ROOT / "CHANGELOG.md")  # it names what has gone, too
    return {str(file.relative_to(ROOT)): file.read_text(encoding="utf-8") for file in files}


GENERATED = "docs/commands.md"
ALL_TEXT = "\n".join(text for name, text in documents().items() if name != GENERATED)
"""What people wrote: the reference has every command and option by itself."""


def commands() -> dict[str, click.Command]:
    """Return every command with the parameters that it really takes."""
    return {name: PROGRAMS.get(name, command) for name, command in every_command().items()}


def options_of(command: click.Command, *, hidden: bool = False) -> set[str]:
    """Return the long options of a command."""
    return {
        name
        for parameter in command.params
        if isinstance(parameter, click.Option) and (hidden or not parameter.hidden)
        for name in parameter.opts
        if name.startswith("--")
    }


def is_documented(word: str, text: str = ALL_TEXT) -> bool:
    """Tell whether a word stands in a text by itself."""
    return re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text) is not None


def settings_of(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Yield the settings of a spec as the document writes them, such as `source.key`."""
    for name, field in model.model_fields.items():
        inner = list(models_in(field.annotation))
        if not inner:
            yield f"{prefix}{name}"
        for part in inner:
            yield from settings_of(part, f"{prefix}{name}.")


def models_in(annotation: object) -> Iterator[type[BaseModel]]:
    """Yield the models of a type, those of its parts too."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) in {tuple, list, Union, UnionType}:
        for part in get_args(annotation):
            yield from models_in(part)


@pytest.mark.parametrize("name", sorted(commands()))
def test_every_command_is_documented(name: str) -> None:
    """README or docs show how it is called."""
    assert f"dc-assets {name}" in ALL_TEXT


@pytest.mark.parametrize(
    ("name", "option"),
    [(name, opt) for name, c in sorted(commands().items()) for opt in sorted(options_of(c))],
)
def test_every_option_is_documented(name: str, option: str) -> None:
    """Somewhere in README or docs, by its name."""
    assert option in STANDARD or is_documented(option), f"dc-assets {name} {option}"


@pytest.mark.parametrize("variable", names())
def test_every_environment_variable_is_documented(variable: str) -> None:
    """A setting nobody can find is no setting."""
    assert is_documented(variable)


@pytest.mark.parametrize("check", check_descriptions(small_spec()))
def test_every_check_is_documented(check: str) -> None:
    """By its name, in the table that says what each compares; one is named by its field."""
    row = check.replace(check_name("Title__c"), "<field>_distribution_matches")
    assert f"| `{row}` |" in documents()["docs/how-it-works.md"]


@pytest.mark.parametrize("fault", FAULT_KINDS)
def test_every_fault_of_the_emulated_org_is_documented(fault: str) -> None:
    """In the tables of its page."""
    assert f"| `{fault}` |" in documents()["docs/emulator.md"]


@pytest.mark.parametrize("setting", sorted(settings_of(LoadSpec)))
def test_every_setting_of_a_spec_is_documented(setting: str) -> None:
    """By its path; `columns.source` and `columns.target` may stand in one line."""
    specs = documents()["docs/specs.md"]
    group, _, own = setting.rpartition(".")
    listed = re.search(rf"^\| `{group}` \|.*`{own}`", specs, re.MULTILINE) if group else None
    assert f"| `{setting}` |" in specs or listed is not None


@pytest.mark.parametrize("attribute", [SPEC, *OPTIONS])
def test_every_attribute_of_the_component_is_documented(attribute: str) -> None:
    """Beside the settings of a load, in a table of its own."""
    assert f"\n| `{attribute}` |" in documents()["docs/specs.md"]


def test_no_setting_is_documented_that_a_spec_refuses() -> None:
    """The first column of the table holds settings only."""
    known = {*settings_of(LoadSpec), SPEC, *OPTIONS}
    known |= {setting.rpartition(".")[0] for setting in known}
    named = re.findall(r"^\| `([a-z_.]+)` \|", documents()["docs/specs.md"], re.MULTILINE)
    assert [name for name in named if name not in known] == []


@pytest.mark.parametrize(
    "word",
    [
        *("external id", "source", "target", "id range", "partition", "page", "ingest job"),
        *("batch", "internal batch", "chunk", "payload", "parent", "lane", "attempt"),
        *("backoff ladder", "snooze", "selected", "landed", "refused", "pending", "load", "plan"),
        *("spool", "receipt", "window", "hot parent", "ledger", "settled", "unprocessed"),
        *("dead letter", "rescue", "fake", "emulator"),
    ],
)
def test_every_word_of_ours_stands_in_the_glossary(word: str) -> None:
    """One word, one meaning: the first column of its table."""
    entries = re.findall(r"^\| ([^|]+) \|", documents()["docs/glossary.md"], re.MULTILINE)
    assert word in {part.strip() for entry in entries for part in entry.split(",")}


def calls() -> Iterator[tuple[str, str, str]]:
    """Yield document, command and option of every `dc-assets … --option` that is written."""
    for document, text in documents().items():
        if document.startswith("docs/adr"):
            continue
        for line in text.splitlines():
            for call in re.split(r"[`#;]|&&", line):
                found = re.search(r"\bdc-assets ([a-z]+)\b(.*)", call)
                if found is not None:
                    yield document, found.group(1), ""
                    for option in re.findall(r"(?<!\S)--[a-z][a-z-]*", found.group(2)):
                        yield document, found.group(1), option


def test_no_call_is_documented_that_the_program_refuses() -> None:
    """Each documented command and option exists."""
    known = commands()
    wrong = [
        (document, name, option)
        for document, name, option in calls()
        if name not in known
        or (option and option not in options_of(known[name], hidden=True) | STANDARD)
    ]
    assert wrong == []


def lines_of_blocks() -> Iterator[tuple[str, list[str]]]:
    """Yield document and words of each whole call in a code block: what a reader would copy."""
    for document, text in documents().items():
        for block in re.findall(r"^ *```\w*\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL):
            for line in re.findall(r"^ *(?:\$ )?dc-assets (?!\[)(.*)$", block, re.MULTILINE):
                if "…" not in line and not line.endswith(":"):
                    yield document, shlex.split(line, comments=True)


def test_each_call_in_a_code_block_has_what_its_command_needs(tmp_path: Path) -> None:
    """Command line by command line: each is taken as it stands, its arguments and values too."""
    (tmp_path / "dead-letters.csv").touch()  # the documents export it before they read it
    lines, known, wrong = list(lines_of_blocks()), commands(), list[str]()
    with chdir(tmp_path):
        for document, words in lines:
            try:
                known[words[0]].make_context(words[0], words[1:])
            except click.UsageError as error:
                wrong.append(f"{document}: dc-assets {' '.join(words)}: {error.message}")
    assert len(lines) > 100
    assert wrong == []


def calls_of(*documents: str) -> list[set[str]]:
    """Return the words of each whole call in the code blocks of some documents."""
    return [set(words) for document, words in lines_of_blocks() if document in documents]


def test_the_guide_to_production_says_so_wherever_a_command_asks() -> None:
    """Each call of it that begins a load has the word; what only shows needs none."""
    asking = {name for name, command in commands().items() if "--production" in options_of(command)}
    begins = [words for words in calls_of("docs/first-load.md") if words & asking]
    begins = [w for w in begins if "--list" not in w and not ("restore" in w and len(w) == 2)]
    assert len(begins) > 3
    assert [words for words in begins if "--production" not in words] == []


def test_the_main_path_saves_what_it_overwrites() -> None:
    """Each canary, and each load of what differs, has a snapshot: later it takes none."""
    path = calls_of("README.md", "docs/connect.md", "docs/first-load.md")
    loads = [words for words in path if words & {"--canary", "--missing", "--changed"}]
    assert len(loads) > 5
    assert [words for words in loads if "--snapshot" not in words] == []


def test_the_documented_calls_are_found() -> None:
    """The search above sees what README and the guides show."""
    assert ("README.md", "run", "--canary") in set(calls())
    assert ("docs/try.md", "demo", "--bad-rows") in set(calls())
    assert ("docs/connect.md", "run", "--local") in set(calls())


@pytest.mark.parametrize("name", sorted(commands()))
def test_the_help_of_a_command_has_examples_that_it_takes(name: str) -> None:
    """The first one is of the command, and each has only options of its own command."""
    known = commands()
    examples = re.findall(r"^  dc-assets (.*?)(?: +#.*)?$", known[name].epilog or "", re.MULTILINE)
    assert examples[0].split()[0] == name
    for words in map(str.split, examples):
        assert {word for word in words if word.startswith("--")} <= options_of(known[words[0]])


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_says_what_each_says_of_itself(name: str) -> None:
    """The list is written down, so that nothing is imported to show it."""
    assert every_command()[name].get_short_help_str(limit=100) == COMMANDS[name][1]


STANDINGS = {"faithful", "differs", "unconfirmed"}
COVERAGE = "docs/emulator-coverage.md"


def coverage_of_endpoints() -> dict[str, set[str]]:
    """Return the methods of each path as the page of the emulator's coverage lists them."""
    rows = re.findall(r"^\| `([/…][^`]*)` \| ([A-Z, ]+) \|", documents()[COVERAGE], re.MULTILINE)
    return {path: set(methods.split(", ")) for path, methods in rows}


def test_every_endpoint_of_the_emulated_org_has_its_standing() -> None:
    """The page of its coverage has each path with its methods, and none that is gone."""
    served: dict[str, set[str]] = {}
    for route in (*ORG_ROUTES, *TENANT_ROUTES):
        if route.kind != SIDE_DOOR:
            path = route.path.replace("/services/data/v{version}/", "…/")
            path = path.replace("/services/data/v{version}", "/services/data/vNN.0")
            served.setdefault(path, set()).add(route.method)
    assert coverage_of_endpoints() == served


def test_every_rule_of_the_coverage_has_one_standing() -> None:
    """Each row of the tables says faithful, differs or unconfirmed, and why."""
    rules = documents()[COVERAGE].partition("## Endpoints of the org")[2]
    lines = [line for line in rules.splitlines() if line.startswith("| ")]
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    wrong = [row for row in rows if row[-2] not in {*STANDINGS, "standing"} or not row[-1]]
    assert len(rows) > 60
    assert wrong == []
