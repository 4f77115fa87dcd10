"""Writes a first spec as YAML that explains itself; names of both sides stay what they are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from textwrap import wrap

from dc_assets.core.first_spec.draft import Draft
from dc_assets.core.first_spec.keys import fact_of
from dc_assets.core.first_spec.mapping import MappedColumn
from dc_assets.core.printable import printable

LINE_CHARS_MAX = 100
BARE = re.compile(r"[A-Za-z][A-Za-z0-9_]*(?:[.][A-Za-z][A-Za-z0-9_]*)*")
WORDS_OF_YAML = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})
PATH = re.compile(r"[A-Za-z0-9_./-]*/[A-Za-z0-9_./-]*")
"""What needs no quotes: names, and paths without a sign of YAML's."""


def scalar(text: str) -> str:
    r"""Return a text as YAML reads it back, bare where it can be.

    >>> print(scalar("External_ID__c"), scalar("Close Date"), scalar("no"), scalar('a"\n'))
    External_ID__c "Close Date" "no" "a\"\n"
    """
    is_bare = BARE.fullmatch(text) or PATH.fullmatch(text)
    if is_bare and text.casefold() not in WORDS_OF_YAML:
        return text
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(sign: str) -> str:
    if sign in '"\\':
        return f"\\{sign}"
    if sign == "\n":
        return "\\n"
    if sign.isprintable():
        return sign
    code = ord(sign)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004 - four digits


def written(draft: Draft) -> str:
    """Return the text of a spec file."""
    parts = (_head, _source, _target, _columns, _partitions, _checks, _refresh)
    blocks = ["\n".join(lines) for part in parts if (lines := list(part(draft)))]
    return "\n\n".join(blocks) + "\n"


def _head(draft: Draft) -> Iterator[str]:
    yield from _remarks(
        f"{draft.target.name} from {scalar(draft.place.name)}: a first spec, proposed by dc-assets "
        "init from what both sides say of themselves. Look at each line; docs/specs.md explains "
        "all settings."
    )
    yield f"# Next: dc-assets plan {draft.name}"
    for question in draft.questions:
        yield from _remarks(f"ONLY YOU CAN KNOW: {question}")
    yield f"name: {scalar(draft.name)}"


def _source(draft: Draft) -> Iterator[str]:
    yield "source:"
    for name, value in draft.place.settings().items():
        yield f"  {name}: {scalar(value)}"
    yield from _line(f"  key: {scalar(draft.key)}", draft.key_fact)
    facts = {one.name: one.fact for one in draft.lanes.candidates}
    if draft.parent is not None:
        fact = f"decides the lanes: {facts.get(draft.parent, '')}"
        yield from _line(f"  parent: {scalar(draft.parent)}", fact)
        return
    if not facts:
        yield "  # No column names a parent whose record is locked with the rows: no parent."
        return
    yield from _remarks(f"ONLY YOU CAN KNOW: {draft.lanes.question}", indent="  ")
    for name, fact in facts.items():
        yield from _line(f"  # parent: {scalar(name)}", fact)


def _target(draft: Draft) -> Iterator[str]:
    yield "target:"
    yield f"  object: {scalar(draft.target.name)}"
    yield from _line(f"  external_id: {scalar(draft.external_id)}", draft.external_id_fact)
    yield from _remarks(
        "If the org has other records with this field filled, say which are ours, such as "
        "scope: RecordType.Name = 'Import'",
        indent="  ",
    )


def _columns(draft: Draft) -> Iterator[str]:
    yield "columns:"
    for column in draft.columns:
        yield from _line(f"  {column_line(column)}", column.note)
    if draft.left:
        yield "  # Columns of the source that are not loaded:"
        for name, reason in draft.left.items():
            yield from _remarks(f"{scalar(name)}: {reason}", indent="  ", hanging="  ")
    for name in draft.required:
        yield from _remarks(f"REQUIRED, and no column is called so: {name}", indent="  ")
    others = [
        f"{one.name} ({fact_of(one)})" for one in draft.empty if one.name not in draft.required
    ]
    if others:
        yield f"  # Fields of {draft.target.name} that no column fills:"
        yield from _remarks(", ".join(others), indent="  ", hanging="  ")


def column_line(column: MappedColumn) -> str:
    """Return the line of a column; what is the default is left out.

    >>> print(column_line(MappedColumn("Amount__c", "Amount", "currency", 2)))
    - { source: Amount__c, target: Amount, type: currency, scale: 2 }
    """
    settings = {"source": scalar(column.source), "target": scalar(column.target)}
    if column.type != "text":
        settings["type"] = column.type
    if column.scale is not None:
        settings["scale"] = str(column.scale)
    return f"- {{ {', '.join(f'{name}: {value}' for name, value in settings.items())} }}"


def _partitions(draft: Draft) -> Iterator[str]:
    yield "partitions:"
    yield "  scheme: 1 # part of every partition key: raise it when the bounds change"
    if not draft.bounds:
        yield "  upper_bounds: [] # few rows: one partition"
        return
    yield "  upper_bounds: # last id of each partition but the last, by quantiles of the key"
    for bound in draft.bounds:
        yield f"    - {scalar(bound)}"


def _checks(draft: Draft) -> Iterator[str]:
    if draft.distributions:
        yield "checks:"
        listed = ", ".join(map(scalar, draft.distributions))
        remark = "both sides must have its values equally often"
        yield from _line(f"  distributions: [{listed}]", remark)


def _refresh(draft: Draft) -> Iterator[str]:
    look_every_s = draft.look_every_s
    if draft.modified is not None or look_every_s is not None:
        yield "refresh:"
    if draft.modified is not None:
        remark = "time of a row's last change, by which a refresh finds changes"
        yield from _line(f"  modified: {scalar(draft.modified)}", remark)
    if look_every_s is not None:
        remark = f"a look processes {draft.rows:,} rows in Data Cloud, which bills them"
        yield from _line(f"  look_every_s: {look_every_s}", remark)


def _line(setting: str, remark: str) -> Iterator[str]:
    """Return a setting with a remark behind it, or above it where the line would be long."""
    together = f"{setting} # {printable(remark)}" if remark else setting
    if len(together) <= LINE_CHARS_MAX:
        yield together
        return
    yield from _remarks(remark, indent=setting[: len(setting) - len(setting.lstrip())])
    yield setting


def _remarks(text: str, *, indent: str = "", hanging: str = "") -> Sequence[str]:
    """Return a text as comments, wrapped."""
    first = f"{indent}# {hanging}"
    return wrap(
        printable(text),
        LINE_CHARS_MAX,
        initial_indent=first,
        subsequent_indent=first,
        break_long_words=False,
        break_on_hyphens=False,
    )
