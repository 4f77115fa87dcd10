"""SQL text for Data Cloud: the only place that quotes names and values for it.

Names are always quoted: unquoted ones fold to lower case and miss ``Key__c``. Query API V2 takes
no parameters, so a value is written as a literal; a backslash is plain text in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from dc_assets.core.ranges import IdRange
from dc_assets.core.spec import LoadSpec
from dc_assets.load.preflight import measured
from dc_assets.load.preflight.measured import FieldRule, RuleKind


def name(identifier: str) -> str:
    """Quote an identifier.

    >>> name('Key__c'), name('a"b')
    ('"Key__c"', '"a""b"')
    """
    return '"' + identifier.replace('"', '""') + '"'


def text(value: str) -> str:
    """Quote a value.

    >>> text("x' OR '1'='1")
    "'x'' OR ''1''=''1'"
    """
    return "'" + value.replace("'", "''") + "'"


def as_text(identifier: str) -> str:
    """Return the value of a column as text; Trino does not know the type name ``text``.

    >>> as_text("Key__c")
    'CAST("Key__c" AS varchar)'
    """
    return f"CAST({name(identifier)} AS varchar)"


def source_object(spec: LoadSpec) -> str:
    """Return the quoted name of the source object."""
    assert spec.source.object is not None, "a spec with files never comes here"
    return name(spec.source.object)


def where(spec: LoadSpec, id_range: IdRange) -> str:
    """Return the WHERE clause of one range, or "" when it selects everything."""
    terms = [f"({spec.source.where})"] if spec.source.where else []
    terms += bounds(id_range, name(spec.source.key))
    return f" WHERE {' AND '.join(terms)}" if terms else ""


def bounds(id_range: IdRange, key: str) -> list[str]:
    """Return the conditions that bound a range; none bounds everything.

    >>> print(*bounds(IdRange(after="a", upto="b"), '"K"'))
    "K" > 'a' "K" <= 'b'
    """
    terms: list[str] = []
    if id_range.after is not None:
        terms.append(f"{key} > {text(id_range.after)}")
    if id_range.upto is not None:
        terms.append(f"{key} <= {text(id_range.upto)}")
    return terms


def also(clause: str, term: str) -> str:
    """Add a term to a WHERE clause that may be empty."""
    return f"{clause} AND {term}" if clause else f" WHERE {term}"


def rows(spec: LoadSpec, id_range: IdRange, *, term: str | None = None) -> str:
    """Return the query for the rows of a range, every column as text, ordered by key.

    ``term`` is one more condition.
    """
    clause = where(spec, id_range)
    if term is not None:
        clause = also(clause, term)
    columns = ", ".join(f"{as_text(c.source)} AS {name(c.source)}" for c in spec.columns)
    return f"SELECT {columns} FROM {source_object(spec)}{clause} ORDER BY {name(spec.source.key)}"


def breaks(rule: FieldRule) -> str:
    """Return the condition of the rows that break a rule; an empty text is no value.

    >>> breaks(FieldRule("A__c", "A", "length", bound=3))
    'LENGTH(CAST("A__c" AS varchar)) > 3'
    """
    if rule.kind in RULES_OF_NUMBER:
        return RULES_OF_NUMBER[rule.kind](name(rule.column), rule)
    value = as_text(rule.column)
    return RULES_OF_TEXT[rule.kind](f"TRIM({value})" if rule.strips else value, rule)


def _without(value: str, *parts: str) -> str:
    """Return a text from which some parts are taken out."""
    for part in parts:
        value = f"REPLACE({value}, {text(part)}, '')"
    return value


def _unlike(value: str, shapes: Sequence[str]) -> str:
    refused = " AND ".join(f"{value} NOT LIKE {text(shape)}" for shape in shapes)
    return f"({value} <> '' AND {refused})"


def _listed(values: Iterable[object]) -> str:
    return ", ".join(text(one) if isinstance(one, str) else str(one) for one in values)


def _other_choices(value: str, rule: FieldRule) -> str:
    """Put each choice between semicolons of its own, and take the known ones out."""
    doubled = f"REPLACE({value}, ';', ';;')"
    rest = _without(f"';' || {doubled} || ';'", *(f";{one};" for one in rule.values), ";")
    return f"({value} <> '' AND {rest} <> '')"


Condition = Callable[[str, FieldRule], str]

RULES_OF_TEXT: Mapping[RuleKind, Condition] = {
    "required": lambda value, _: f"({value} IS NULL OR {value} = '')",
    "length": lambda value, rule: f"LENGTH({value}) > {rule.bound:d}",
    "picklist": lambda value, rule: f"({value} <> '' AND {value} NOT IN ({_listed(rule.values)}))",
    "multipicklist": _other_choices,
    "choices": lambda value, rule: (
        f"LENGTH({value}) - LENGTH({_without(value, ';')}) >= {rule.bound:d}"
    ),
    "number": lambda value, _: f"{_without(value, *measured.NUMBER_SIGNS)} <> ''",
    "boolean": lambda value, _: (
        f"({value} <> '' AND lower({value}) NOT IN ({_listed(measured.TRUTHS)}))"
    ),
    "date": lambda value, _: _unlike(value, measured.DAY_SHAPES),
    "datetime": lambda value, _: _unlike(value, measured.MOMENT_SHAPES),
    "days": lambda value, _: (
        f"({value} <> '' AND ({value} < {text(measured.FIRST_YEAR)} "
        f"OR {value} >= {text(measured.YEAR_BEHIND)}))"
    ),
    "record_id": lambda value, _: (
        f"({value} <> '' AND LENGTH({value}) NOT IN ({_listed(measured.RECORD_ID_CHARS)}))"
    ),
}
RULES_OF_NUMBER: Mapping[RuleKind, Condition] = {
    "digits": lambda number, rule: f"ABS({number}) >= {10**rule.bound:d}",
    "decimals": lambda number, rule: f"{number} <> ROUND({number}, {rule.bound:d})",
}
"""Those of columns that are numbers in the source; the others are asked of the text."""
