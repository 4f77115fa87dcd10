"""Loads of a Dagster project, as they stand in its defs.yaml files.

Dagster makes a `dc_assets.SalesforceLoad` of each. Commands and code location read the same text by
the same strict reader, so nothing of a load is a template: a command knows no names of Dagster's.
Why: `docs/adr/0060-a-load-is-a-component.md`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml

from dc_assets.core.spec import LoadSpec
from dc_assets.load.spec_lines import child, line_in, refusal, text_of
from dc_assets.load.strict_yaml import NotPlain, read_documents

TYPE = "dc_assets.SalesforceLoad"
NAMES = ("defs.yaml", "defs.yml")

_A_TYPE = re.compile(rb"^type:", re.MULTILINE)

SPEC = "spec"
"""The attribute that names a spec file, instead of the settings of a load."""

OPTIONS = (
    "resource_key",
    "key_prefix",
    "group_name",
    "owners",
    "tags",
    "automation_condition",
    "pool",
)
"""Attributes that say how a load stands in its project; Dagster alone reads them."""


@dataclass(frozen=True, slots=True)
class Written:
    """The settings of a load as they stand in a file.

    Attributes:
        root: where they stand; None in an empty file.
        others: names that may stand beside them.
    """

    file: Path
    content: object
    root: yaml.Node | None
    others: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class _Component:
    """The attributes of one component of our type, and where they stand."""

    attributes: object
    node: yaml.Node


def component_files(folder: Path) -> Sequence[Path]:
    """Return the defs.yaml files of a folder that name our component, at any depth as Dagster."""
    found: list[Path] = []
    for inner, folders, names in os.walk(folder):
        folders[:] = [one for one in folders if not one.startswith((".", "__pycache__"))]
        files = (Path(inner, name) for name in NAMES if name in names)
        found += [file for file in files if TYPE.encode() in _bytes_of(file)]
    return found


def has_components(file: Path) -> bool:
    """Tell whether a file is Dagster's: a load that happens to be called defs has no type."""
    return file.name in NAMES and _A_TYPE.search(_bytes_of(file)) is not None


def _bytes_of(file: Path) -> bytes:
    """Look before parsing: the files of other components are none of our business."""
    try:
        return file.read_bytes()
    except OSError:
        return b""


def loads_named_in(file: Path) -> Sequence[Path]:
    """Return the spec files that the components of a file name, and itself if it holds a load.

    Raises:
        ConfigError: it cannot be read, or a component is none.
    """
    return [_place(file, one) for one in _components(file)]


def _place(file: Path, component: _Component) -> Path:
    attributes = component.attributes
    if not isinstance(attributes, dict) or SPEC not in attributes:
        return file
    named = cast("Mapping[str, object]", attributes)
    if not isinstance(named[SPEC], str) or _has_template(named[SPEC]):
        reason = f"{SPEC} is the path of a spec file, seen from the folder of this one"
        raise refusal(file, line_in(component.node, [SPEC]), reason)
    for other in named:
        if other in LoadSpec.model_fields:
            reason = f"{other} belongs into {named[SPEC]}, which {SPEC} names; write it there"
            raise refusal(file, line_in(component.node, [other]), reason)
        if other not in (SPEC, *OPTIONS):
            reason = f"{other}: no such setting; there is: {', '.join((SPEC, *OPTIONS))}"
            raise refusal(file, line_in(component.node, [other]), reason)
    return file.parent / str(named[SPEC])


def load_written_in(file: Path) -> Written:
    """Return the load whose settings are attributes of a component.

    Raises:
        ConfigError: none is written out there, or several are, or a setting is a template.
    """
    found = [one for one in _components(file) if _place(file, one) == file]
    if not found:
        reason = f"no load is written out under the type {TYPE}, by which commands find loads"
        raise refusal(file, 1, f"{reason}; write the type so, or name a spec file with {SPEC}")
    if len(found) > 1:
        reason = "one defs.yaml holds one load that is written out; give each a folder of its own"
        raise refusal(file, line_in(found[1].node, ()), reason)
    [component] = found
    content = component.attributes
    if isinstance(content, dict):
        settings = cast("Mapping[str, object]", content)
        content = {name: value for name, value in settings.items() if name not in OPTIONS}
        _refuse_templates(file, component.node, content)
    return Written(file, content, component.node, OPTIONS)


def _refuse_templates(file: Path, node: yaml.Node, content: Mapping[str, object]) -> None:
    for place in _templates(content):
        name = ".".join(map(str, place))
        reason = f"{name}: a template is read in options only, because commands know none of its "
        raise refusal(file, line_in(node, place), f"{reason}names; write the value")


def _templates(value: object) -> Iterator[Sequence[int | str]]:
    """Return the places of all templates in some settings."""
    if _has_template(value):
        yield ()
    parts: Any = ()
    if isinstance(value, dict):
        parts = cast("Mapping[str, object]", value).items()
    elif isinstance(value, list):
        parts = enumerate(cast("Sequence[object]", value))
    for name, part in parts:
        for place in _templates(part):
            yield (name, *place)


def _has_template(value: object) -> bool:
    return isinstance(value, str) and ("{{" in value or "{%" in value)


def _components(file: Path) -> Sequence[_Component]:
    """Return the components of our type, in the order of the file."""
    try:
        documents = read_documents(text_of(file))
    except NotPlain as error:
        raise refusal(file, error.line, str(error)) from error
    found: list[_Component] = []
    for document in documents:
        content = cast("Any", document.content)
        if isinstance(content, dict) and content.get("type") == TYPE:
            marked = child(document.root, "attributes")
            assert document.root is not None, "it has a type"
            node = document.root if marked is None else marked[1]
            found.append(_Component(cast("object", content.get("attributes")), node))
    return found
