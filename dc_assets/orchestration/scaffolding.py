"""`dg scaffold defs dc_assets.SalesforceLoad`: a first load, proposed as `dc-assets init` does."""

from contextlib import suppress
from textwrap import indent

import click
import dagster as dg
from pydantic import BaseModel, Field

from dc_assets.core.errors import ConfigError, DcError
from dc_assets.core.source_spec import DEFAULT_DATA_SPACE
from dc_assets.load.component_files import TYPE


class ScaffoldOptions(BaseModel):
    """The options of `dg scaffold defs dc_assets.SalesforceLoad`; `dg` shows what they mean."""

    object: str | None = Field(default=None, description="Object in the org, such as Contact")
    source: str | None = Field(
        default=None,
        description="Object of Data Cloud, such as ExtContacts__dlm, or Parquet or CSV files",
    )
    key: str | None = Field(default=None, description="Column with the external id")
    external_id: str | None = Field(
        default=None, description="External ID field that rows are matched by"
    )
    parent: str | None = Field(default=None, description="Column whose parents decide the lanes")
    data_space: str = Field(
        default=DEFAULT_DATA_SPACE, description="Data space of the object of Data Cloud"
    )


class SalesforceLoadScaffolder(dg.Scaffolder[ScaffoldOptions]):
    """Writes a defs.yaml with one load."""

    @classmethod
    def get_scaffold_params(cls) -> type[ScaffoldOptions]:
        """Return the options of the command."""
        return ScaffoldOptions

    def scaffold(self, request: dg.ScaffoldRequest[ScaffoldOptions]) -> None:
        """Write the defs.yaml.

        Raises:
            click.ClickException: nothing was written; the sentence says why.
        """
        from dc_assets.wiring.first_load import first_load

        folder, given = request.target_path, request.params
        file = folder / "defs.yaml"
        try:
            if request.scaffold_format != "yaml" or request.append or file.exists():
                raise ConfigError(f"{file} would have to be a new file in YAML. Take another path.")
            named = given.model_dump(exclude={"source", "data_space"})
            text, questions = first_load(folder, named, given.source, given.data_space)
        except DcError as error:
            with suppress(OSError):
                folder.rmdir()  # dg made it; one with files in it stays
            raise click.ClickException(str(error)) from error
        head = f"type: {TYPE}\nattributes:\n"  # commands find loads by this name alone
        file.write_text(head + indent(text, "  "), encoding="utf-8")
        for question in questions:
            click.echo(f"Only you can know: {question}")
