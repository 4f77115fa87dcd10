"""Refuses to launch through a Dagster that loads into another ledger, or by another spec."""

from __future__ import annotations

from dc_assets.core.errors import ConfigError
from dc_assets.core.spec import LoadSpec
from dc_assets.wiring.dagster_api import Webserver
from dc_assets.wiring.place import LEDGER, LOADS, SPEC, place_of

_ENV_FILE = (
    "In a terminal beside `dc-assets dev`: source ~/.dc_assets/dev/env.sh; beside "
    "`dc-assets demo --keep`: source the env.sh that it names."
)


def refuse_other_place(webserver: Webserver, spec: LoadSpec) -> None:
    """Compare this process with the code location before anything is launched.

    Raises:
        ConfigError: they have not one ledger and one spec.
    """
    ours, theirs = place_of(spec), webserver.metadata_of(spec.asset_name)
    if theirs is None:
        raise ConfigError(
            f"Dagster at {webserver.url} has no asset {spec.asset_name}: its code location reads "
            "other load specs, or could not be loaded (its Deployment page says why). Give it and "
            f"this shell the same DC_ASSETS_LOADS. {_ENV_FILE}"
        )
    if LEDGER not in theirs:
        raise ConfigError(
            f"The code location of Dagster at {webserver.url} does not say which ledger it has: "
            "it runs an earlier version. Reload it on the Deployment page, then run again."
        )
    if theirs[LEDGER] != ours[LEDGER]:
        raise ConfigError(
            f"Dagster at {webserver.url} loads into another ledger than this shell reads, so "
            f"nothing was launched. Its code location: {theirs[LEDGER]}; this shell: "
            f"{ours[LEDGER]}. Give both the same DC_ASSETS_DATA and DC_ASSETS_LEDGER_URL. "
            f"{_ENV_FILE}"
        )
    if theirs.get(SPEC) != ours[SPEC]:
        raise ConfigError(
            f"Dagster at {webserver.url} has another spec of {spec.name} than this shell, so "
            f"nothing was launched. Its code location read {theirs.get(LOADS)}; this shell: "
            f"{ours[LOADS]}. If it is one folder, the file has changed since: reload the code "
            f"location on the Deployment page. Else give both the same DC_ASSETS_LOADS. {_ENV_FILE}"
        )
