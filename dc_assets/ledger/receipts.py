"""How a receipt stands in the ledger, and how the files of older ledgers come into it.

A receipt is written in the transaction that settles its batch, as Parquet with zstd: 2 bytes a row
where external ids count up, 22 where they are random. Why here:
`docs/adr/0065-what-a-disk-holds-can-be-read-again.md`.
"""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dc_assets.core.errors import DcError
from dc_assets.ledger.tables import batch, receipt

if TYPE_CHECKING:
    import polars as pl


class DoubtfulReceipt(DcError):
    """A receipt is gone, or is not the one that was written."""


def packed(rows: pl.DataFrame) -> dict[str, Any]:
    """Return the columns that keep the rows of a receipt."""
    sink = io.BytesIO()
    rows.write_parquet(sink, compression="zstd", statistics=False)
    content = sink.getvalue()
    return {"content": content, "sha256": hashlib.sha256(content).hexdigest()}


def rows_of(connection: Connection, batch_id: str) -> pl.DataFrame:
    """Return the rows of a batch's receipt.

    A file that an older program wrote and that could not be read when the ledger was raised to this
    version is looked for once more: another host may have it.

    Raises:
        DoubtfulReceipt: the ledger has none, or its digest says that it was altered.
    """
    columns = (batch.c.receipt_path, batch.c.receipt_sha256, receipt.c.content, receipt.c.sha256)
    row = connection.execute(
        sa.select(*columns)
        .select_from(batch.outerjoin(receipt, receipt.c.batch_id == batch.c.batch_id))
        .where(batch.c.batch_id == batch_id)
    ).first()
    if row is not None and row.content is not None:
        name = f"receipt of batch {batch_id[:8]} in the ledger"
        return _believed(bytes(row.content), row.sha256, name)
    if row is None or row.receipt_path is None:
        raise DoubtfulReceipt(f"receipt of batch {batch_id[:8]} is not in the ledger")
    return _of_file(row.receipt_path, row.receipt_sha256)


def take_in_files(connection: Connection) -> None:
    """Write the receipts that an older program left in files into the ledger.

    A file that is missing or was altered stays named in its batch: whoever needs it is told.
    """
    left = connection.execute(
        sa.select(batch.c.batch_id, batch.c.load_id, batch.c.receipt_path, batch.c.receipt_sha256)
        .where(batch.c.receipt_path.is_not(None))
        .order_by(batch.c.batch_id)
    ).all()
    for row in left:
        try:
            rows = _of_file(row.receipt_path, row.receipt_sha256)
        except DoubtfulReceipt:
            continue
        key = {"batch_id": row.batch_id, "load_id": row.load_id}
        connection.execute(receipt.insert().values(**key, **packed(rows)))
        connection.execute(
            batch.update()
            .where(batch.c.batch_id == row.batch_id)
            .values(receipt_path=None, receipt_sha256=None)
        )


def _of_file(path: str, sha256: str) -> pl.DataFrame:
    name = f"receipt {path}"
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise DoubtfulReceipt(f"{name} is missing") from error
    return _believed(content, sha256, name)


def _believed(content: bytes, sha256: str, name: str) -> pl.DataFrame:
    if hashlib.sha256(content).hexdigest() != sha256:
        raise DoubtfulReceipt(f"{name} was altered")
    import polars as pl  # noqa: PLC0415 - who looks at the ledger reads no receipt

    return pl.read_parquet(content)
