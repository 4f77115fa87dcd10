"""Reads load specs from YAML; what is wrong is said with file and line."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from zoneinfo import ZoneInfo

import yaml
from pydantic import ValidationError

from dc_assets.core.errors import ConfigError
from dc_assets.core.spec import LoadSpec, settings_at
from dc_assets.load.component_files import (
    Written,
    component_files,
    has_components,
    load_written_in,
    loads_named_in,
)
from dc_assets.load.spec_lines import child, line_in, refusal, text_of
from dc_assets.load.strict_yaml import NotPlain, read_document

NO_IANA_NAMES = frozenset({"localtime", "posix", "posixrules", "right"})
"""What systems have beside the zones of IANA; what converts times knows none of them."""


@dataclass(frozen=True, slots=True)
class SpecFolder:
    """The files of a folder of load specs: one that is wrong takes no other down.

    Attributes:
        specs: those that can be loaded, by file, in the order of the files' names.
        broken: why the others cannot, one sentence with file and line each.
    """

    specs: Mapping[Path, LoadSpec]
    broken: Mapping[Path, str]


def read_folder(folder: Path) -> SpecFolder:
    """Read every ``*.yaml`` of a folder, and each load in a defs.yaml at any depth.

    Raises:
        ConfigError: the folder is missing, empty, or cannot be looked into.
    """
    found = read_folder_so_far(folder)
    if not found.specs and not found.broken:
        raise ConfigError(
            f"There is no load spec (*.yaml) in {folder}. Name their folder: in "
            "DC_ASSETS_LOADS, or in the call of build_load_defs."
        )
    return found


def read_folder_so_far(folder: Path) -> SpecFolder:
    """Read the loads of a folder, which may have none yet.

    Two files with one name for a load are both broken: nobody can say which one is meant.

    Raises:
        ConfigError: the folder cannot be looked into.
    """
    try:
        files: Sequence[Path] = _files(folder) if folder.is_dir() else ()
    except OSError as error:
        raise ConfigError(
            f"The folder of load specs cannot be read: {error.strerror}. Set DC_ASSETS_LOADS to it."
        ) from error
    found = read_files(files)
    specs, broken = found.specs, found.broken
    twice = _twice(specs)
    kept = {file: spec for file, spec in specs.items() if file not in twice}
    return SpecFolder(kept, {**broken, **twice})


def read_files(files: Sequence[Path]) -> SpecFolder:
    """Read the loads of some files, each once: one that is wrong takes no other down."""
    specs: dict[Path, LoadSpec] = {}
    broken: dict[Path, str] = {}
    known: dict[Path, Path] = {}
    for file in files:
        places: Sequence[Path] = [file]
        try:
            places = loads_named_in(file) if has_components(file) else places
            places = [known.setdefault(place.resolve(), place) for place in places]
            specs |= {place: read_spec(place) for place in places}
        except ConfigError as error:
            broken[file] = str(error)
    return SpecFolder(specs, broken)


def _files(folder: Path) -> Sequence[Path]:
    """Return the specs in a folder, and the components of a Dagster project at any depth."""
    specs = (file for file in folder.glob("*.yaml") if not has_components(file))
    return sorted([*specs, *component_files(folder)])


def _twice(specs: Mapping[Path, LoadSpec]) -> dict[Path, str]:
    """Return a sentence for each file whose load has the name of another one."""
    found: dict[Path, str] = {}
    for file, spec in specs.items():
        for other in (o for o, known in specs.items() if known.name == spec.name and o != file):
            root = written_in(file).root
            shown = other.name if other.parent == file.parent else other
            reason = f"another spec in this folder is called {spec.name} too: {shown}"
            found[file] = str(refusal(file, line_in(root, ("name",)), reason))
    return found


def read_spec(file: Path) -> LoadSpec:
    """Read one spec.

    Raises:
        ConfigError: it cannot be read, is not YAML, or does not make sense.
    """
    return spec_of(written_in(file))


def written_in(file: Path) -> Written:
    """Return the settings of a load as they stand in its file: a spec, or a defs.yaml.

    Raises:
        ConfigError: it cannot be read, or is not YAML.
    """
    if has_components(file):
        return load_written_in(file)
    try:
        document = read_document(text_of(file))
    except NotPlain as error:
        raise refusal(file, error.line, str(error)) from error
    return Written(file, document.content, document.root)


def spec_of(written: Written) -> LoadSpec:
    """Return the load that some settings are.

    Raises:
        ConfigError: they do not make sense; the sentence names file and line.
    """
    file, content, root = written.file, written.content, written.root
    if not isinstance(content, dict):
        raise refusal(file, line_in(root, ()), "a load spec is a mapping that begins with name")
    try:
        spec = LoadSpec.model_validate_json(json.dumps(content))
    except ValidationError as error:
        raise refusal(file, *_problem(written, error)) from error
    _refuse_unknown_zone(file, root, spec)
    if spec.source.files is None:
        return spec
    return spec.with_files(str(file.absolute().parent / Path(spec.source.files).expanduser()))


def _refuse_unknown_zone(file: Path, root: yaml.Node | None, spec: LoadSpec) -> None:
    if not _is_zone(spec.time_zone):
        reason = f"time_zone: there is no zone {spec.time_zone}; write an IANA name"
        raise refusal(file, line_in(root, ("time_zone",)), f"{reason} such as Europe/Vienna")


def _is_zone(name: str) -> bool:
    """Tell whether there is a zone; for a list of all of them a thousand files are read.

    >>> [_is_zone(name) for name in ("Europe/Vienna", "Europe", "Europe/Wien", "posix/UTC", "")]
    [True, False, False, False, False]
    """
    try:
        ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        return False
    return name.partition("/")[0] not in NO_IANA_NAMES


def _problem(written: Written, error: ValidationError) -> tuple[int, str]:
    problems = error.errors(include_url=False)
    unknown = (one for one in problems if one["type"] == "extra_forbidden")
    problem = next(unknown, problems[0])  # a misspelt setting is also a missing one
    line = line_in(written.root, problem["loc"])
    place = ".".join(str(part) for part in problem["loc"])
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "string_type":
        message += " (put the value in quotes)"
    if problem["type"] == "extra_forbidden":
        message = _no_such_setting(problem["loc"], written.others)
    if problem["type"] == "bool_type":
        message += " (write true or false)"
    return line, f"{place}: {message}" if place else message


def _no_such_setting(place: tuple[int | str, ...], others: Sequence[str] = ()) -> str:
    """Name the setting that was probably meant, or all that there are.

    >>> _no_such_setting(("partitions", "schema"))
    'no such setting; did you mean scheme?'
    """
    known = [*settings_at(place[:-1]), *(others if len(place) == 1 else ())]
    close = get_close_matches(str(place[-1]), known, n=1)
    if close:
        return f"no such setting; did you mean {close[0]}?"
    return f"no such setting; there is: {', '.join(known)}"


def spec_file(folder: Path, name: str) -> Path:
    """Return the file of the spec with a name.

    Raises:
        ConfigError: there is none.
    """
    for file, spec in read_folder(folder).specs.items():
        if spec.name == name:
            return file
    raise ConfigError(f"There is no load called {name} in {folder}.")


def line_of(file: Path, setting: Sequence[int | str]) -> int:
    """Return the line of a setting in a spec file that can be read."""
    return line_in(written_in(file).root, setting)


def write_ranges(file: Path, *, scheme: int, upper_bounds: Sequence[str]) -> None:
    """Replace scheme and bounds of a spec, and leave everything else in the file as it is.

    Raises:
        ConfigError: the file cannot be written.
    """
    text = file.read_text(encoding="utf-8")
    found = child(written_in(file).root, "partitions")
    assert found is not None, "a valid spec has partitions"
    edits = sorted([_scheme_edit(found[1], scheme), _bounds_edit(found[1], upper_bounds)])
    for start, end, new in reversed(edits):
        text = text[:start] + new + text[end:]
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{file} cannot be written: {error.strerror}.") from error


_Edit = tuple[int, int, str]
"""Start and end in a text, and what is written there instead."""


def _scheme_edit(partitions: yaml.Node, scheme: int) -> _Edit:
    found = child(partitions, "scheme")
    assert found is not None, "a valid spec has a scheme"
    return found[1].start_mark.index, found[1].end_mark.index, str(scheme)


def _bounds_edit(partitions: yaml.Node, upper_bounds: Sequence[str]) -> _Edit:
    """Write the bounds as a list, indented as the one that was there, else by two."""
    found = child(partitions, "upper_bounds")
    assert found is not None, "a valid spec has bounds"
    key, node = found
    assert isinstance(node, yaml.SequenceNode), "bounds are a list"
    items: list[yaml.Node] = node.value
    is_block = bool(items) and not node.flow_style
    column = node.start_mark.column if is_block else key.start_mark.column + 2
    lines = yaml.safe_dump(list(upper_bounds), width=1_000).splitlines()
    list_of = ":" + "".join(f"\n{' ' * column}{line}" for line in lines)
    end = items[-1].end_mark.index if is_block else node.end_mark.index
    return key.end_mark.index, end, list_of if upper_bounds else ": []"
