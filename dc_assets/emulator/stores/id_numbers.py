"""Record ids and their numbers by the column: the same as `record_id` gives one by one."""

from __future__ import annotations

from functools import cache

import polars as pl

from dc_assets.emulator.ids import COUNTER_WIDTH, DIGITS, INSTANCE, SUFFIX, case_suffix

BASE = len(DIGITS)
HALF = BASE**3
ZEROS = "0000"
HEAD = 3 + len(INSTANCE) + len(ZEROS)
"""Characters before the counter."""
PACKED_BYTES = 8
"""The counter and two zeros before it: one number, of which each byte is a digit."""


@cache
def _halves() -> tuple[pl.Series, pl.Series]:
    """All texts of three digits; which of them are capitals, as bits from the left."""
    number = pl.int_range(HALF, dtype=pl.UInt32, eager=True)
    texts, are_capitals = pl.Series(list(DIGITS)), pl.Series([d.isupper() for d in DIGITS])
    places = [(number // BASE**power) % BASE for power in (2, 1, 0)]
    bits = [are_capitals.gather(place).cast(pl.UInt8) * 2**k for k, place in enumerate(places)]
    text = pl.select(pl.concat_str(texts.gather(place) for place in places)).to_series()
    return text, bits[0] + bits[1] + bits[2]


@cache
def _ends(prefix: str) -> pl.Series:
    """The suffixes of an id, by the capitals of its digits: six bits, from the left."""
    first = case_suffix(f"{prefix}{INSTANCE}0000000000")[0]
    return pl.Series([first + SUFFIX[16 * (bits & 1)] + SUFFIX[bits >> 1] for bits in range(64)])


def ids_of(prefix: str, numbers: pl.Series) -> pl.Series:
    """The ids of 18 characters of the records with these numbers; null stays null."""
    texts, bits = _halves()
    number, high, low = pl.lit(numbers), pl.col("high"), pl.col("low")
    halves = pl.select(high=(number // HALF) % HALF, low=number % HALF)
    capitals = pl.lit(bits).gather(high).cast(pl.UInt32) + pl.lit(bits).gather(low) * 8
    ids = pl.concat_str(
        pl.lit(f"{prefix}{INSTANCE}{ZEROS}"),
        pl.lit(texts).gather(high),
        pl.lit(texts).gather(low),
        pl.lit(_ends(prefix)).gather(capitals),
    )
    return halves.select(ids).to_series()


@cache
def _pairs() -> pl.Series:
    """The number of each two digits, by their bytes as a number; null for all other bytes."""
    codes = [ord(digit) for digit in DIGITS]
    places = [256 * high + low for high in codes for low in codes]
    numbers = pl.repeat(None, 256**2, dtype=pl.Int64, eager=True)
    return numbers.scatter(places, pl.int_range(len(places), eager=True))


def numbers_of(prefix: str, ids: pl.Series) -> pl.Series:
    """The numbers of ids of 18 characters; null for each text that `ids_of` does not give."""
    id_, cut, packed = pl.lit(ids), pl.col("cut"), pl.col("packed")
    is_long = id_.str.len_bytes() == HEAD + COUNTER_WIDTH + 3
    counter = pl.when(is_long).then(id_).str.slice(HEAD - 2, PACKED_BYTES).cast(pl.Binary)
    whole = pl.when(cut.bin.size() == PACKED_BYTES).then(cut)
    frame = pl.select(cut=counter).select(
        packed=whole.bin.reinterpret(dtype=pl.UInt64, endianness="big")
    )
    number = pl.lit(0, dtype=pl.Int64)
    for place in reversed(range(0, COUNTER_WIDTH, 2)):
        number = number * BASE**2 + pl.lit(_pairs()).gather((packed // 256**place) % 256**2)
    numbers = frame.select(number).to_series()
    return pl.select(pl.when(pl.lit(ids_of(prefix, numbers)) == id_).then(numbers)).to_series()
