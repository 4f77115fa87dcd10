"""Where a setting stands in its file, and sentences that say so."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from dc_assets.core.errors import ConfigError

REASON_CHARS_MAX = 400


def text_of(file: Path) -> str:
    """Return the text of a file of settings.

    Raises:
        ConfigError: it cannot be read, or is no UTF-8.
    """
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise refusal(file, line, "not UTF-8 text; save it as UTF-8") from error


def refusal(file: Path, line: int, reason: str) -> ConfigError:
    """Make a sentence of a line, whatever characters it quotes of the file."""
    shown = "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode() for one in reason
    )
    if len(shown) > REASON_CHARS_MAX:
        shown = f"{shown[: REASON_CHARS_MAX - 2]} …"
    return ConfigError(f"{file}, line {line}: {shown}.")


def line_in(node: yaml.Node | None, path: Sequence[int | str]) -> int:
    """Return the line of the deepest node that a path of keys and indexes leads to."""
    line = 1 if node is None else node.start_mark.line + 1
    for part in path:
        found = child(node, part)
        if found is None:
            break
        marked, node = found
        line = marked.start_mark.line + 1
    return line


def child(node: Any, part: int | str) -> tuple[yaml.Node, yaml.Node] | None:  # noqa: ANN401 - yaml's nodes are untyped
    """Return the node of a setting, and the one that names it."""
    if isinstance(node, yaml.MappingNode):
        pairs: list[tuple[yaml.ScalarNode, yaml.Node]] = node.value
        return next(((key, value) for key, value in pairs if key.value == part), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int):
        items: list[yaml.Node] = node.value
        return (items[part], items[part]) if part < len(items) else None
    return None
