"""The outbox: what people are to be told, and which channel has taken which notification.

Why it stands in the ledger: `docs/adr/0022-notifications-are-an-outbox.md`.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from dc_assets.core.events import OFFERED_FOR_S, Event, EventKind
from dc_assets.ledger.absence import one_transaction
from dc_assets.ledger.database import Database, in_parts
from dc_assets.ledger.tables import delivery, epoch_now, notice
from dc_assets.ledger.upsert import insert_or_update

RETRY_AFTER_S = 60.0
RETRY_AFTER_S_MAX = 3_600.0

LONG_AGO = 0.0
"""So old a notification is offered to nobody."""


class Outbox:
    """Notifications of all loads of a ledger."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def now_s(self) -> float:
        """Return seconds since 1970 by the ledger's clock."""
        return self._database.time_s()

    @one_transaction
    def unknown(self, keys: Collection[str]) -> set[str]:
        """Return those of some keys that nobody has noticed yet."""
        known: set[str] = set()
        with self._database.begin() as connection:
            for part in in_parts(list(keys)):
                rows = connection.execute(
                    sa.select(notice.c.notice_key).where(notice.c.notice_key.in_(part))
                )
                known |= {row.notice_key for row in rows}
        return set(keys) - known

    @one_transaction
    def add(self, kind: EventKind, spec_name: str, key: str, facts: Mapping[str, Any]) -> bool:
        """Note an event; tell whether it is a new one. The first facts of a key stay."""
        values = {
            "notice_key": key,
            "kind": kind,
            "spec_name": spec_name,
            "facts": json.dumps(facts),
            "noticed_at": epoch_now(),
        }
        with self._database.begin() as connection:
            return insert_or_update(connection, notice, values, {})

    @one_transaction
    def undelivered(self, channel: str, limit: int = 100) -> Sequence[Event]:
        """Return the notifications that a channel is due to send, oldest first."""
        due = sa.or_(delivery.c.due_at.is_(None), delivery.c.due_at <= epoch_now())
        query = self._open(channel, notice).where(due)
        query = query.order_by(notice.c.noticed_at, notice.c.notice_key).limit(limit)
        with self._database.begin() as connection:
            return [_notice(row) for row in connection.execute(query)]

    @one_transaction
    def waiting(self, channel: str) -> int:
        """Count the notifications that a channel has not taken, due or not."""
        with self._database.begin() as connection:
            counted = self._open(channel, sa.func.count())
            return int(connection.execute(counted).scalar_one())

    @one_transaction
    def has_delivered(self, channel: str) -> bool:
        """Tell whether a channel ever took a notification."""
        taken = sa.select(delivery.c.channel).where(
            delivery.c.channel == channel, delivery.c.sent_at.is_not(None)
        )
        with self._database.read() as connection:
            return connection.execute(taken.limit(1)).first() is not None

    @one_transaction
    def tried(self, channel: str) -> None:
        """Keep that a channel took a notification for a test, which no other is offered."""
        key = f"tried:{channel}"
        values = {
            "notice_key": key,
            "kind": "test",
            "spec_name": "dc-assets",
            "facts": "{}",
            "noticed_at": LONG_AGO,
        }
        with self._database.begin() as connection:
            insert_or_update(connection, notice, values, {})
        self._note(key, channel, {"sent_at": epoch_now()})

    def sent(self, key: str, channel: str) -> None:
        """Keep that a channel has taken a notification; a late refusal does not take it back."""
        self._note(key, channel, {"sent_at": epoch_now()})

    @one_transaction
    def refused(self, key: str, channel: str, answer: str) -> None:
        """Keep what a channel answered; the notification is due again, later each time."""
        where = (delivery.c.notice_key == key) & (delivery.c.channel == channel)
        with self._database.begin() as connection:
            tries = connection.execute(sa.select(delivery.c.tries).where(where)).scalar() or 0
        wait_s = min(RETRY_AFTER_S_MAX, RETRY_AFTER_S * 2**tries)
        values = {"tries": tries + 1, "due_at": epoch_now() + wait_s, "answer": answer}
        self._note(key, channel, values)

    @one_transaction
    def _note(self, key: str, channel: str, values: Mapping[str, Any]) -> None:
        of = {"notice_key": key, "channel": channel}
        with self._database.begin() as connection:
            insert_or_update(connection, delivery, {**of, **values}, values)

    def _open(
        self, channel: str, *columns: sa.ColumnElement[Any] | sa.Table
    ) -> sa.Select[*tuple[Any, ...]]:
        """Select from the notifications that a channel has not taken and that are not too old."""
        this_one = sa.and_(
            delivery.c.notice_key == notice.c.notice_key, delivery.c.channel == channel
        )
        return (
            sa.select(*columns)
            .select_from(notice)
            .outerjoin(delivery, this_one)
            .where(delivery.c.sent_at.is_(None))
            .where(notice.c.noticed_at > epoch_now() - OFFERED_FOR_S)
        )


def _notice(row: Row[Any]) -> Event:
    return Event(row.notice_key, row.kind, row.spec_name, json.loads(row.facts), row.noticed_at)
