"""Compare the rows of both sides by external id: keys, then values, all in canonical text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import polars as pl

from dc_assets.core.spec import LoadSpec

IN_SOURCE = "__in_source"
IN_TARGET = "__in_target"
DIGEST = "__digest"
ALIKE = "__alike"
SENT_AGAIN = "sent_again"
"""Flag of a differing value that was the same before its row landed once more."""
JOINED_ROWS = 100_000
"""Source rows that are joined with the target at once."""
_AT_SOURCE = ":source"
_AT_TARGET = ":target"


def at_source(field: str) -> str:
    """Return the name of a field's column that holds the source's value."""
    return field + _AT_SOURCE


def at_target(field: str) -> str:
    """Return the name of a field's column that holds the target's value."""
    return field + _AT_TARGET


def side_by_side(source: pl.DataFrame, target: pl.DataFrame, spec: LoadSpec) -> pl.DataFrame:
    """Join both sides by external id.

    Both frames have the target fields of the spec. The result has the external id, each other
    field as ``<field>:source`` and ``<field>:target``, and the flags `IN_SOURCE` and `IN_TARGET`,
    sorted by external id. A key that one side holds twice stands twice.
    """
    key = spec.target.external_id
    left = _renamed(source, key, _AT_SOURCE).with_columns(pl.lit(value=True).alias(IN_SOURCE))
    right = _renamed(target, key, _AT_TARGET).with_columns(pl.lit(value=True).alias(IN_TARGET))
    return (
        left.join(right, on=key, how="full", coalesce=True, maintain_order="left")
        .with_columns(
            pl.col(IN_SOURCE).fill_null(value=False), pl.col(IN_TARGET).fill_null(value=False)
        )
        .sort(key)  # the source is sorted, and to sort what is sorted costs next to nothing
    )


def _renamed(frame: pl.DataFrame, key: str, suffix: str) -> pl.DataFrame:
    return frame.rename({name: name + suffix for name in frame.columns if name != key})


def digests(rows: pl.DataFrame, spec: LoadSpec) -> pl.DataFrame:
    """Return external id and a 64-bit digest of all other fields: what is kept in memory.

    Digests compare within one process only. Two different rows share one with a chance of 2^-64;
    equal rows always do.
    """
    fields = [c.target for c in spec.columns if c.target != spec.target.external_id]
    values = rows.select(fields) if fields else rows.select(pl.lit(0).alias("nothing"))
    return rows.select(spec.target.external_id).with_columns(values.hash_rows().alias(DIGEST))


def in_key_order(rows: pl.DataFrame, spec: LoadSpec) -> pl.DataFrame:
    """Sort by external id; a source is sorted, an org answers in an order of its own."""
    key = spec.target.external_id
    return rows if rows.get_column(key).is_sorted() else rows.sort(key)


def key_by_key(
    source: pl.DataFrame, target: pl.DataFrame, spec: LoadSpec, rows_at_once: int = JOINED_ROWS
) -> pl.DataFrame:
    """Join the digests of both sides: external id, `IN_SOURCE`, `IN_TARGET`, `ALIKE`, sorted.

    Some source rows at a time: a join of all of them takes several times their room.
    """
    key = spec.target.external_id
    left, right = pl.col(at_source(DIGEST)), pl.col(at_target(DIGEST))
    parts: list[pl.DataFrame] = []
    left_rows, right_rows = in_key_order(source, spec), in_key_order(target, spec)
    for source_part, target_part in _in_parts(left_rows, right_rows, key, rows_at_once):
        joined = _one_to_one(source_part, target_part, key)
        if joined is None:
            joined = side_by_side(source_part, target_part, spec)
        alike = joined.with_columns(left.eq_missing(right).alias(ALIKE))
        parts.append(alike.drop(at_source(DIGEST), at_target(DIGEST)))
    return pl.concat(parts)


def _in_parts(
    source: pl.DataFrame, target: pl.DataFrame, key: str, rows_at_once: int
) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """Cut sides that are in the order of their keys; all rows of a key are in one part."""
    bounds = source.get_column(key).gather_every(rows_at_once, rows_at_once)
    return zip(_cut(source, key, bounds), _cut(target, key, bounds), strict=True)


def _cut(rows: pl.DataFrame, key: str, bounds: pl.Series) -> Iterator[pl.DataFrame]:
    """Yield the rows before the first bound, then those of each bound up to the next one."""
    starts = [0, *rows.get_column(key).search_sorted(bounds, "left").to_list(), rows.height]
    for start, end in pairwise(starts):
        yield rows.slice(start, end - start)


def _one_to_one(source: pl.DataFrame, target: pl.DataFrame, key: str) -> pl.DataFrame | None:
    """Put sorted sides beside each other that hold the same keys, each once, as most do.

    Returns what `side_by_side` would, or None where it has to be asked.
    """
    keys = source.get_column(key)
    if target.height != keys.len() or not keys.eq_missing(target.get_column(key)).all():
        return None
    if keys.null_count() or not (keys != keys.shift(1)).all():
        return None
    yes = pl.lit(value=True)
    return _renamed(source, key, _AT_SOURCE).with_columns(
        *_renamed(target.drop(key), key, _AT_TARGET), yes.alias(IN_SOURCE), yes.alias(IN_TARGET)
    )


@dataclass(frozen=True, slots=True)
class KeyRun:
    """Neighbouring keys that one side lacks: no key between them is on both sides."""

    first: str
    last: str
    rows: int


def runs_of(joined: pl.DataFrame, lacking: str, spec: LoadSpec) -> list[KeyRun]:
    """Return the keys that the side of a flag lacks, as runs in key order."""
    key = spec.target.external_id
    runs = (
        joined.with_columns((~pl.col(lacking)).alias("__lacks"))
        .with_columns(pl.col("__lacks").rle_id().alias("__run"))
        .filter(pl.col("__lacks"))
        .group_by("__run", maintain_order=True)
        .agg(pl.first(key).alias("first"), pl.last(key).alias("last"), pl.len().alias("rows"))
    )
    return [KeyRun(*line) for line in runs.select("first", "last", "rows").iter_rows()]


def changed_values(joined: pl.DataFrame, spec: LoadSpec) -> pl.DataFrame:
    """Return one line for each differing value: external id, field, source value, target value.

    A column with ``when_null: unchanged`` is not compared where the source has no value, because
    then nothing was asked of the org.
    """
    key = spec.target.external_id
    both = joined.filter(pl.col(IN_SOURCE) & pl.col(IN_TARGET))
    parts: list[pl.DataFrame] = []
    for column in spec.columns:
        if column.target == key:
            continue
        source, target = pl.col(at_source(column.target)), pl.col(at_target(column.target))
        differs = source.ne_missing(target)
        if column.when_null == "unchanged":
            differs &= source.is_not_null()
        parts.append(
            both.filter(differs).select(
                pl.col(key),
                pl.lit(column.target).alias("field"),
                source.alias("source"),
                target.alias("target"),
            )
        )
    return pl.concat([without_values(spec), *parts]).sort(key, "field")


def without_values(spec: LoadSpec) -> pl.DataFrame:
    """Return the empty result of `changed_values`."""
    key = spec.target.external_id
    return pl.DataFrame(schema=dict.fromkeys((key, "field", "source", "target"), pl.String))


def with_sent_again(changed: pl.DataFrame, before: pl.DataFrame, spec: LoadSpec) -> pl.DataFrame:
    """Add the flag `SENT_AGAIN` to differing values.

    ``before`` has ``external_id``, ``field``, ``source`` and ``target`` of values that differed
    when they were compared last, and whose rows landed since.
    """
    line = [spec.target.external_id, "field", "source", "target"]
    same = before.rename({"external_id": line[0]}).select(line).unique()
    flagged = same.with_columns(pl.lit(value=True).alias(SENT_AGAIN))
    return changed.join(
        flagged, on=line, how="left", nulls_equal=True, maintain_order="left"
    ).with_columns(pl.col(SENT_AGAIN).fill_null(value=False))


def doubled_keys(frame: pl.DataFrame, spec: LoadSpec, *, with_case: bool = False) -> pl.DataFrame:
    """Return external ids that stand twice: ``key``, ``rows``, sorted.

    Ids that differ in case only are one, and shown in lower case, unless case makes two of them.
    """
    key = pl.col(spec.target.external_id)
    folded = frame.select((key if with_case else key.str.to_lowercase()).alias("key"))
    keys = folded.get_column("key")
    if keys.is_sorted() and not keys.null_count():  # then the same ones are neighbours
        is_unique = (keys != keys.shift(1)).all()
    else:
        is_unique = keys.n_unique() == keys.len()
    if is_unique:
        return pl.DataFrame(schema={"key": pl.String, "rows": pl.get_index_type()})
    return folded.group_by("key").agg(pl.len().alias("rows")).filter(pl.col("rows") > 1).sort("key")


PUNCTUATION = frozenset(r""" !"#$%&'()*+,-./:;<=>?@[\]^_`{|}~""")
"""ASCII characters that can be seen and are no digit or letter, and the blank."""


