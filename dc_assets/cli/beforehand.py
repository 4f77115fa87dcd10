"""What a person says before a load begins, and what is refused before anything is launched."""

from __future__ import annotations

import click

from dc_assets.cli.noted import noted_on_stderr
from dc_assets.core.spec import LoadSpec
from dc_assets.load.store import LoadRequest, Mode
from dc_assets.wiring.connect import open_load
from dc_assets.wiring.settings import read_settings
from dc_assets.wiring.sign_in import login_from_environment

PRODUCTION = click.option(
    "--production",
    is_flag=True,
    help="The load may write to a production org. Each command that begins a load asks, one that "
    "resumes a load does not.",
)
"""The option of all commands that begin a load."""


def refuse_beforehand(spec: LoadSpec, request: LoadRequest, mode: Mode) -> None:
    """Refuse a load before anything is launched, where this place has the login.

    Its runs would refuse it too, one by one.

    Raises:
        SpecRefused: the spec does not fit, and no reason was given.
        ParentsIncomplete: a load that comes before is not complete, and no reason was given.
        ProductionUnasked: a business runs in the org, and nobody said so of the load.
    """
    if read_settings().texts()["SF_LOGIN_URL"]:
        login, note = login_from_environment(), noted_on_stderr()
        with open_load(spec, login, run_id="cli", note=note, mode=mode) as opened:
            opened.refuse_what_stops(request)
            opened.org.guard.refuse_unasked(request, opened.loads.sends_unasked)


def reason_given(anyway: str | None) -> str:
    """Return the reason that was given, on one line.

    Raises:
        UsageError: it says nothing.
    """
    if anyway is not None and not anyway.strip():
        raise click.UsageError('--anyway wants a reason, such as --anyway "tested in a sandbox".')
    return " ".join((anyway or "").split())
