"""The load spec that a command is about."""

from __future__ import annotations

from collections.abc import Sequence

import click

from dc_assets.core.errors import ConfigError
from dc_assets.core.load_order import order_of
from dc_assets.core.spec import LoadSpec
from dc_assets.load.spec_files import SpecFolder, read_folder
from dc_assets.wiring.settings import loads_folder


def spec_named(name: str) -> LoadSpec:
    """Return one spec of the loads folder; a broken one beside it does not matter.

    Raises:
        ConfigError: there is none of that name.
    """
    folder = read_folder(loads_folder())
    specs = {spec.name: spec for spec in folder.specs.values()}
    if name not in specs:
        there = f" There is: {', '.join(sorted(specs))}." if specs else ""
        raise ConfigError(
            f"There is no load called {name} in {loads_folder()}.{there}{_broken(folder)}"
        )
    return specs[name]


def chosen_specs(names: Sequence[str], *, is_all: bool) -> Sequence[LoadSpec]:
    """Return the named specs, the only one or all of them, parents before children.

    Raises:
        ConfigError: there is none of a name, one has no place, or of all one is broken.
        click.UsageError: several are there and none was named.
    """
    if not is_all and len(names) <= 1:
        return [chosen_spec(names[0] if names else None)]
    if is_all and names:
        raise click.UsageError("--all names every load: leave the names out, or --all.")
    folder = read_folder(loads_folder())
    if is_all and folder.broken:
        raise ConfigError(" ".join(folder.broken.values()))
    named = {one.name: one for one in folder.specs.values()} if is_all else {}
    named |= {name: spec_named(name) for name in names}
    order = order_of(list(folder.specs.values()))
    for name in named:
        if name in order.broken:
            raise ConfigError(f"The load {name}: {order.broken[name]}")
    return [named[name] for name in order.names if name in named]


def parents_of(spec: LoadSpec) -> Sequence[LoadSpec]:
    """Return the loads of the folder that are complete before one begins.

    Raises:
        ConfigError: the load has no place in the order.
    """
    specs = {one.name: one for one in read_folder(loads_folder()).specs.values()}
    order = order_of(list(specs.values()))
    if spec.name in order.broken:
        raise ConfigError(f"The load {spec.name}: {order.broken[spec.name]}")
    return [specs[name] for name in order.parents.get(spec.name, ())]


def chosen_spec(load: str | None) -> LoadSpec:
    """Return the named spec, or the only one.

    Raises:
        ConfigError: the only one is broken.
        click.UsageError: there are several, one of which may be broken.
    """
    if load is not None:
        return spec_named(load)
    folder = read_folder(loads_folder())
    if not folder.specs:
        raise ConfigError(" ".join(folder.broken.values()))
    if len(folder.specs) + len(folder.broken) > 1:
        names = ", ".join(spec.name for spec in folder.specs.values())
        raise click.UsageError(f"There are several loads, name one: {names}.{_broken(folder)}")
    return next(iter(folder.specs.values()))


def refuse_other_name(spec: LoadSpec, confirm: str | None) -> None:
    """Take no other word for yes than the load's name; None is no word yet.

    Raises:
        ConfigError: it is another.
    """
    if confirm is not None and confirm != spec.name:
        raise ConfigError(f"--confirm takes the load's name, {spec.name}, not {confirm}.")


def broken_specs() -> Sequence[str]:
    """Return a sentence for each file of the loads folder that is no load."""
    return list(read_folder(loads_folder()).broken.values())


def _broken(folder: SpecFolder) -> str:
    return f" Not loaded: {' '.join(folder.broken.values())}" if folder.broken else ""
