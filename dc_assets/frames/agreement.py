"""Finds the setting of a column with which values that an org stores otherwise would agree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

import polars as pl

from dc_assets.core.spec import NUMBERS, ColumnSpec, ColumnType
from dc_assets.frames.canon import canonical_text

SCALE_MAX = 18


def agreeing_setting(column: ColumnSpec, values: pl.DataFrame) -> str:
    """Return the setting, such as ``scale: 2``, that makes all pairs agree; "" if none does.

    ``values`` has the columns ``source`` and ``target``, each pair as it differs now. Settings that
    change less are tried first.
    """
    for setting, changed in _candidates(column):
        sides = [canonical_text(pl.col(side), changed) for side in ("source", "target")]
        if values.select(sides[0].eq_missing(sides[1]).all()).item():
            return setting
    return ""


def _candidates(column: ColumnSpec) -> Iterator[tuple[str, ColumnSpec]]:
    if column.blanks != "strip":
        yield "blanks: strip", column.model_copy(update={"blanks": "strip"})
    if column.type in NUMBERS:
        for scale in range(SCALE_MAX, -1, -1):
            yield f"scale: {scale}", column.model_copy(update={"scale": scale})
    for kind in get_args(ColumnType):
        if kind != column.type:
            yield f"type: {kind}", column.model_copy(update={"type": kind, "scale": None})
