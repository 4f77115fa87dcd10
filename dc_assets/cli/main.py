"""The entry point of `dc-assets`."""

from __future__ import annotations

from contextlib import suppress
from copy import copy
from importlib import import_module

import click

from dc_assets.cli.endings import endings_text
from dc_assets.cli.errors import Commands
from dc_assets.cli.said import say
from dc_assets.core.asserts import refuse_without_asserts
from dc_assets.core.errors import ConfigError
from dc_assets.ledger.owner_only import open_to_others

COMMANDS = {
    "cleanup": ("cleanup", "Delete the records that LOAD created in the org, and no others."),
    "deletions": ("deletions", "Show the records of LOAD whose rows are gone from the source."),
    "demo": (
        "programs",
        "Load an emulated org through a private Dagster, and print the proof (--rows, --keep …).",
    ),
    "dev": ("programs", "Start the emulator and the Dagster UI on a home that lasts, and stay up."),
    "doctor": (
        "doctor",
        "Look at everything that a load needs, from the settings to its last query.",
    ),
    "emulator": ("programs", "Start a small Salesforce org with a Data Cloud tenant on 127.0.0.1."),
    "home": (
        "home",
        "Write dagster.yaml and workspace.yaml into FOLDER, ready to be a DAGSTER_HOME.",
    ),
    "init": ("init", "Write a first spec, NAME.yaml, from what both sides say of themselves."),
    "metrics": ("metrics", "Tell Prometheus what the ledger knows of every load of the folder."),
    "notify": ("notify", "Show where notifications of loads go, and how many wait there."),
    "plan": ("plan", "Show what LOAD would do, cost and meet."),
    "reconcile": ("reconcile", "Compare both sides of LOAD: counts, keys, values."),
    "replay": (
        "replay",
        "Send the refused rows of LOAD again, as the source has them now, and print the proof.",
    ),
    "report": (
        "report",
        "Write what became of a load into one HTML file: proof, times, refusals, budget, forecast.",
    ),
    "restore": ("restore", "Write records back as they were before LOAD overwrote them."),
    "settings": ("settings", "Show every setting, its value, where it was found and its meaning."),
    "run": ("run", "Load the partitions of LOAD and print the proof."),
    "status": (
        "status",
        "Show every partition of LOAD, its rows and what its checks found.",
    ),
    "stop": ("stop", "Order every run of LOAD, on every host, to send nothing more."),
}
"""Module of each command and its line in the help: a command is imported when it is called."""

_EPILOG = """\b
Exit codes: 0 all landed and proved; 2 wrong usage or configuration; 3 complete, some rows
refused, nothing unexplained; 4 rows pending or unexplained, a check not asked, or too many
rows refused; 5 stopped; 1 a fault of the program; 130 interrupted; 143 ended by SIGTERM.
\b
Settings are variables such as SF_LOGIN_URL and DC_ASSETS_DATA: dc-assets settings lists them.
"""


class _Program(Commands):
    """The group of all commands: each but help uses the data folder."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click asks so
        """Return the names of all commands."""
        return sorted(COMMANDS)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002 - click asks so
        cmd_name: str,
    ) -> click.Command | None:
        """Import a command."""
        if cmd_name not in COMMANDS:
            return None
        module, _ = COMMANDS[cmd_name]
        command: click.Command = getattr(import_module(f"dc_assets.cli.{module}"), cmd_name)
        ends = copy(command)
        ends.epilog = (command.epilog or "") + endings_text(cmd_name)
        return ends

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in self.list_commands(ctx)])

    def invoke(self, ctx: click.Context) -> object:
        """Warn of a data folder that others can look into, then run the command."""
        asks_for_help = bool({*ctx.help_option_names} & {*ctx.args})
        if not asks_for_help:
            _look_at_settings()
        return super().invoke(ctx)


def _look_at_settings() -> None:
    """Warn of names that are no setting, and of a data folder that others can look into.

    A setting that cannot be read is for the command to say.
    """
    from dc_assets.wiring.settings import data_folder, unknown_settings  # noqa: PLC0415 - see help

    for sentence in unknown_settings():
        say(f"dc-assets: {sentence}", err=True)
    with suppress(ConfigError):
        if wide := open_to_others(data_folder()):
            say(f"dc-assets: {wide}", err=True)


@click.group(cls=_Program, epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="dc-assets")
def main() -> None:
    """Move records from Salesforce Data Cloud to Salesforce Core, and prove that each arrived.

    Begin with `dc-assets demo`: it needs no org.
    """
    refuse_without_asserts()
