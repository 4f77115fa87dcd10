"""Tables in databases of all kinds that tests run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl
import sqlalchemy as sa

TYPES: dict[type[pl.DataType], sa.types.TypeEngine[Any]] = {
    pl.String: sa.Text(),
    pl.Date: sa.Date(),
    pl.Datetime: sa.DateTime(timezone=True),
    pl.Boolean: sa.Boolean(),
    pl.Float64: sa.Double(),
    pl.Decimal: sa.Numeric(18, 2),
    pl.Int64: sa.BigInteger(),
    pl.Binary: sa.LargeBinary(),
}


@dataclass(frozen=True)
class DatabaseTable:
    """One table of a database.

    Attributes:
        collation: of each text column.
        key_type: of the first column, if it is no type of the frame.
    """

    url: str
    name: str = "Things"
    collation: str | None = None
    key_type: sa.types.TypeEngine[Any] | None = None

    def holds(self, frame: pl.DataFrame) -> None:
        """Put rows into it, and no others; what the frame's types are, so are the columns'."""
        columns = [sa.Column(name, self._type(dtype)) for name, dtype in frame.schema.items()]
        if self.key_type is not None:
            columns[0].type = self.key_type
        table = sa.Table(self.name, sa.MetaData(), *columns)
        with self.begin() as connection:
            table.drop(connection, checkfirst=True)
            table.create(connection)
            if not frame.is_empty():
                connection.execute(table.insert(), frame.to_dicts())

    def begin(self) -> Any:  # noqa: ANN401 - a transaction of SQLAlchemy, however it is typed
        """Begin a transaction on a connection of its own."""
        url = self.url.replace("postgresql://", "postgresql+psycopg2://")
        return sa.create_engine(url, poolclass=sa.NullPool).begin()

    def _type(self, dtype: pl.DataType) -> sa.types.TypeEngine[Any]:
        if isinstance(dtype, pl.String) and self.collation is not None:
            return sa.Text(collation=self.collation)
        return next(of for kind, of in TYPES.items() if isinstance(dtype, kind))
