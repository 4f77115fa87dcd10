"""Dead letters in the ledger database, as the books write them."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dc_assets.ledger.database import in_parts, now_s
from dc_assets.ledger.tables import dead_letter, load
from dc_assets.load.store import DeadLetter, RangeTicket


class DeadLetterWriter:
    """Writes the dead letters of one run of a spec in one org, inside its caller's transaction."""

    def __init__(self, spec_name: str, org_id: str, run_id: str) -> None:
        self._spec_name = spec_name
        self._org_id = org_id
        self._run_id = run_id

    def add(
        self,
        connection: Connection,
        load_id: str,
        partition_key: str,
        dead_letters: Sequence[DeadLetter],
    ) -> None:
        """Keep dead letters; the time of the first refusal of an external id goes with it."""
        if not dead_letters:
            return
        refused_at = now_s(connection)
        keys = [_storable(letter.external_id) for letter in dead_letters]
        first = self._first_refusals(connection, keys)
        lines = [
            {
                "load_id": load_id,
                "partition_key": partition_key,
                "external_id": key,
                "code": letter.code[:80],
                "message": letter.message,
                "fields": letter.fields,
                "row_json": letter.row_json,
                "attempts": letter.attempts,
                "refused_at": refused_at,
                "first_refused_at": first.get(key, refused_at),
                "run_id": self._run_id,
            }
            for key, letter in zip(keys, dead_letters, strict=True)
        ]
        connection.execute(dead_letter.insert(), lines)

    def those_not_kept(
        self, connection: Connection, ticket: RangeTicket, dead_letters: Sequence[DeadLetter]
    ) -> list[DeadLetter]:
        """Return those dead letters whose external id has none in the partition yet."""
        kept = set(
            connection.execute(
                sa.select(dead_letter.c.external_id).where(
                    dead_letter.c.load_id == ticket.load_id,
                    dead_letter.c.partition_key == ticket.partition_key,
                )
            ).scalars()
        )
        return [one for one in dead_letters if _storable(one.external_id) not in kept]

    def replayed(self, connection: Connection, load_id: str, keys: Sequence[str]) -> None:
        """Mark older dead letters of external ids whose rows a load sends again."""
        for part in in_parts([_storable(key) for key in keys]):
            connection.execute(
                dead_letter.update()
                .where(dead_letter.c.external_id.in_(part))
                .where(dead_letter.c.load_id.in_(self._loads()))
                .where(dead_letter.c.load_id != load_id, dead_letter.c.replayed_by.is_(None))
                .values(replayed_by=load_id)
            )

    def _first_refusals(self, connection: Connection, keys: Sequence[str]) -> dict[str, float]:
        first: dict[str, float] = {}
        for part in in_parts(keys):
            rows = connection.execute(
                sa.select(
                    dead_letter.c.external_id,
                    sa.func.min(
                        sa.func.coalesce(dead_letter.c.first_refused_at, dead_letter.c.refused_at)
                    ).label("at"),
                )
                .where(dead_letter.c.external_id.in_(part))
                .where(dead_letter.c.load_id.in_(self._loads()))
                .group_by(dead_letter.c.external_id)
            )
            first |= {row.external_id: row.at for row in rows}
        return first

    def _loads(self) -> sa.Select[tuple[str]]:
        return sa.select(load.c.load_id).where(
            load.c.spec_name == self._spec_name, load.c.org_id == self._org_id
        )


def _storable(external_id: str) -> str:
    """Return the id as text that PostgreSQL takes: it has no NUL."""
    return external_id.replace("\0", "\\u0000")
