"""The entry point of `dc-assets`."""

from __future__ import annotations

import click

from dc_assets.cli.cleanup import cleanup
from dc_assets.cli.console import say
from dc_assets.cli.deletions import deletions
from dc_assets.cli.errors import Commands
from dc_assets.cli.home import home
from dc_assets.cli.notify import notify
from dc_assets.cli.plan import plan
from dc_assets.cli.programs import demo, dev, emulator
from dc_assets.cli.reconcile import reconcile
from dc_assets.cli.replay import replay
from dc_assets.cli.report import report
from dc_assets.cli.run import run
from dc_assets.cli.simulate import simulate
from dc_assets.cli.status import status
from dc_assets.cli.stop import stop
from dc_assets.ledger.owner_only import open_to_others
from dc_assets.wiring.connect import data_folder, refuse_without_asserts

_EPILOG = """\b
Exit codes: 0 all landed and proved; 2 wrong usage or configuration; 3 complete, some rows
refused, nothing unexplained; 4 rows pending or unexplained; 5 stopped; 1 a fault of the
program; 130 interrupted.
\b
Settings: SF_LOGIN_URL, SF_CLIENT_ID, SF_CLIENT_SECRET (the org); DC_ASSETS_DATA (spool,
receipts, ledger file; ~/.dc_assets); DC_ASSETS_LEDGER_URL (a PostgreSQL ledger);
DC_ASSETS_LOADS (folder of load specs); DC_ASSETS_DAGSTER_URL (a running webserver).
"""


class _Program(Commands):
    """The group of all commands: each but help uses the data folder."""

    def invoke(self, ctx: click.Context) -> object:
        """Warn of a data folder that others can look into, then run the command."""
        asks_for_help = bool({*ctx.help_option_names} & {*ctx.args})
        if not asks_for_help and (wide := open_to_others(data_folder())):
            say(f"dc-assets: {wide}", err=True)
        return super().invoke(ctx)


@click.group(cls=_Program, epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="dc-assets")
def main() -> None:
    """Move records from Salesforce Data Cloud to Salesforce Core, and prove that each arrived.

    Begin with `dc-assets demo`: it needs no org.
    """
    refuse_without_asserts()


for command in (
    *(cleanup, deletions, demo, dev, emulator, home, notify, plan),
    *(reconcile, replay, report, run, simulate, status, stop),
):
    main.add_command(command)
