"""Whether a spec that does not fit its org or source is sent all the same."""

from __future__ import annotations

import click

from dc_assets.cli.noted import noted_on_stderr
from dc_assets.core.spec import LoadSpec
from dc_assets.wiring.connect import open_load
from dc_assets.wiring.settings import read_settings
from dc_assets.wiring.sign_in import login_from_environment


def refuse_what_stops(spec: LoadSpec, anyway: str) -> None:
    """Refuse a spec that does not fit before anything is launched, where this place has the login.

    Its runs would refuse it too, one by one.

    Raises:
        SpecRefused: it does not fit, and no reason was given.
    """
    if read_settings().texts()["SF_LOGIN_URL"]:
        login, note = login_from_environment(), noted_on_stderr()
        with open_load(spec, login, run_id="cli", note=note) as opened:
            opened.refuse_what_stops(anyway)


def reason_given(anyway: str | None) -> str:
    """Return the reason that was given, on one line.

    Raises:
        UsageError: it says nothing.
    """
    if anyway is not None and not anyway.strip():
        raise click.UsageError('--anyway wants a reason, such as --anyway "tested in a sandbox".')
    return " ".join((anyway or "").split())
