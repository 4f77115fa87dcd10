"""`dc-assets init`: write a first spec from what both sides say of themselves."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from shlex import quote

import click

from dc_assets.cli.connections import open_org
from dc_assets.cli.console import Console
from dc_assets.core.errors import ConfigError
from dc_assets.core.exit_codes import ExitCode
from dc_assets.core.first_spec.draft import Draft
from dc_assets.core.first_spec.sides import Choice
from dc_assets.core.first_spec.text import written
from dc_assets.core.spec import DEFAULT_DATA_SPACE
from dc_assets.load.spec_files import read_folder
from dc_assets.wiring.first_source import place_of, refuse_other_than_name, seen_from
from dc_assets.wiring.first_spec import Ask, Wishes, first_draft
from dc_assets.wiring.settings import PACKAGED_LOADS, loads_folder

_EXAMPLES = """\b
Examples:
  dc-assets init contacts --object Contact --source ExtContacts__dlm
  dc-assets init contacts --object Contact --source 'people/*.parquet' --key uuid
  dc-assets init contacts --object Contact --source ExtContacts__dlm --yes
"""


@click.command(epilog=_EXAMPLES)
@click.argument("name")
@click.option("--object", "object_name", required=True, help="Object in the org, such as Contact.")
@click.option(
    "--source",
    required=True,
    metavar="OBJECT|FILES",
    help="Object of Data Cloud, such as ExtContacts__dlm, or Parquet or CSV files.",
)
@click.option("--key", metavar="COLUMN", help="Column with the external id.")
@click.option("--external-id", metavar="FIELD", help="External ID field that rows are matched by.")
@click.option("--parent", metavar="COLUMN", help="Column whose parents decide the lanes.")
@click.option(
    "--data-space", default=DEFAULT_DATA_SPACE, help="Data space of the object of Data Cloud."
)
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where to write it, instead of DC_ASSETS_LOADS.",
)
@click.option("--yes", is_flag=True, help="Ask nothing: take what is clearly right.")
def init(
    name: str,
    *,
    object_name: str,
    source: str,
    key: str | None,
    external_id: str | None,
    parent: str | None,
    data_space: str,
    folder: Path | None,
    yes: bool,
) -> int:
    """Write a first spec, NAME.yaml, from what both sides say of themselves.

    Key, external id, columns, types, parents and partitions are proposed: by names, by describe, by
    the metadata of the source, and by what was counted in it. Where several answers are possible it
    asks. A file that is there is never overwritten. Nothing is sent to the org.

    Exit code 2 if something is left that only you can know; it says what.
    """
    refuse_other_than_name(name)
    if not yes and not sys.stdin.isatty():
        raise click.UsageError(
            "init asks what only you can know, and there is no terminal to ask at. Give --yes to "
            "take what is clearly right."
        )
    file = _free_file(_folder(folder), name)
    place = place_of(source, data_space)
    console = Console()
    wishes = Wishes(name, object_name, place, key, external_id, parent)
    with open_org() as session:
        draft = first_draft(session, wishes, _best if yes else _asked_at(console))
    _write(file, replace(draft, place=seen_from(file.parent, place)))
    return _told(console, file, draft)


def _best(choice: Choice) -> str | None:
    return choice.best


def _folder(wished: Path | None) -> Path:
    """Return where the spec goes; the packaged folder is the program's own, and goes with it."""
    if wished is not None:
        return wished.absolute()
    folder = loads_folder()
    return Path.cwd() / "loads" if folder == PACKAGED_LOADS else folder


def _free_file(folder: Path, name: str) -> Path:
    """Return the file of a new load.

    Raises:
        ConfigError: there is a file or a load of that name.
    """
    file = folder / f"{name}.yaml"
    if file.exists():
        raise ConfigError(f"{file} is there already, and is not overwritten. Take another NAME.")
    if any(folder.glob("*.yaml")):
        for other, spec in read_folder(folder).specs.items():
            if spec.name == name:
                raise ConfigError(f"{other} has a load called {name}. Take another NAME.")
    return file


def _asked_at(console: Console) -> Ask:
    """Return what asks at the terminal."""

    def ask(choice: Choice) -> str | None:
        console.print(choice.question)
        for number, one in enumerate(choice.candidates, start=1):
            console.print(f"  {number}  {one.name}: {one.fact}", soft_wrap=True)
        best = choice.names.index(choice.best) + 1 if choice.best in choice.names else None
        number = click.prompt(
            "Number", type=click.IntRange(1, len(choice.candidates)), default=best
        )
        return choice.names[int(number) - 1]

    return ask


def _write(file: Path, draft: Draft) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8") as sink:
            sink.write(written(draft))
    except OSError as error:
        raise ConfigError(f"{file} cannot be written: {error.strerror}.") from error


def _told(console: Console, file: Path, draft: Draft) -> ExitCode:
    """Say what was written, what only a person can know, and what comes next."""
    console.print(f"Wrote {file}", soft_wrap=True)
    for what, fact in (
        ("key", f"{draft.key} → {draft.target.name}.{draft.external_id}"),
        ("parent", draft.parent or "none"),
        (
            "columns",
            f"{len(draft.columns)}, and {len(draft.left)} are not loaded: the file says why",
        ),
        ("partitions", f"{len(draft.bounds) + 1}"),
    ):
        console.print(f"  {what:<10} {fact}", soft_wrap=True)
    for question in draft.questions:
        console.print(f"Only you can know: {question}", style="yellow", soft_wrap=True)
    if file.parent != loads_folder():
        console.print(f"export DC_ASSETS_LOADS={quote(str(file.parent))}", soft_wrap=True)
    console.print(f"Next: dc-assets plan {draft.name}", soft_wrap=True)
    return ExitCode.CONFIGURATION if draft.questions else ExitCode.PROVED
