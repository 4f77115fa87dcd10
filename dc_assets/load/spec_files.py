"""Reads load specs from YAML; what is wrong is said with file and line."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast
from zoneinfo import available_timezones

import yaml
from pydantic import ValidationError

from dc_assets.core.errors import ConfigError
from dc_assets.core.spec import LoadSpec


class _PlainLoader(yaml.SafeLoader):
    """YAML without its guesses at dates: an id that looks like a date stays text."""


_PlainLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read_specs(folder: Path) -> list[LoadSpec]:
    """Read every ``*.yaml`` of a folder, in the order of their names.

    Raises:
        ConfigError: the folder is missing or empty, a file is wrong, or two specs share a name.
    """
    files = sorted(folder.glob("*.yaml")) if folder.is_dir() else []
    if not files:
        raise ConfigError(
            f"There is no load spec (*.yaml) in {folder}. Set DC_ASSETS_LOADS to their folder."
        )
    specs = [read_spec(file) for file in files]
    for spec, file in zip(specs, files, strict=True):
        if [other.name for other in specs].count(spec.name) > 1:
            raise ConfigError(f"{file}: another spec in this folder is called {spec.name} too.")
    return specs


def read_spec(file: Path) -> LoadSpec:
    """Read one spec.

    Raises:
        ConfigError: it cannot be read, is not YAML, or does not make sense.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file} is not UTF-8 text.") from error
    try:
        root = cast("yaml.Node | None", yaml.compose(text, Loader=_PlainLoader))
        content = yaml.load(text, Loader=_PlainLoader)  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError(f"{file}, line {line}: {error.problem or 'not YAML'}.") from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ConfigError(f"{file}, line {line}: {error.reason}.") from error
    if not isinstance(content, dict):
        raise ConfigError(f"{file}, line 1: a load spec is a mapping that begins with name.")
    try:
        spec = LoadSpec.model_validate_json(json.dumps(content))
    except ValidationError as error:
        raise ConfigError(_sentence(file, root, error)) from error
    _refuse_unknown_zone(file, root, spec)
    if spec.source.files is None:
        return spec
    return spec.with_files(str(file.absolute().parent / Path(spec.source.files).expanduser()))


def _refuse_unknown_zone(file: Path, root: yaml.Node | None, spec: LoadSpec) -> None:
    if spec.time_zone not in available_timezones():
        line = _line_of(root, ("time_zone",))
        raise ConfigError(
            f"{file}, line {line}: time_zone: there is no zone {spec.time_zone}. "
            "Write an IANA name such as Europe/Vienna."
        )


def _sentence(file: Path, root: yaml.Node | None, error: ValidationError) -> str:
    problem = error.errors(include_url=False)[0]
    line = _line_of(root, problem["loc"])
    place = ".".join(str(part) for part in problem["loc"])
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "string_type":
        message += " (put the value in quotes)"
    if problem["type"] == "extra_forbidden":
        message = "no such setting"
    return f"{file}, line {line}: {place + ': ' if place else ''}{message}."


def _line_of(node: yaml.Node | None, path: tuple[int | str, ...]) -> int:
    """Return the line of the deepest node that a path of keys and indexes leads to."""
    line = 1
    for part in path:
        found = _child(node, part)
        if found is None:
            break
        marked, node = found
        line = marked.start_mark.line + 1
    return line


def _child(node: Any, part: int | str) -> tuple[yaml.Node, yaml.Node] | None:  # noqa: ANN401 - yaml's nodes are untyped
    if isinstance(node, yaml.MappingNode):
        pairs: list[tuple[yaml.ScalarNode, yaml.Node]] = node.value
        return next(((key, value) for key, value in pairs if key.value == part), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int):
        items: list[yaml.Node] = node.value
        return (items[part], items[part]) if part < len(items) else None
    return None


def spec_file(folder: Path, name: str) -> Path:
    """Return the file of the spec with a name.

    Raises:
        ConfigError: there is none.
    """
    for file in sorted(folder.glob("*.yaml")):
        if read_spec(file).name == name:
            return file
    raise ConfigError(f"There is no load called {name} in {folder}.")


def write_ranges(file: Path, *, scheme: int, upper_bounds: Sequence[str]) -> None:
    """Replace the partitions of a spec, and leave every other line of the file as it is.

    Raises:
        ConfigError: the file cannot be written.
    """
    text = file.read_text(encoding="utf-8")
    root = cast("yaml.MappingNode", yaml.compose(text, Loader=_PlainLoader))
    found = _child(root, "partitions")
    assert found is not None, "a valid spec has partitions"
    start, end = found[0].start_mark.index, found[1].end_mark.index
    block = yaml.safe_dump(
        {"partitions": {"scheme": scheme, "upper_bounds": list(upper_bounds)}}, sort_keys=False
    )
    try:
        file.write_text(text[:start] + block + "\n" + text[end:].lstrip("\n"), encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{file} cannot be written: {error.strerror}.") from error
