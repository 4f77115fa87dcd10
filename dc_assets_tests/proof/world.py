"""An emulated org of any schema, and one spec loaded and audited against it in this process."""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import polars as pl
import yaml

from dc_assets.core.load_state import RowCounts, sum_of
from dc_assets.core.spec import LoadSpec
from dc_assets.core.verdicts import CheckOutcome, Severity
from dc_assets.load.spec_files import read_spec
from dc_assets.load.store import Mode
from dc_assets.salesforce.credentials import ClientCredentials, Login
from dc_assets.wiring.connect import OpenLoad, open_load
from dc_assets_tests.acceptance.stage import OWN_SETTINGS, Org, spec_content

Content = dict[str, Any]


@contextmanager
def data_folder_is(folder: Path) -> Generator[None]:
    """Point the product at a data folder, and at nothing else, while the block runs."""
    kept = {name: value for name, value in os.environ.items() if name.startswith(OWN_SETTINGS)}
    for name in kept:
        del os.environ[name]
    os.environ["DC_ASSETS_DATA"] = str(folder)
    try:
        yield
    finally:
        del os.environ["DC_ASSETS_DATA"]
        os.environ.update(kept)


def write_spec(folder: Path, content: Content) -> LoadSpec:
    """Write a spec file and read it as the product does."""
    file = folder / f"{content['name']}.yaml"
    file.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return read_spec(file)


def opportunities(rows: int, partitions: int = 1) -> Content:
    """Return the packaged spec, cut to fit seeded rows."""
    return spec_content(rows, partitions)


@dataclass(frozen=True)
class World:
    """One org, one spec, and the data folder of its loads."""

    org: Org
    folder: Path
    spec: LoadSpec
    notes: list[str] = field(default_factory=list[str])

    @classmethod
    def of(cls, org: Org, folder: Path, content: Content) -> Self:
        """Write the spec into a folder that also holds the data."""
        folder.mkdir(parents=True, exist_ok=True)
        return cls(org, folder, write_spec(folder, content))

    @classmethod
    def of_file(cls, org: Org, folder: Path, file: Path) -> Self:
        """Put a spec file as it is into a folder that also holds source files and data."""
        return cls(org, folder, read_spec(Path(shutil.copy(file, folder))))

    @contextmanager
    def opened(self, mode: Mode = "full") -> Generator[OpenLoad]:
        """Connect the spec to the org."""
        names = ("base_url", "client_id", "client_secret")
        login = Login(ClientCredentials(*(self.org.ready[name] for name in names)))
        with (
            data_folder_is(self.folder / "data"),
            open_load(
                self.spec,
                login,
                run_id="proof",
                note=lambda event: self.notes.append(str(event)),
                mode=mode,
            ) as load,
        ):
            yield load

    def load(self, mode: Mode = "full", keys: Sequence[str] = ()) -> dict[str, RowCounts]:
        """Load partitions, all of them if none is named; return the totals of each.

        No check is kept here, so what was loaded before is given up.
        """
        with self.opened(mode) as opened:
            opened.loads.give_up_loads()
            return {key: opened.load(key).totals for key in keys or self.spec.ranges}

    def audit(self) -> Verdict:
        """Evaluate all checks of all partitions, each partition read anew."""
        with self.opened() as opened:
            outcomes = [o for key in self.spec.ranges for o in opened.audit(key).outcomes()]
        return Verdict(tuple(outcomes))

    def copied_to(self, folder: Path) -> World:
        """Return this world with a copy of its data folder."""
        shutil.copytree(self.folder / "data", folder / "data")
        return replace(self, folder=folder, notes=[])

    def table(self) -> str:
        """Return the quoted name of the object's table in Core."""
        return f'"{self.spec.target.object}"'

    def rows_of_core(self, *fields: str) -> list[list[Any]]:
        """Return fields of the records that Core holds."""
        names = ", ".join(f'"{name}"' for name in fields)
        return self.org.sql(f"SELECT {names} FROM {self.table()}")

    def job_ids(self) -> set[str]:
        """Return the jobs that committed anything so far."""
        return {commit["job_id"] for commit in self.org.ask("journal")["commits"]}

    def keys_of(self, job_ids: set[str]) -> list[str]:
        """Return the external ids that some jobs committed, in order; one twice stands twice."""
        names = ", ".join(f"'{job_id}'" for job_id in sorted(job_ids))
        if not names:
            return []
        found = self.org.sql(f"SELECT key FROM journal_keys WHERE job_id IN ({names}) ORDER BY key")
        return [row[0] for row in found]


@dataclass(frozen=True)
class Verdict:
    """What the checks of all partitions said."""

    outcomes: tuple[CheckOutcome, ...]

    def failed(self) -> set[str]:
        """Return the names of the checks that ended as errors."""
        return {o.check for o in self.outcomes if o.severity is Severity.ERROR}

    def warned(self) -> set[str]:
        """Return the names of the checks that warned."""
        return {o.check for o in self.outcomes if o.severity is Severity.WARN}

    def is_green(self) -> bool:
        """Tell whether every check passed, and there was one."""
        return bool(self.outcomes) and not self.failed() and not self.warned()

    def sentences(self) -> str:
        """Return what did not pass, for a failing test."""
        return "\n".join(
            f"{o.partition_key} {o.check} {o.severity.value}: {o.summary}"
            for o in self.outcomes
            if o.severity is not Severity.PASSED
        )

    def failing(self, check: str) -> CheckOutcome:
        """Return the one outcome of a check that did not pass."""
        found = [o for o in self.outcomes if o.check == check and o.severity is not Severity.PASSED]
        assert len(found) == 1, f"{check} did not pass in {[o.partition_key for o in found]}"
        return found[0]

    def evidence(self, check: str) -> pl.DataFrame:
        """Return all that a failing check found."""
        return pl.read_parquet(self.failing(check).evidence)


def total(totals: Mapping[str, RowCounts]) -> RowCounts:
    """Add up the rows of partitions."""
    return sum_of(totals.values())
