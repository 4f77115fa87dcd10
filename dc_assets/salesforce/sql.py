"""SQL text for Data Cloud: the only place that quotes names and values for it.

Names are always quoted: unquoted ones fold to lower case and miss ``Key__c``. Query API V2 takes
no parameters, so a value is written as a literal; a backslash is plain text in it.
"""

from __future__ import annotations

from dc_assets.core.ranges import IdRange
from dc_assets.core.spec import LoadSpec
from dc_assets.load.preflight import FieldRule


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

    >>> breaks(FieldRule("A__c", "A", "length", length=3))
    'LENGTH(CAST("A__c" AS varchar)) > 3'
    """
    value = as_text(rule.column)
    if rule.strips:
        value = f"TRIM({value})"
    match rule.kind:
        case "required":
            return f"({value} IS NULL OR {value} = '')"
        case "length":
            return f"LENGTH({value}) > {rule.length}"
        case "picklist":
            listed = ", ".join(text(one) for one in rule.values)
            return f"({value} <> '' AND {value} NOT IN ({listed}))"
