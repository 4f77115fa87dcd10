"""The source: Parquet or CSV files, read with Polars and handed over as text.

Number columns of floating point are printed in their shortest exact form; decimal, date and text
columns as they are. In CSV every cell is text already, and an empty one is null.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from dc_assets.core.errors import ConfigError
from dc_assets.core.first_spec.sides import Distinctness
from dc_assets.core.ranges import EVERYTHING, IdRange
from dc_assets.core.source_state import SourceCursor, SourceLook, fingerprint
from dc_assets.core.spec import LoadSpec
from dc_assets.core.value_kinds import ValueKind
from dc_assets.frames.faults import FAULTS, reason_of
from dc_assets.frames.row_digests import digest_sums
from dc_assets.load.preflight import measured
from dc_assets.load.preflight.measured import FieldRule, RuleKind

PAGE_ROWS = 50_000
SUFFIXES = frozenset({".parquet", ".csv"})
CSV_HINT = ' In CSV every cell is text: compare numbers as CAST("Column" AS DOUBLE) > 1.'


class FileSource:
    """The files of one load spec."""

    def __init__(self, spec: LoadSpec) -> None:
        self._spec = spec
        self._key = pl.col(spec.source.key)

    def check_columns(self) -> None:
        """Read no rows of all columns.

        Raises:
            ConfigError: there is no such file, it cannot be read, or it lacks a column.
        """
        self._collect(self._selected(pl.LazyFrame(schema=self._schema(self._scan()))))

    def columns(self) -> Mapping[str, ValueKind]:
        """Return the kind of each column; of CSV all is text.

        Raises:
            ConfigError: there is no such file, or it cannot be read.
        """
        return {name: _kind(dtype) for name, dtype in self._schema(self._scan()).items()}

    def pages(self, id_range: IdRange) -> Iterator[pl.DataFrame]:
        """Yield the rows of a range in ascending key order, as source columns of text."""
        rows = self._collect(self._rows(id_range).sort(self._key), is_whole=True)
        for start in range(0, rows.height, PAGE_ROWS):
            yield rows.slice(start, PAGE_ROWS)

    def count(self, id_range: IdRange) -> int:
        """Count the rows of a range."""
        return self._number(self._rows(id_range).select(pl.len()))

    def rows_total(self) -> tuple[int, int]:
        """Count all selected rows, and those among them that have no key."""
        rows = self._rows(EVERYTHING)
        return self.count(EVERYTHING), self._number(rows.select(self._key.null_count()))

    def parents_above(self, rows: int) -> Sequence[tuple[str, int]]:
        """Return parents with more than the given number of rows, biggest first."""
        parent = self._parent
        counted = self._counted(parent).filter(pl.col("rows") > rows)
        ordered = counted.sort(["rows", parent], descending=[True, False])
        return [(str(name), int(count)) for name, count in self._collect(ordered).iter_rows()]

    def key_ends(self) -> tuple[str, str] | None:
        """Return the first and the last key; None when there is no row with a key."""
        ends = self._rows(EVERYTHING).select(
            self._key.min().alias("first"), self._key.max().alias("last")
        )
        first, last = self._collect(ends).row(0)
        return None if first is None else (str(first), str(last))

    def rows_per_parent(self) -> Sequence[tuple[int, int]]:
        """Return (rows of one parent, how many parents have so many), biggest first."""
        counted = self._counted(self._parent).group_by("rows").agg(pl.len().alias("parents"))
        ordered = counted.sort("rows", descending=True)
        return [(int(rows), int(parents)) for rows, parents in self._collect(ordered).iter_rows()]

    @property
    def calls(self) -> None:
        """Nothing: it takes as many as there are."""

    def count_breaking(self, rules: Sequence[FieldRule]) -> Sequence[int]:
        """Count the rows that break each rule, in the order of the rules."""
        sums = [_breaks(rule).sum().alias(f"n{n}") for n, rule in enumerate(rules)]
        counted = self._collect(self._rows(EVERYTHING).select(sums))
        return [int(count or 0) for count in counted.row(0)]

    def distinctness(self, columns: Sequence[str]) -> Mapping[str, Distinctness]:
        """Measure how far some columns tell rows apart."""
        counts = [pl.len().alias("rows")]
        for number, name in enumerate(columns):
            value = pl.col(name).replace("", None).str.to_lowercase()
            filled, distinct = value.count(), value.drop_nulls().n_unique()
            counts += [filled.alias(f"f{number}"), distinct.alias(f"d{number}")]
        return Distinctness.of(columns, self._collect(self._rows(EVERYTHING).select(counts)).row(0))

    def most_frequent(self, column: str, values_max: int) -> Sequence[tuple[str, int]]:
        """Return some values of a column with their rows, the most frequent first."""
        ordered = self._counted(column).sort(["rows", column], descending=[True, False])
        found = self._collect(ordered.head(values_max))
        return [(str(value), int(rows)) for value, rows in found.iter_rows()]

    def external_ids(self) -> Sequence[str]:
        """Return all keys."""
        rows = self._rows(EVERYTHING).select(self._key).drop_nulls()
        return self._collect(rows).to_series().to_list()

    def ambiguous_keys(self, *, with_case: bool = False) -> Sequence[str]:
        """Return the keys that stand twice: lower-cased, unless those of other case are others."""
        key = self._key if with_case else self._key.str.to_lowercase()
        folded = self._rows(EVERYTHING).group_by(key.alias("folded"))
        doubled = folded.agg(pl.len().alias("rows")).filter(pl.col("rows") > 1)
        return self._collect(doubled.select("folded")).to_series().to_list()

    def key_quantiles(self, parts: int, id_range: IdRange) -> Sequence[str]:
        """Return the keys that cut a range into nearly equal parts, one less than parts."""
        keys = self._keys(id_range)
        cuts = sorted({keys.len() * number // parts for number in range(1, parts)} - {0})
        return [str(keys[cut - 1]) for cut in cuts]

    def key_at(self, id_range: IdRange, rows: int) -> str | None:
        """Return the key of the n-th row of a range in key order; None when it has fewer rows."""
        keys = self._keys(id_range)
        return str(keys[rows - 1]) if keys.len() >= rows else None

    def value_counts(self, column: str, id_range: IdRange) -> Mapping[str | None, int]:
        """Count the rows of a range by the value of a source column."""
        counted = self._rows(id_range).group_by(column).agg(pl.len())
        return {value: int(rows) for value, rows in self._collect(counted).iter_rows()}

    def state(self, id_range: IdRange) -> str:
        """Return a short text that differs when rows of a range changed."""
        return self.look({"range": id_range}, {}).states["range"]

    def look(self, ranges: Mapping[str, IdRange], known: Mapping[str, str]) -> SourceLook:
        """Return the states of some ranges; those of known cursors are comparable."""
        if self._spec.refresh.modified is None:
            states = {key: self._fingerprint(one) for key, one in ranges.items()}
        else:
            states = {key: self._cursor(one, known.get(key)) for key, one in ranges.items()}
        rows = sum(self.count(one) for one in ranges.values())
        return SourceLook(states, rows, rows)

    def _fingerprint(self, id_range: IdRange) -> str:
        summed = self._rows(id_range).select(digest_sums())
        count, low, high = self._collect(summed).row(0)
        return fingerprint(int(count), f"{low} {high}")

    def _cursor(self, id_range: IdRange, known: str | None) -> str:
        """Compare times as text: all of a column are written alike."""
        modified = self._spec.refresh.modified or ""
        rows = self._rows(id_range, modified).drop_nulls(modified)
        found = self._collect(rows.select(pl.col(modified).max())).item()
        newest = None if found is None else str(found)
        seen = SourceCursor(newest, 0) if known is None else SourceCursor.of(known)
        since = (seen or SourceCursor(newest, 0)).since(self._spec.refresh.overlap_s)
        recent = rows if since is None else rows.filter(pl.col(modified) >= since)
        return SourceCursor(newest, self._number(recent.select(pl.len()))).text

    def _rows(self, id_range: IdRange, more: str | None = None) -> pl.LazyFrame:
        texts = self._selected(self._scan(), more)
        bounds: list[pl.Expr] = []
        if id_range.after is not None:
            bounds.append(self._key > id_range.after)
        if id_range.upto is not None:
            bounds.append(self._key <= id_range.upto)
        return texts.filter(bounds) if bounds else texts

    def _selected(self, rows: pl.LazyFrame, more: str | None = None) -> pl.LazyFrame:
        """Return the rows that source.where selects, every column as text."""
        schema = self._schema(rows)
        if self._spec.source.where:
            with self._in_one_sentence():
                rows = rows.filter(pl.sql_expr(self._spec.source.where))
        names = [c.source for c in self._spec.columns]
        missing = [name for name in names if name not in schema]
        if missing:
            raise ConfigError(
                f"{self._spec.source.files} has no column {', '.join(missing)}. "
                f"It has: {', '.join(schema.names())}."
            )
        if more is not None and more not in schema:
            raise ConfigError(
                f"{self._spec.source.files} has no column {more}: correct refresh.modified of the "
                f"spec {self._spec.name}."
            )
        names += [more] if more is not None and more not in names else []
        return rows.select(_as_text(name, schema[name]) for name in names)

    def _scan(self) -> pl.LazyFrame:
        with self._in_one_sentence():
            files = self._files()
        suffixes = {file.suffix.lower() for file in files}
        if len(suffixes) != 1 or not suffixes <= SUFFIXES:
            raise ConfigError(
                f"{self._spec.source.files} must be Parquet (.parquet) or CSV (.csv) files, "
                f"all of one kind; found: {', '.join(sorted(suffixes)) or 'no file'}."
            )
        if suffixes == {".parquet"}:
            return pl.scan_parquet(files)
        return pl.scan_csv(files, infer_schema=False)

    def _files(self) -> list[Path]:
        path = Path(self._spec.source.files or "")
        if path.is_dir():
            return sorted(p for p in path.iterdir() if p.suffix.lower() in SUFFIXES)
        if path.is_file():
            return [path]
        try:
            return sorted(path.parent.glob(path.name)) if path.parent.is_dir() else []
        except ValueError:  # no pattern at all, such as **.csv
            return []

    def _schema(self, scan: pl.LazyFrame) -> pl.Schema:
        with self._in_one_sentence():
            return scan.collect_schema()

    @property
    def _parent(self) -> str:
        assert self._spec.source.parent is not None  # noqa: S101 - the caller asked the spec
        return self._spec.source.parent

    def _counted(self, column: str) -> pl.LazyFrame:
        """Count the rows with a value by a column's value."""
        values = self._rows(EVERYTHING).drop_nulls(column)
        return values.group_by(column).agg(pl.len().alias("rows"))

    def _keys(self, id_range: IdRange) -> pl.Series:
        """Return the keys of a range in order."""
        return self._collect(self._rows(id_range).select(self._key).sort(self._key)).to_series()

    def _number(self, query: pl.LazyFrame) -> int:
        return int(self._collect(query).item())

    def _collect(self, query: pl.LazyFrame, *, is_whole: bool = False) -> pl.DataFrame:
        """Run a query, the only place where rows are read; whole rows are streamed.

        Raises:
            ConfigError: a file cannot be read, or source.where makes no sense for its columns.
        """
        with self._in_one_sentence():
            return query.collect(engine="streaming" if is_whole else "auto")

    @contextmanager
    def _in_one_sentence(self) -> Generator[None]:
        """Turn what Polars says into the setting that the operator corrects."""
        try:
            yield
        except FAULTS as fault:
            source = self._spec.source
            correct = "source.files or source.where" if source.where else "source.files"
            is_csv = (source.files or "").lower().endswith(".csv")
            hint = CSV_HINT if is_csv and source.where else ""
            raise ConfigError(
                f"{source.files} cannot be read: {reason_of(fault)}. "
                f"Correct {correct} of the spec {self._spec.name}.{hint}"
            ) from fault


