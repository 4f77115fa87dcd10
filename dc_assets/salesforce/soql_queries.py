"""Every query that is asked of the target object, as SOQL text, and the quoting of its values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dc_assets.core.ranges import EVERYTHING, IdRange
from dc_assets.core.spec import LoadSpec
from dc_assets.core.target_fields import TargetDescription, TargetPath

_ESCAPES = str.maketrans(
    {"\\": r"\\", "'": r"\'", "\n": r"\n", "\r": r"\r", "\t": r"\t", "\b": r"\b", "\f": r"\f"}
)


def text(value: str) -> str:
    r"""Quote a value.

    >>> text("O'Brien")
    "'O\\'Brien'"
    """
    return f"'{value.translate(_ESCAPES)}'"


@dataclass(frozen=True, slots=True)
class TargetQueries:
    """The queries about the target of one spec."""

    spec: LoadSpec

    def count(self, id_range: IdRange) -> str:
        """Count the records whose external id lies in a range."""
        return f"SELECT COUNT() FROM {self.spec.target.object}{self._where(id_range)}"

    def scope(self) -> str:
        """Ask for no records under the spec's scope."""
        target = self.spec.target
        return f"SELECT Id FROM {target.object} WHERE ({target.scope}) LIMIT 0"

    def value_counts(self, field_name: str, id_range: IdRange) -> str:
        """Count the records of a range by the value of a field."""
        read = TargetPath.of(field_name).queried
        return (
            f"SELECT {read} val, COUNT(Id) n FROM {self.spec.target.object}"
            f"{self._where(id_range)} GROUP BY {read}"
        )

    def records(self, id_range: IdRange) -> str:
        """Ask for the spec's target fields of the records of a range."""
        names = [column.path.queried for column in self.spec.columns]
        return f"SELECT {', '.join(names)} FROM {self.spec.target.object}{self._where(id_range)}"

    def external_ids(self) -> str:
        """Ask for the external ids of our records."""
        key = self.spec.target.external_id
        return f"SELECT {key} FROM {self.spec.target.object}{self._where(EVERYTHING)}"

    def _where(self, id_range: IdRange) -> str:
        key = self.spec.target.external_id
        terms = [f"{key} != null"]
        if self.spec.target.scope:
            terms.append(f"({self.spec.target.scope})")
        if id_range.after is not None:
            terms.append(f"{key} > {text(id_range.after)}")
        if id_range.upto is not None:
            terms.append(f"{key} <= {text(id_range.upto)}")
        return f" WHERE {' AND '.join(terms)}"


@dataclass(frozen=True, slots=True)
class SOQLForm:
    """One form of query that is asked of the target of a spec, for no records."""

    name: str
    text: str


def soql_forms(spec: LoadSpec, described: TargetDescription) -> Sequence[SOQLForm]:
    """Return every form of query about the target and the parents that rows name."""
    return [*_forms_of_target(spec, described), *_forms_of_parents(spec, described)]


def _forms_of_target(spec: LoadSpec, described: TargetDescription) -> Iterator[SOQLForm]:
    ask, some = TargetQueries(spec), IdRange(after="a", upto="b'")
    if spec.target.scope:
        yield SOQLForm("scope", ask.scope())
    yield SOQLForm("count", f"{ask.count(some)} LIMIT 0")
    yield SOQLForm("records", f"{ask.records(some)} LIMIT 0")
    yield SOQLForm("external ids", f"{ask.external_ids()} LIMIT 0")
    for target in spec.checks.distributions:
        field = described.field_of(target)
        if field is None or field.groupable is not False:  # else it is counted from the records
            yield SOQLForm(f"value counts of {target}", f"{ask.value_counts(target, some)} LIMIT 0")


def _forms_of_parents(spec: LoadSpec, described: TargetDescription) -> Iterator[SOQLForm]:
    for column in spec.columns:
        parent, path = described.filled_by(column.target).parent, column.path
        if parent is not None and path.relationship:
            query = parents_named(parent.name, path.field, text("a'"))
            yield SOQLForm(f"parents of {column.target}", f"{query} LIMIT 0")


def parents_named(object_name: str, field: str, listed: str) -> str:
    """Ask for those of some quoted names that records of an object have."""
    return f"SELECT {field} FROM {object_name} WHERE {field} IN ({listed})"
