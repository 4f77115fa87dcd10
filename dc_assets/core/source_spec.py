"""The source of a load spec: an object of Data Cloud or files, and which of their rows."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from dc_assets.core.spec_texts import SQL, Name


class Part(BaseModel):
    """One part of a spec: frozen, and no setting that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


DEFAULT_DATA_SPACE = "default"
"""The data space that every tenant has, and that a token is for when none is named."""


QueryAPIName = Literal["v2", "v3"]


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
        if (self.object is None) == (self.files is None):
            raise ValueError("source names either an object or files")
        if self.files is not None and self.data_space != DEFAULT_DATA_SPACE:
            raise ValueError("data_space is for an object of Data Cloud: files lie in none")
        if self.files is not None and self.api != "v2":
            raise ValueError("api is for an object of Data Cloud: files are read from the disk")
        return self

    @property
    def place(self) -> str:
        """The object or the files, for people."""
        if self.data_space == DEFAULT_DATA_SPACE:
            return self.object or self.files or ""
        return f"{self.object} in the data space {self.data_space}"
