"""What a proposal rests on: the source's columns and what was measured of them, as plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dc_assets.core.first_spec.names import is_made_by_data_cloud
from dc_assets.core.spec import DEFAULT_DATA_SPACE, LoadSpec
from dc_assets.core.value_kinds import ValueKind

NAME_CHARS_MAX = 255


@dataclass(frozen=True, slots=True)
class SourcePlace:
    """Where the rows are: an object of Data Cloud, or files."""

    object: str | None = None
    files: str | None = None
    data_space: str = DEFAULT_DATA_SPACE

    @property
    def name(self) -> str:
        """The object or the files, for people."""
        return self.object or self.files or ""

    def settings(self) -> dict[str, str]:
        """Return the settings of a spec that say it."""
        told = {"object": self.object, "files": self.files}
        if self.data_space != DEFAULT_DATA_SPACE:
            told["data_space"] = self.data_space
        return {name: value for name, value in told.items() if value is not None}


@dataclass(frozen=True, slots=True)
class SourceSide:
    """The source as it describes itself.

    Attributes:
        kinds: of its columns, in its order.
        primary_keys: as its metadata names them, without key qualifiers; of files there are none.
    """

    place: SourcePlace
    kinds: Mapping[str, ValueKind]
    primary_keys: tuple[str, ...] = ()

    @property
    def columns(self) -> Sequence[str]:
        """The columns that a person may have filled, and that a spec can name."""
        is_file = self.place.files is not None
        named = [name for name in self.kinds if 0 < len(name) <= NAME_CHARS_MAX]
        return [name for name in named if is_file or not is_made_by_data_cloud(name)]

    def asked_by(self, key: str, *more: str, parent: str | None = None) -> LoadSpec:
        """Return a spec that is good for questions about some columns: its target is made up."""
        names = dict.fromkeys([key, *more, *([parent] if parent else [])])
        columns = [{"source": name, "target": f"c{number}"} for number, name in enumerate(names)]
        return LoadSpec.model_validate(
            {
                "name": "first",
                "source": {**self.place.settings(), "key": key, "parent": parent},
                "target": {"object": "Unknown", "external_id": "c0"},
                "columns": tuple(columns),
                "partitions": {"scheme": 1, "upper_bounds": ()},
            }
        )


@dataclass(frozen=True, slots=True)
class Distinctness:
    """How far a column tells rows apart.

    Attributes:
        rows: all of the source.
        filled: those with a value that is not empty.
        distinct: values, upper and lower case alike.
    """

    rows: int
    filled: int
    distinct: int

    @classmethod
    def of(cls, columns: Sequence[str], counts: Sequence[int]) -> Mapping[str, Distinctness]:
        """Take counts apart: all rows, then those with a value and the values of each column."""
        rows, *found = counts
        pairs = zip(columns, found[::2], found[1::2], strict=True)
        return {name: cls(rows, filled, distinct) for name, filled, distinct in pairs}

    @property
    def is_unique(self) -> bool:
        """Whether each row has a value, and none has that of another."""
        return 0 < self.rows == self.filled == self.distinct

    @property
    def fact(self) -> str:
        """What a person is told of it."""
        if self.is_unique:
            return f"{self.rows:,} rows, each with a value of its own"
        empty = self.rows - self.filled
        said = [f"{empty:,} rows without a value"] if empty else []
        if self.distinct < self.filled:
            said.append(f"{self.distinct:,} values in {self.filled:,} rows")
        return ", ".join(said) or "no rows"


@dataclass(frozen=True, slots=True)
class Candidate:
    """One thing that may be chosen, and what is known of it."""

    name: str
    fact: str


@dataclass(frozen=True, slots=True)
class Choice:
    """Something that is chosen once for a spec.

    Attributes:
        option: of the command, by which a person answers beforehand.
        best: the candidate that is clearly the right one; None if only a person can know.
    """

    question: str
    option: str
    candidates: tuple[Candidate, ...] = field(default=())
    best: str | None = None

    @property
    def names(self) -> Sequence[str]:
        """What may be chosen."""
        return [one.name for one in self.candidates]

    @property
    def is_open(self) -> bool:
        """Whether only a person can know."""
        return self.best is None and len(self.candidates) > 1

    @property
    def only(self) -> str | None:
        """The one candidate; None for none and for several."""
        return self.candidates[0].name if len(self.candidates) == 1 else None