def _breaks(rule: FieldRule) -> pl.Expr:
    """Return which rows break a rule; an empty text is no value."""
    value = pl.col(rule.column)
    return _BROKEN[rule.kind](value.str.strip_chars() if rule.strips else value, rule)


def _unlike(value: pl.Expr, shapes: Sequence[str]) -> pl.Expr:
    """Tell which values have none of some shapes, patterns of LIKE."""
    patterns = (shape.replace("_", ".").replace("%", ".*") for shape in shapes)
    return (value != "") & ~value.str.contains(f"^({'|'.join(patterns)})$")


def _other_choices(value: pl.Expr, rule: FieldRule) -> pl.Expr:
    chosen = value.str.split(";").list.eval(pl.element().str.strip_chars())
    return (value != "") & (chosen.list.set_difference([*rule.values, ""]).list.len() > 0)


def _number(value: pl.Expr) -> pl.Expr:
    return value.cast(pl.Float64, strict=False)


_BROKEN: Mapping[RuleKind, Callable[[pl.Expr, FieldRule], pl.Expr]] = {
    "required": lambda value, _: value.is_null() | (value == ""),
    "length": lambda value, rule: value.str.len_chars() > rule.bound,
    "picklist": lambda value, rule: (value != "") & ~value.is_in(rule.values),
    "multipicklist": _other_choices,
    "choices": lambda value, rule: value.str.count_matches(";") >= rule.bound,
    "digits": lambda value, rule: _number(value).abs() >= 10**rule.bound,
    "decimals": lambda value, rule: _number(value) != _number(value).round(rule.bound),
    "number": lambda value, _: value.str.contains(rf"[^{re.escape(measured.NUMBER_SIGNS)}]"),
    "boolean": lambda value, _: (value != "") & ~value.str.to_lowercase().is_in(measured.TRUTHS),
    "date": lambda value, _: _unlike(value, measured.DAY_SHAPES),
    "datetime": lambda value, _: _unlike(value, measured.MOMENT_SHAPES),
    "days": lambda value, _: (
        (value != "") & ((value < measured.FIRST_YEAR) | (value >= measured.YEAR_BEHIND))
    ),
    "record_id": lambda value, _: (
        (value != "") & ~value.str.len_chars().is_in(measured.RECORD_ID_CHARS)
    ),
}


_KINDS: tuple[tuple[type[pl.DataType], ValueKind], ...] = (
    (pl.String, "text"),
    (pl.Boolean, "boolean"),
    (pl.Date, "date"),
    (pl.Datetime, "datetime"),
)


def _kind(dtype: pl.DataType) -> ValueKind:
    if dtype.is_numeric():
        return "number"
    for of, kind in _KINDS:
        if isinstance(dtype, of):
            return kind
    return "unknown"


def _as_text(name: str, dtype: pl.DataType) -> pl.Expr:
    """Return a column as text; a timestamp with a zone is written in UTC."""
    if isinstance(dtype, pl.Datetime) and dtype.time_zone is not None:
        utc = pl.col(name).dt.convert_time_zone("UTC")
        return utc.dt.strftime("%Y-%m-%d %H:%M:%S%.6f+00:00").alias(name)
    return pl.col(name).cast(pl.String)