def are_order_safe(keys: pl.Series) -> bool:
    """Tell whether an org sorts these keys as bytes do, so that a SOQL range can be trusted.

    What is relied on of an org: it compares from left to right without regard to case, digits stand
    before letters, and a text stands before what continues it by a digit or letter. Where it puts
    punctuation, and whether it counts it at all, is not relied on.

    Keys are judged by position, behind their common beginning. They are safe if they hold digits
    and ASCII letters of one case and, at the same places in all keys that are so long, the same
    punctuation; and if a key that is longer than the shortest ends in a digit or letter. Proof: two
    keys that differ do so first where both hold a digit or letter, with the same punctuation
    before; or one continues the other, and then by a digit or letter at least. Either way the same
    one is smaller with and without case, and with punctuation anywhere.
    """
    if keys.is_empty():
        return True
    first, last = str(keys.min()), str(keys.max())
    common = 0
    while common < min(len(first), len(last)) and first[common] == last[common]:
        common += 1
    rest = keys.str.slice(common)
    return _end_safely(rest) and any(_are_of_one_form(rest, case) for case in ("a-z", "A-Z"))


def _end_safely(keys: pl.Series) -> bool:
    """Tell whether each key that is longer than the shortest ends in a digit or letter."""
    sizes = keys.str.len_chars()
    return keys.filter(sizes > sizes.min()).str.contains(r"[0-9A-Za-z]$").all()


def _are_of_one_form(keys: pl.Series, letters: str) -> bool:
    """Tell whether keys are digits, letters of a case, and the same punctuation at its places."""
    sizes = keys.str.len_chars()
    longest = str(keys[sizes.arg_max() or 0])
    punctuation = pl.zeros(len(keys), dtype=pl.UInt32, eager=True)
    for place, sign in enumerate(longest):
        if sign in PUNCTUATION:
            reaches = sizes > place
            if not (keys.filter(reaches).str.slice(place, 1) == sign).all():
                return False
            punctuation += reaches.cast(pl.UInt32)
    return (keys.str.count_matches(f"[^0-9{letters}]") == punctuation).all()
