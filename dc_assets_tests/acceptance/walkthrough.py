"""A reader who gives the commands of a document one after another, in one terminal."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dc_assets_tests.acceptance.stage import Done

BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#{2,3} (.+)$", re.MULTILINE)
CODE = re.compile(r"^(.*?)\s+# (\d+)$")
END_OF_TEXT = re.compile(r"<<'(\w+)'$")
KEEPS_THE_TERMINAL = (
    '\ncode=$?; { export -p; umask -p; printf \'cd %q\\n\' "$PWD"; } > "$KEPT"; exit $code'
)


@dataclass(frozen=True)
class Step:
    """A command of a document: under which heading it stands, and the exit code that it names."""

    heading: str
    command: str
    code: int = 0


def steps_of(document: Path) -> list[Step]:
    """Return every command of the `sh` blocks of a document, in order."""
    parts = HEADING.split(document.read_text(encoding="utf-8"))
    sections = zip(parts[1::2], parts[2::2], strict=True)
    return [
        step_of(heading, command)
        for heading, text in sections
        for block in BLOCK.findall(text)
        for command in commands_of(block)
    ]


def commands_of(block: str) -> Iterator[str]:
    """Yield the commands of a block; a text that is given by `<<'END'` belongs to its command."""
    lines = iter(block.splitlines())
    for line in lines:
        command = [line]
        text = END_OF_TEXT.search(line)
        if text is not None:
            for more in lines:
                command.append(more)
                if more == text.group(1):
                    break
        yield "\n".join(command)


def step_of(heading: str, command: str) -> Step:
    """Read one command, with the exit code behind its `#`."""
    found = CODE.match(command)
    if found is None:
        return Step(heading, command)
    return Step(heading, found.group(1), int(found.group(2)))


def placeholders_of(document: Path) -> set[str]:
    """Return the first column of the table of placeholders."""
    text = document.read_text(encoding="utf-8").partition("**Placeholders.**")[2]
    return set(re.findall(r"^\| `([^`]+)` \|", text.partition("\n## ")[0], re.MULTILINE))


@dataclass
class Reader:
    """Gives commands as a person does who puts own values in the place of the placeholders.

    What a command leaves in the shell (folder, settings, umask) is there for the next one.
    """

    folder: Path
    environment: Mapping[str, str]
    typed: str
    values: dict[str, str] = field(default_factory=dict[str, str])

    def give(self, command: str) -> Done:
        """Give a command, and type what it may ask for."""
        for placeholder, value in self.values.items():
            command = command.replace(placeholder, value)
        kept = self.folder / "terminal.sh"
        before = f". {kept}\n" if kept.exists() else ""
        done = subprocess.run(
            ["/bin/bash", "-c", before + command + KEEPS_THE_TERMINAL],
            env={**self.environment, "KEPT": str(kept)},
            cwd=self.folder,
            input=f"{self.typed}\n",
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)
