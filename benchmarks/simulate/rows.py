"""Which row belongs to which parent: rows are numbered in the order of their external ids."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import accumulate
from random import Random

from dc_assets.core.errors import ConfigError

SKEWS = "uniform, zipf:1.0 (few parents have most rows) or hot:0.05 (one parent has that share)"


def parents_of(rows: int, accounts: int, skew: str, seed: int) -> array[int]:
    """Return the parent of each row. The order of rows and the numbers of parents tell nothing.

    Args:
        rows: how many rows; two millions take about a second.
        accounts: how many parents there are; one may be left without rows.
        skew: ``uniform``, ``zipf:EXPONENT`` or ``hot:SHARE``.
        seed: the same seed gives the same rows.

    Raises:
        ConfigError: the skew cannot be read.
    """
    weights = _cumulative_weights(accounts, skew)
    chance = Random(seed)  # noqa: S311 - chance of a model, not a secret
    parents = list(range(accounts))
    chance.shuffle(parents)
    return array("i", chance.choices(parents, cum_weights=weights, k=rows))


def check_skew(skew: str) -> str:
    """Return a skew that can be read.

    Raises:
        ConfigError: it cannot.
    """
    _cumulative_weights(2, skew)
    return skew


def _cumulative_weights(accounts: int, skew: str) -> Sequence[float] | None:
    """Return how often each parent is met, added up; None when all are met as often."""
    kind, _, number = skew.partition(":")
    if kind == "uniform" and not number:
        return None
    figure = _positive(number)
    if kind == "zipf" and figure is not None:
        return list(accumulate(1 / rank**figure for rank in range(1, accounts + 1)))
    if kind == "hot" and figure is not None and figure <= 1:
        others = (1 - figure) / max(1, accounts - 1)
        return list(accumulate([figure, *[others] * (accounts - 1)]))
    raise ConfigError(f"The skew {skew!r} cannot be read: write {SKEWS}.")


def _positive(number: str) -> float | None:
    try:
        figure = float(number)
    except ValueError:
        return None
    return figure if 0 < figure < float("inf") else None
