"""Adds what is missing to a YAML file that people edit, and refuses what contradicts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from textwrap import dedent, indent
from typing import Any, cast

import yaml

from dc_assets.core.errors import ConfigError

Path = tuple[str, ...]
Agreements = Mapping[Path, Callable[[Any, Any], bool]]
"""What must agree, by its path: a test of its own value and the wanted one."""


class ContradictedError(ConfigError):
    """A file says something else.

    Attributes:
        names: what contradicts, such as `run_monitoring.enabled`.
        difference: the lines of a unified diff that would make it agree.
    """

    def __init__(self, told: str, names: Sequence[str], difference: Sequence[str]) -> None:
        super().__init__(told)
        self.names = tuple(names)
        self.difference = tuple(difference)


@dataclass(frozen=True, slots=True)
class _Edit:
    start: int
    end: int
    text: str
    contradicts: str = ""


def completed(own: str, wanted: str, agreements: Agreements) -> str:
    """Return a text with what it lacks of the wanted one, otherwise as it is, comments too.

    Where `agreements` has no word, a value of its own stays. The wanted text has block style.

    Raises:
        ContradictedError: a value contradicts.
        ConfigError: it is no YAML mapping, or is written in a way that nothing can be added to.
    """
    edits = list(_edits_of(own, wanted, agreements))
    result = _applied(own, edits)
    if names := [edit.contradicts for edit in edits if edit.contradicts]:
        lines = own.splitlines(), result.splitlines()
        difference = list(unified_diff(*lines, fromfile="is", tofile="must be", lineterm=""))
        raise ContradictedError("It says something else.", names, difference)
    if edits and any(_edits_of(result, wanted, agreements)):
        raise ConfigError("It is written in a way that nothing can be added to.")
    return result


def _edits_of(own: str, wanted: str, agreements: Agreements) -> Iterator[_Edit]:
    try:
        root = _composed(own)
    except yaml.YAMLError as error:
        raise ConfigError(f"It is no YAML: {' '.join(str(error).split())}.") from None
    if root is None:
        yield _Edit(len(own), len(own), f"\n{wanted}")
        return
    if not isinstance(root, yaml.MappingNode):
        raise ConfigError("It is no mapping of settings.")
    goal = _composed(wanted)
    assert isinstance(goal, yaml.MappingNode)  # noqa: S101 - written by us
    yield from _Comparison(own, wanted, agreements).edits(root, goal, ())


def _composed(text: str) -> yaml.Node | None:
    return cast("yaml.Node | None", yaml.compose(text, Loader=yaml.SafeLoader))  # pyright: ignore[reportUnknownMemberType]


@dataclass(frozen=True, slots=True)
class _Comparison:
    own: str
    wanted: str
    agreements: Agreements

    def edits(self, own: yaml.MappingNode, wanted: yaml.MappingNode, at: Path) -> Iterator[_Edit]:
        """Yield the edits within two mappings, and behind them what is missing."""
        there = {key.value: (key, value) for key, value in own.value}
        missing: list[tuple[yaml.Node, yaml.Node]] = []
        for key, value in wanted.value:
            path = (*at, key.value)
            if key.value not in there:
                missing.append((key, value))
                continue
            own_key, own_value = there[key.value]
            if not self._agree(own_value, value, path):
                change = self._change(own, (own_key, own_value), (key, value))
                yield _Edit(*change, contradicts=".".join(path))
            elif isinstance(own_value, yaml.MappingNode) and isinstance(value, yaml.MappingNode):
                yield from self.edits(own_value, value, path)
        if missing:
            yield self._addition(own, missing)

    def _agree(self, own: yaml.Node, wanted: yaml.Node, path: Path) -> bool:
        if isinstance(wanted, yaml.MappingNode) and not isinstance(own, yaml.MappingNode):
            return False
        test = self.agreements.get(path)
        return test is None or test(_value(own), _value(wanted))

    def _addition(
        self, own: yaml.MappingNode, missing: Sequence[tuple[yaml.Node, yaml.Node]]
    ) -> _Edit:
        if own.flow_style:
            at = own.end_mark.index - 1
            comma = "" if self.own[:at].rstrip().endswith(("{", ",")) else ", "
            added = ", ".join(f"{key.value}: {_flow(value)}" for key, value in missing)
            return _Edit(at, at, comma + added)
        at = _line_end(self.own, _last_line(own))
        line = "" if self.own[:at].endswith("\n") else "\n"
        return _Edit(at, at, line + "".join(self._lines(own, *pair) for pair in missing))

    def _change(
        self,
        parent: yaml.MappingNode,
        own: tuple[yaml.Node, yaml.Node],
        wanted: tuple[yaml.Node, yaml.Node],
    ) -> tuple[int, int, str]:
        key, value = own
        if parent.flow_style:
            return value.start_mark.index, value.end_mark.index, _flow(wanted[1])
        start = key.start_mark.index - key.start_mark.column
        end = _line_end(self.own, max(_last_line(value), key.end_mark.line))
        return start, end, self._lines(parent, *wanted)

    def _lines(self, parent: yaml.MappingNode, key: yaml.Node, value: yaml.Node) -> str:
        """Return the wanted lines of one key, remarks included, at the indent of a mapping."""
        lines = self.wanted.splitlines(keepends=True)
        block = "".join(lines[key.start_mark.line : _last_line(value) + 1])
        return indent(dedent(block), " " * parent.value[0][0].start_mark.column)


def _value(node: yaml.Node) -> object:
    return yaml.safe_load(yaml.serialize(node))


def _flow(node: yaml.Node) -> str:
    text: str = yaml.safe_dump(_value(node), default_flow_style=True, width=10**6, sort_keys=False)
    return text.removesuffix("...\n").strip()


def _last_line(node: yaml.Node) -> int:
    """Return the number of the last line of a node; a block ends where the next token begins."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last: Any = node.value[-1]
        return _last_line(last[1] if isinstance(node, yaml.MappingNode) else last)
    mark = node.end_mark
    return mark.line if mark.column or mark.line == node.start_mark.line else mark.line - 1


def _line_end(text: str, line: int) -> int:
    return sum(len(one) for one in text.splitlines(keepends=True)[: line + 1])


def _applied(text: str, edits: Sequence[_Edit]) -> str:
    """Return a text after edits that do not overlap; of several at one place the first is first."""
    parts: list[str] = []
    done = 0
    for edit in sorted(edits, key=lambda one: one.start):
        parts += [text[done : edit.start], edit.text]
        done = edit.end
    return "".join([*parts, text[done:]])
