"""Proves that a database orders and compares keys by their bytes: it is asked to."""

from __future__ import annotations

import sqlalchemy as sa

from dc_assets.core.errors import ConfigError
from dc_assets.databases.connection import Database
from dc_assets.databases.dialects import Query, choose

AWKWARD = (
    *("", " ", "a", "a ", " a", "A", "b", "B", "Z", "z", "aa", "ab", "aB", "a-b", "a_b", "a b"),
    *("ä", "a\u0308", "Ä", "é", "e\u0301", "ß", "ss", "æ", "ae", "ı", "i", "I", "İ", "ö", "ø"),  # noqa: RUF001
    *("1", "10", "2", "-1", "+1", "'", '"', "\\", "%", "_", "\t", "\u200b", "\u00ad", "\ufeff"),
    *("東", "ﾊ", "ハ", "ｚ", "\ue000", "\uffee", "😀", "𝒜", "x" * 300, "x" * 299 + "y"),  # noqa: RUF001
)
"""Keys that some collation takes for equal or orders otherwise: by case, by accents, without
punctuation or blanks, by numbers, by UTF-16, by their beginning."""

AFTER, UPTO = "a", "ß"


def prove_order(database: Database, keys: Query) -> None:
    """Let a database order awkward keys, tell them apart and bound them, as it will do with ours.

    They stand beside no row of the source: SQLite takes on the encoding of a file, by which it
    compares, when it first looks at a table.

    Raises:
        ConfigError: it does not do so by their bytes.
    """
    awkward = (choose(sa.literal(key, sa.Text()).label("key")) for key in AWKWARD)
    given = sa.union_all(*awkward, keys.where(sa.false()))
    key = database.dialect.text(given.subquery("given").c.key)
    found = database.rows(choose(key, sa.func.count()).group_by(key).order_by(key))
    told = [(str(one[0]), int(one[1])) for one in found]
    between = database.row(choose(sa.func.count()).where(key > AFTER, key <= UPTO))[0]
    if told == [(one, 1) for one in sorted(AWKWARD)] and between == BETWEEN:
        return
    raise ConfigError(
        f"The database ({database.dialect.name}) does not order text by its bytes, even where it "
        "is told to: rows would be missed or read twice. It may not be encoded in UTF-8. Write "
        "the rows to Parquet files and name them in source.files instead."
    )


BETWEEN = sum(AFTER < key <= UPTO for key in AWKWARD)
