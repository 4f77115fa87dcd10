"""Tells of a transaction whose end was sent and not answered whether it took place.

Each connection leaves a mark in the transaction itself, in a row of its own. Whoever looks for it
afterwards waits at that row until the server has ended the transaction, so that "it is not there"
stays true. SQLite ends a transaction in this process: there is no answer that could be lost.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from dc_assets.core.durations import DAY_S
from dc_assets.ledger.tables import commit_mark, epoch_now
from dc_assets.ledger.upsert import insert_into

KEPT_S = DAY_S
"""How long a mark is kept: it is looked for as soon as the server is back."""

_SESSION = "dc_assets_session"


@dataclass(frozen=True, slots=True)
class CommitMark:
    """What one transaction of one connection left."""

    session: str
    mark: str


class CommitMarks:
    """The marks of one process."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._are_needed = engine.dialect.name == "postgresql"

    def leave(self, connection: Connection) -> CommitMark | None:
        """Mark a transaction that is about to end, if it wrote something.

        One that only read has no transaction id yet, and nobody needs to know whether it ended.
        """
        if not self._are_needed:
            return None
        session: str = connection.info.setdefault(_SESSION, uuid.uuid4().hex)
        mark = CommitMark(session, uuid.uuid4().hex)
        written = sa.func.txid_current_if_assigned().is_not(None)
        values = sa.select(
            sa.literal(mark.session), sa.literal(mark.mark), epoch_now().label("now")
        ).where(written)
        insert = insert_into(connection, commit_mark).from_select(
            ["session", "mark", "marked_at"], values
        )
        left = connection.execute(
            insert.on_conflict_do_update(
                index_elements=[commit_mark.c.session],
                set_={"mark": mark.mark, "marked_at": insert.excluded.marked_at},
            )
        )
        return mark if left.rowcount else None

    def is_there(self, mark: CommitMark) -> bool:
        """Tell whether a marked transaction took place; wait for the server to end it first."""
        with self._engine.begin() as connection:
            insert = insert_into(connection, commit_mark).values(
                session=mark.session, mark="", marked_at=epoch_now()
            )
            found = connection.execute(
                insert.on_conflict_do_update(
                    index_elements=[commit_mark.c.session],
                    set_={"marked_at": epoch_now()},
                ).returning(commit_mark.c.mark)
            ).scalar_one()
        return found == mark.mark


def forget_old_marks(connection: Connection) -> None:
    """Drop the marks of connections that nobody has used for a day."""
    connection.execute(commit_mark.delete().where(commit_mark.c.marked_at < epoch_now() - KEPT_S))
