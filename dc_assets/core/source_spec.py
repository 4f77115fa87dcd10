"""The source of a load spec: an object of Data Cloud, files or a database, and which rows."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from dc_assets.core.spec_texts import SQL, Name, checked


class Part(BaseModel):
    """One part of a spec: frozen, and no setting that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


DEFAULT_DATA_SPACE = "default"
"""The data space that every tenant has, and that a token is for when none is named."""


QueryAPIName = Literal["v2", "v3"]

_VARIABLE = re.compile(r"\$[A-Za-z_][A-Za-z0-9_]*")
_FILE = re.compile(r"(sqlite|duckdb):////[^?@#]+")
"""A database that is a file needs no password; an @ or an option could bring one."""


def _url_flaw(url: str) -> str | None:
    """Return why a URL cannot stand in a spec; it is not repeated, since it may hold a password.

    >>> _url_flaw("$WAREHOUSE_URL"), _url_flaw("sqlite:////data/flights.db")
    (None, None)
    """
    if _VARIABLE.fullmatch(url) or _FILE.fullmatch(url):
        return None
    return (
        "a database is named by the environment variable that holds its URL, such as "
        "$WAREHOUSE_URL: a URL may hold a password, and a spec is no place for one. A file may be "
        "named plainly: sqlite:////path/to/file.db or duckdb:////path/to/file.db"
    )


class DatabasePlace(Part):
    """A table of a database, or a query."""

    url: Annotated[Name, checked(_url_flaw)] = Field(
        description="Environment variable that holds the database's URL, such as $WAREHOUSE_URL; "
        "a SQLite or DuckDB file may be named plainly"
    )
    table: Name | None = Field(
        default=None, description="Table or view, with its schema before a point if it has one"
    )
    query: SQL | None = Field(
        default=None, description="Instead of a table: a SELECT that gives the rows"
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.table is None) == (self.query is None):
            raise ValueError("source.sql names either a table or a query")
        return self

    @property
    def name(self) -> str:
        """The table, or that it is a query, and the database, for people."""
        return f"{self.table or 'the query'} in {self.url}"


class SourceSpec(Part):
    """Where the rows come from."""

    object: Name | None = Field(
        default=None, description="Data model object in Data Cloud, such as Things__dlm"
    )
    files: Name | None = Field(
        default=None,
        description="Instead of an object: a Parquet or CSV file, a folder or a glob; a relative "
        "path begins at the spec's folder",
    )
    sql: DatabasePlace | None = Field(
        default=None, description="Instead of an object: a table or a query of a SQL database"
    )
    data_space: str = Field(
        default=DEFAULT_DATA_SPACE,
        pattern=r"^[A-Za-z][A-Za-z0-9_]{0,79}$",
        description="API name of the data space that the object is read in",
    )
    api: QueryAPIName = Field(
        default="v2",
        description="Query API of Data Cloud by which the object is read, v2 or v3: the rows are "
        "the same",
    )
    key: Name = Field(description="Column with the external id")
    parent: Name | None = Field(
        default=None, description="Column with the parent's external id: it decides the lane"
    )
    where: SQL | None = Field(default=None, description="SQL condition that selects the rows")

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if [self.object, self.files, self.sql].count(None) != 2:  # noqa: PLR2004
            raise ValueError("source names one of object, files and sql")
        if self.object is None and self.data_space != DEFAULT_DATA_SPACE:
            raise ValueError("data_space is for an object of Data Cloud: nothing else lies in one")
        if self.object is None and self.api != "v2":
            raise ValueError("api is for an object of Data Cloud: it is one of its query APIs")
        return self

    @property
    def is_data_cloud(self) -> bool:
        """Whether an object of Data Cloud is read, whose rows are billed."""
        return self.files is None and self.sql is None

    @property
    def place(self) -> str:
        """The object, the files or the table, for people."""
        if self.sql is not None:
            return self.sql.name
        if self.data_space == DEFAULT_DATA_SPACE:
            return self.object or self.files or ""
        return f"{self.object} in the data space {self.data_space}"
