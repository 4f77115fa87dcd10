"""What plans told of a load, kept so that it can be compared with what the load then took."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa

from dc_assets.ledger.absence import one_transaction
from dc_assets.ledger.spec_records import SpecRecords
from dc_assets.ledger.tables import epoch_now, forecast, load


@dataclass(frozen=True, slots=True)
class Span:
    """A figure on the fastest org that is plausible, on the likeliest and on the slowest."""

    low: float
    expected: float
    high: float


@dataclass(frozen=True, slots=True)
class ToldLoad:
    """What a plan told.

    Attributes:
        seconds: from the first create to the last settled batch; None when there are no rows.
        requests: calls to Core; likewise.
        is_measured: whether earlier jobs told of the org's speed.
        basis: what the forecast rests on, one sentence; "" without one.
    """

    rows: int
    jobs: int
    seconds: Span | None
    requests: Span | None
    verdict: str
    is_measured: bool
    basis: str


@dataclass(frozen=True, slots=True)
class KeptForecast:
    """A forecast as the ledger has it; the time is seconds since 1970."""

    told: ToldLoad
    made_at: float


class Forecasts(SpecRecords):
    """The forecasts of one spec in one org."""

    @one_transaction
    def keep(self, told: ToldLoad) -> None:
        """Store what a plan told just now."""
        with self._database.begin() as connection:
            connection.execute(
                forecast.insert().values(
                    spec_name=self._spec_name,
                    org_id=self._org_id,
                    made_at=epoch_now(),
                    content=json.dumps(asdict(told)),
                )
            )

    @one_transaction
    def of_load(self, load_id: str) -> KeptForecast | None:
        """Return the newest forecast that was made for a full load, if one was.

        That is: before the load opened, and after the full load before it opened.
        """
        opened_at = sa.select(load.c.opened_at).where(load.c.load_id == load_id).scalar_subquery()
        earlier = load.alias("earlier")
        before = (
            sa.select(sa.func.max(earlier.c.opened_at))
            .where(self.is_ours(earlier))
            .where(earlier.c.mode == "full", earlier.c.opened_at < opened_at)
            .scalar_subquery()
        )
        with self._database.begin() as connection:
            row = connection.execute(
                sa.select(forecast.c.content, forecast.c.made_at)
                .where(self.is_ours(forecast))
                .where(forecast.c.made_at <= opened_at)
                .where(forecast.c.made_at > sa.func.coalesce(before, 0.0))
                .order_by(forecast.c.made_at.desc(), forecast.c.id.desc())
                .limit(1)
            ).first()
        return None if row is None else KeptForecast(_told(json.loads(row.content)), row.made_at)


def _told(content: Mapping[str, Any]) -> ToldLoad:
    spans: dict[str, Any] = {name: _span(content[name]) for name in ("seconds", "requests")}
    return ToldLoad(**{**content, **spans})


def _span(ends: Mapping[str, float] | None) -> Span | None:
    return None if ends is None else Span(**ends)
