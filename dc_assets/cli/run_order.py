"""How `dc-assets run` was told to load partitions, whichever they are."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dc_assets.cli.specs import OrderedSpec
from dc_assets.core.durations import duration_text
from dc_assets.core.errors import ConfigError
from dc_assets.core.spec import LoadSpec
from dc_assets.load.store import LoadRequest, Mode


@dataclass(frozen=True, slots=True)
class RunOrder:
    """How partitions are loaded, whichever they are.

    Attributes:
        overrides: settings of the spec's profile, None for those that stay.
        is_new: whether a new load of what is done begins.
        every_s: distance of their launches; 0 for all at once.
        anyway: why to send although the plan says STOP.
        production: whether it may write to a production org.
        snapshot: whether what is overwritten is saved first.
    """

    load: OrderedSpec
    overrides: Mapping[str, int | None]
    mode: Mode | None
    is_local: bool
    failed_only: bool
    new_load: bool
    is_new: bool
    every_s: int
    anyway: str
    production: bool
    snapshot: bool

    @property
    def spec(self) -> LoadSpec:
        """The spec as its file has it."""
        return self.load.spec

    @property
    def profile(self) -> Mapping[str, int]:
        """The overrides that were given."""
        return {name: value for name, value in self.overrides.items() if value is not None}

    @property
    def applied(self) -> LoadSpec:
        """The spec with the overrides."""
        return self.spec.with_profile(self.profile)

    def request(self, keys: Sequence[str], *, launch: str = "") -> LoadRequest:
        """Return what is asked for of some partitions."""
        return LoadRequest(
            is_new=self.is_new,
            partition_keys=keys,
            launch=launch,
            anyway=self.anyway,
            production=self.production,
            snapshot=self.snapshot,
            parents=self.load.parents,
        )

    def again(self, mode: Mode) -> str:
        """Return the command that launches partitions in the same way, but for their keys."""
        words = ["dc-assets run", self.spec.name]
        words += ["--failed-only"] if self.failed_only else []
        words += [f"--{mode}"] if mode in {"missing", "changed"} and not self.failed_only else []
        words += ["--anyway", shlex.quote(self.anyway)] if self.anyway else []
        words += ["--production"] if self.production else []
        words += ["--snapshot"] if self.snapshot else []
        for setting, value in self.profile.items():
            words += [f"--{setting.replace('_', '-')}", str(value)]
        return " ".join([*words, "--stagger", duration_text(self.every_s)])


def refuse_contradictions(order: RunOrder, *, dry_run: bool) -> None:
    """Refuse options that exclude each other.

    Raises:
        ConfigError: they do.
    """
    if order.every_s and order.is_local:
        raise ConfigError(
            "--stagger launches through Dagster. With --local partitions run one after another "
            "anyway: leave --stagger out, or --local."
        )
    if order.every_s and dry_run:
        raise ConfigError("--dry-run launches nothing, so there is nothing to --stagger.")
    if order.mode is not None and dry_run:
        raise ConfigError(
            f"--dry-run writes the payloads of all rows, not of those that --{order.mode} would "
            "send: leave one of them out. dc-assets reconcile names the rows that differ."
        )
    if order.snapshot and dry_run:
        raise ConfigError("--dry-run overwrites nothing, so there is no --snapshot to take.")
    if order.failed_only and order.new_load:
        raise ConfigError(
            "--new-load selects all rows again, so no partition of it can have failed: leave "
            "--failed-only out, or --new-load."
        )
