"""`dc-assets home`: a DAGSTER_HOME with settings that were tried."""

from __future__ import annotations

from pathlib import Path

import click

from dc_assets.cli.said import say
from dc_assets.orchestration.home import write_home

_EXAMPLES = """\b
Examples:
  dc-assets home /srv/dagster
  dc-assets home /srv/dagster --postgres env:DAGSTER_DB_URL
"""


@click.command(epilog=_EXAMPLES)
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--postgres",
    metavar="env:NAME",
    help="Keep Dagster's history in PostgreSQL; its URL is read from the variable NAME when a "
    "service starts. A URL without a password, postgresql://user@host/db, is taken as it is.",
)
def home(folder: Path, postgres: str | None) -> None:
    """Write dagster.yaml and workspace.yaml into FOLDER, ready to be a DAGSTER_HOME.

    Without --postgres Dagster keeps its history in SQLite files of the same folder: right for one
    machine. Take PostgreSQL for more than two workers.
    """
    folder = folder.absolute()
    write_home(folder, postgres=postgres)
    say(f"Wrote {folder}. Start the services with:")
    say(f"  export DAGSTER_HOME={folder}")
    say(f"  dagster-webserver -w {folder / 'workspace.yaml'} -h 127.0.0.1 -p 3000")
    say(f"  dagster-daemon run -w {folder / 'workspace.yaml'}")
