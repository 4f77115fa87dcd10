"""Writes docs/commands.md from the commands' own help (python -m dc_assets_tests.command_docs)."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from dc_assets.cli.endings import ENDINGS
from dc_assets.cli.main import COMMANDS
from dc_assets.core.exit_codes import ExitCode
from dc_assets.demo.commands import demo, dev
from dc_assets.emulator.command import main as emulator
from dc_assets_tests.cli.in_process import every_command

DOCUMENT = Path(__file__).parents[1] / "docs" / "commands.md"
PROGRAMS: dict[str, click.Command] = {"demo": demo, "dev": dev, "emulator": emulator}
"""Programs of their own, which `dc-assets` becomes: their options are not the group's."""

HEAD = """\
# Commands

Written from the commands' own help by `python -m dc_assets_tests.command_docs`; do not edit by \
hand. LOAD is the name of a load spec ([specs.md](specs.md)); with one spec in the folder it may \
be left out. Every command takes `-h` or `--help`. By tasks instead: [operating.md](operating.md). \
Settings: [settings.md](settings.md). Words: [glossary.md](glossary.md).
"""


def commands() -> dict[str, click.Command]:
    """Return every command with the parameters that it really takes."""
    return {name: PROGRAMS.get(name, command) for name, command in every_command().items()}


def document() -> str:
    """Return the text of the reference."""
    known = commands()
    parts = [HEAD, _overview(sorted(known)), _codes()]
    parts += [_section(name, known[name]) for name in sorted(known)]
    return "\n".join(parts)


def _overview(names: list[str]) -> str:
    rows = [f"| [`{name}`](#{name}) | {COMMANDS[name][1]} |" for name in names]
    return "\n".join(["| command | does |", "|---|---|", *rows, ""])


def _codes() -> str:
    """Return the exit codes that hold for all commands, as their own table explains them."""
    rows = [f"| {code.value} | {_words_of(code)} |" for code in ExitCode]
    return "\n".join(["## Exit codes", "", "| code | means |", "|---:|---|", *rows, ""])


def _words_of(code: ExitCode) -> str:
    """Return the line below a member of the enum."""
    source = Path(sys.modules[ExitCode.__module__].__file__ or "").read_text(encoding="utf-8")
    found = re.search(rf'{code.name} = \d+\n    """(.+?)"""', source, re.DOTALL)
    assert found is not None, code
    return " ".join(found.group(1).split()).rstrip(".")


def _section(name: str, command: click.Command) -> str:
    arguments = [p for p in command.params if isinstance(p, click.Argument)]
    names = [p.make_metavar(click.Context(command)) for p in arguments]
    called = " ".join(["dc-assets", name, "[OPTIONS]", *names])
    blocks = [f"## {name}", f"`{called}`", *_paragraphs(command.help or "")]
    if options := "\n".join(_options(command)):
        blocks.append(options)
    blocks.append(f"```\n{_examples(command)}\n```")
    ends = [f"{code.value} {words}" for code, words in sorted(ENDINGS.get(name, {}).items())]
    if ends:
        blocks.append(f"Exit codes: {'; '.join(ends)}.")
    return "\n\n".join(blocks) + "\n"


def _paragraphs(text: str) -> Iterator[str]:
    """Yield the paragraphs of a help text, each as one line."""
    for paragraph in re.split(r"\n\s*\n", text.partition("\f")[0].strip()):
        yield " ".join(paragraph.split())


def _options(command: click.Command) -> Iterator[str]:
    context = click.Context(command)
    for parameter in command.params:
        if isinstance(parameter, click.Option) and not parameter.hidden:
            shown, words = parameter.get_help_record(context) or ("", "")
            name, _, value = shown.partition(" ")
            value = value.removesuffix(" RANGE")
            meaning = _in_words(" ".join(words.split()))
            yield f"- `{name}{' ' * bool(value)}{value}`: {meaning}"


def _in_words(meaning: str) -> str:
    """Write the bounds of a number as people do.

    >>> _in_words("Rows. [default: 5; 1<=x<=99]"), _in_words("Days. [x>=0]")
    ('Rows. (default: 5; 1 to 99)', 'Days. (0 or more)')
    """
    meaning = re.sub(r"([\d.]+)(<=?)x<=([\d.]+)", r"\1 to \3", meaning)
    meaning = re.sub(r"x>=([\d.]+)", r"\1 or more", meaning)
    return re.sub(r"\[([^\]]+)\]$", r"(\1)", meaning)


def _examples(command: click.Command) -> str:
    """Return the examples of a help text without their indentation."""
    found = re.findall(r"^  (dc-assets .+)$", command.epilog or "", re.MULTILINE)
    return "\n".join(line.rstrip() for line in found)


if __name__ == "__main__":
    DOCUMENT.write_text(document(), encoding="utf-8")
