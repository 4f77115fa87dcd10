"""Finds the asset of a load in Dagster, if it loads into the same ledger and by the same spec."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from dc_assets.core.errors import ConfigError
from dc_assets.core.spec import LoadSpec
from dc_assets.wiring.dagster_api import DAGSTER_URL, Webserver
from dc_assets.wiring.dagster_instance import PublishedLoad
from dc_assets.wiring.place import DATABASE, LEDGER, LOADS, SPEC, place_of
from dc_assets.wiring.settings import loads_folder, read_settings

_ENV_FILE = (
    "In a terminal beside `dc-assets dev`: source ~/.dc_assets/dev/env.sh; beside "
    "`dc-assets demo --keep`: source the env.sh that it names."
)


@contextmanager
def opened_webserver() -> Generator[Webserver]:
    """Connect the webserver that the settings name."""
    webserver = Webserver(read_settings().dagster_url.get_secret_value() or DAGSTER_URL)
    try:
        yield webserver
    finally:
        webserver.close()


def asset_of(spec: LoadSpec) -> str:
    """Return the key of the asset that loads as this process would, such as `crm/things_in_core`.

    Raises:
        ConfigError: no webserver answers, or it has no such asset, or more than one.
    """
    with opened_webserver() as webserver:
        return asset_in(webserver, spec)


def asset_in(webserver: Webserver, spec: LoadSpec) -> str:
    """Choose among the assets of a load.

    Raises:
        ConfigError: there is none, or more than one.
    """
    named = [one for one in webserver.loads() if one.name == spec.name]
    if not named:
        raise ConfigError(
            f"Dagster at {webserver.url} has no asset of the load {spec.name}: its code location "
            "reads other load specs, runs an earlier version (then reload it), or could not be "
            "loaded (its Deployment page says why). Give it and this shell the same "
            f"DC_ASSETS_LOADS. {_ENV_FILE}"
        )
    refusals = [_other_place(webserver, spec, one) for one in named]
    fitting = [one.asset for one, why in zip(named, refusals, strict=True) if why is None]
    if not fitting:
        raise ConfigError(next(why for why in refusals if why is not None))
    if len(fitting) > 1:
        raise ConfigError(
            f"Dagster at {webserver.url} has several assets of the load {spec.name}: "
            f"{', '.join(sorted(fitting))}. They may load into different orgs, so nothing was "
            "launched. Launch the one that you mean in the UI, or load here: dc-assets run --local"
        )
    return fitting[0]


def _other_place(webserver: Webserver, spec: LoadSpec, found: PublishedLoad) -> str | None:
    """Return why an asset loads otherwise than this process would, None if it does not."""
    ours, theirs = place_of(spec, str(loads_folder())), found.texts
    if theirs[LEDGER] != ours[LEDGER]:
        return (
            f"Dagster at {webserver.url} loads into another ledger than this shell reads, so "
            f"nothing was launched. Its code location: {theirs[LEDGER]}; this shell: "
            f"{ours[LEDGER]}. Give both the same DC_ASSETS_DATA and DC_ASSETS_LEDGER_URL. "
            f"{_ENV_FILE}"
        )
    if theirs[SPEC] != ours[SPEC]:
        return (
            f"Dagster at {webserver.url} has another spec of {spec.name} than this shell, so "
            f"nothing was launched. Its code location read {theirs[LOADS]}; this shell: "
            f"{ours[LOADS]}. If it is one folder, the file has changed since: reload the code "
            f"location on the Deployment page. Else give both the same DC_ASSETS_LOADS. {_ENV_FILE}"
        )
    if theirs.get(DATABASE) != ours.get(DATABASE):
        return (
            f"Dagster at {webserver.url} reads {spec.name} from another database than this shell, "
            f"so nothing was launched. Its code location: {theirs.get(DATABASE)}; this shell: "
            f"{ours.get(DATABASE)}. Give both the same value of source.sql.url."
        )
    return None
