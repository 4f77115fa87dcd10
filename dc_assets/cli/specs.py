"""The load spec that a command is about."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class OrderedSpec:
    """A load, and the loads that are complete before it begins."""

    spec: LoadSpec
    parents: Sequence[LoadSpec]


@dataclass(frozen=True, slots=True)
class OrderedSpecs:
    """Loads, parents before children.

    Attributes:
        broken: a sentence for each load that is meant and has no place among them.
    """

    loads: Sequence[OrderedSpec]
    broken: Sequence[str] = ()


def in_order(names: Collection[str]) -> OrderedSpecs:
    """Return the named loads of the loads folder, or all of them if none is named.

    Raises:
        ConfigError: there is none of a name.
    """
    folder = read_folder(loads_folder())
    specs = {spec.name: spec for spec in folder.specs.values()}
    order = order_of(list(specs.values()))
    wanted = {spec_named(name).name for name in names} or specs.keys()
    loads = [
        OrderedSpec(specs[name], [specs[parent] for parent in order.parents[name]])
        for name in order.names
        if name in wanted
    ]
    broken = [f"{name}: {why}" for name, why in order.broken.items() if name in wanted]
    return OrderedSpecs(loads, broken if names else [*folder.broken.values(), *broken])


def specs_there() -> Sequence[LoadSpec]:
    """Return the loads of the loads folder that are not broken."""
    return list(read_folder(loads_folder()).specs.values())


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
