"""`dc-assets home`: a DAGSTER_HOME with settings that were tried."""

from __future__ import annotations

from pathlib import Path

import click

from dc_assets.cli.said import say
from dc_assets.orchestration.home import make_tables, write_home
from dc_assets.orchestration.kept_yaml import ContradictedError
from dc_assets.orchestration.launchers import LAUNCHERS

_EXAMPLES = """\b
Examples:
  dc-assets home /srv/dagster
  dc-assets home /srv/dagster --postgres env:DAGSTER_DB_URL
  dc-assets home /srv/dagster --postgres env:DAGSTER_DB_URL --launcher celery
"""


@click.command(epilog=_EXAMPLES)
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--postgres",
    metavar="env:NAME",
    help="Keep Dagster's history in PostgreSQL; its URL is read from the variable NAME when a "
    "service starts. A URL without a password, postgresql://user@host/db, is taken as it is.",
)
@click.option(
    "--launcher",
    type=click.Choice([*LAUNCHERS]),
    help="Where runs are carried out; without it on the host of the code location, as in default. "
    "Another one needs --postgres.",
)
def home(folder: Path, postgres: str | None, launcher: str | None) -> None:
    """Write dagster.yaml and workspace.yaml into FOLDER, ready to be a DAGSTER_HOME.

    Without --postgres Dagster keeps its history in SQLite files of the same folder, which are made
    now: right for one machine. Take PostgreSQL for more than two workers.

    A workspace.yaml that is there is kept, and so is a dagster.yaml: what it lacks is added. If it
    contradicts, a unified diff is printed and nothing is written. What is written was held against
    Dagster's own rules, and those of the launcher if it is installed.
    """
    folder = folder.absolute()
    try:
        unchecked = write_home(folder, postgres=postgres, launcher=launcher)
    except ContradictedError as error:
        for line in error.difference:
            say(line)
        raise
    make_tables(folder)
    if unchecked:
        say(unchecked, err=True)
    say(f"Wrote {folder}. Start the services with:")
    say(f"  export DAGSTER_HOME={folder}")
    say(f"  dagster-webserver -w {folder / 'workspace.yaml'} -h 127.0.0.1 -p 3000")
    say(f"  dagster-daemon run -w {folder / 'workspace.yaml'}")
