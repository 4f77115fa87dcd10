"""YAML for settings: one mapping of plain values, and nothing that guesses or grows.

Anchors, tags, doubled keys and a second document are refused. A value is a number only if it is
plainly one: ``1:30``, ``010``, ``yes`` and ``2026-01-31`` are text.
Why: `docs/adr/0034-a-spec-is-a-strict-kind-of-yaml.md`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import yaml

TEXT_CHARS_MAX = 1_000_000
DEPTH_MAX = 20
DIGITS_MAX = 18
"""More are an id, not a number of anything here."""

_TAG = "tag:yaml.org,2002:"
_PLAIN: tuple[tuple[str, str, str], ...] = (
    ("null", r"~|null|Null|NULL|", "~nN"),
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?(?:0|[1-9](?:_?[0-9])*)", "-+0123456789"),
    ("float", r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?", "-+.0123456789"),
)
"""What is no text without quotes: kind, pattern, first characters."""


class NotPlain(Exception):
    """A text is no plain YAML; `line` counts from one."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document: what it says, and where each part of it stands."""

    content: object
    root: yaml.Node | None


def read_document(text: str) -> Document:
    """Read one document of plain values.

    Raises:
        NotPlain: it is none, or longer or deeper than settings are.
    """
    return _read(text, lambda loader: [loader.get_single_node()])[0]


def read_documents(text: str) -> Sequence[Document]:
    """Read all documents of a file of plain values, as those of Dagster may have several.

    Raises:
        NotPlain: one is none, or longer or deeper than settings are.
    """
    return _read(text, _nodes)


def _nodes(loader: _StrictLoader) -> Iterator[yaml.Node | None]:
    while loader.check_node():
        yield loader.get_node()


def _read(
    text: str, nodes: Callable[[_StrictLoader], Iterable[yaml.Node | None]]
) -> Sequence[Document]:
    if len(text) > TEXT_CHARS_MAX:
        raise NotPlain(1, f"the file has more than {TEXT_CHARS_MAX:,} characters")
    loader = None
    try:
        loader = _StrictLoader(text)
        return [_document(loader, root) for root in nodes(loader)]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise NotPlain(mark.line + 1 if mark else 1, _sentence(error)) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise NotPlain(line, error.reason) from error
    except (ValueError, OverflowError) as error:  # an escape or a version that is no number
        line = loader.line + 1 if loader else 1
        raise NotPlain(line, "a number or an escape in it cannot be read") from error


def _document(loader: _StrictLoader, root: yaml.Node | None) -> Document:
    content = None if root is None else cast("object", loader.construct_document(root))
    return Document(content, root)


def _sentence(error: yaml.MarkedYAMLError) -> str:
    return " ".join((error.problem or "not YAML").split()).replace("'\\t'", "a tab")


class _StrictLoader(yaml.SafeLoader):
    """Refuses while it composes, so that nothing is built of what is refused."""

    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Compose a node that has neither anchor nor tag and does not lie too deep."""
        event = cast("yaml.NodeEvent", self.peek_event())
        if event.anchor is not None:
            raise _refusal(event, "anchors and aliases are not read: write the value again")
        tag: str | None = getattr(event, "tag", None)
        if tag is not None:
            raise _refusal(event, f"tags are not read: leave {tag[:60]} out")
        if self._depth >= DEPTH_MAX:
            raise _refusal(event, f"settings lie at most {DEPTH_MAX} deep")
        self._depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:  # noqa: ANN401 - always None here
        """Compose a mapping whose keys are texts that stand once."""
        node = super().compose_mapping_node(anchor)
        seen: set[str] = set()
        for key, _ in cast("list[tuple[yaml.Node, yaml.Node]]", node.value):
            if not isinstance(key, yaml.ScalarNode):
                raise _refusal(key, "the name of a setting is a word")
            name = str(key.value)
            if name in seen:
                raise _refusal(key, f"{name[:60]} stands twice")
            seen.add(name)
        return node

    def construct_int(self, node: yaml.ScalarNode) -> int:
        """Read a decimal number."""
        digits = str(node.value).replace("_", "")
        if len(digits.lstrip("-+")) > DIGITS_MAX:
            raise _refusal(node, f"{digits[:20]}… is too large for a number; an id wants quotes")
        return int(digits)

    def construct_float(self, node: yaml.ScalarNode) -> float:
        """Read a finite number."""
        value = float(str(node.value))
        if not math.isfinite(value):
            raise _refusal(node, f"{str(node.value)[:20]} is too large for a number")
        return value


def _refusal(where: Any, reason: str) -> yaml.MarkedYAMLError:  # noqa: ANN401 - an event or a node
    return yaml.MarkedYAMLError(problem=reason, problem_mark=where.start_mark)


_StrictLoader.yaml_implicit_resolvers = {}
for _kind, _pattern, _first in _PLAIN:
    _StrictLoader.add_implicit_resolver(
        _TAG + _kind, re.compile(f"^(?:{_pattern})$"), [*_first, *([""] if _kind == "null" else [])]
    )
_StrictLoader.add_constructor(_TAG + "int", _StrictLoader.construct_int)
_StrictLoader.add_constructor(_TAG + "float", _StrictLoader.construct_float)
