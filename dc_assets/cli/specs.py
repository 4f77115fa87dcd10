"""The load spec that a command is about."""

from __future__ import annotations

import click

from dc_assets.core.errors import ConfigError
from dc_assets.core.spec import LoadSpec
from dc_assets.load.spec_files import read_specs
from dc_assets.wiring.settings import loads_folder


def spec_named(name: str) -> LoadSpec:
    """Return one spec of the loads folder.

    Raises:
        ConfigError: there is none of that name.
    """
    specs = {spec.name: spec for spec in read_specs(loads_folder())}
    if name not in specs:
        raise ConfigError(
            f"There is no load called {name} in {loads_folder()}. There is: "
            f"{', '.join(sorted(specs))}."
        )
    return specs[name]


def chosen_spec(load: str | None) -> LoadSpec:
    """Return the named spec, or the only one."""
    if load is not None:
        return spec_named(load)
    specs = read_specs(loads_folder())
    if len(specs) > 1:
        names = ", ".join(spec.name for spec in specs)
        raise click.UsageError(f"There are several loads, name one: {names}")
    return specs[0]
