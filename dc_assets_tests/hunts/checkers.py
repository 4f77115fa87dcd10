"""What must hold of every history, at every look and at its end."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import sqlalchemy as sa

from dc_assets.core.phases import SENT
from dc_assets.ledger.spool import DiskSpool
from dc_assets.ledger.tables import batch, dead_letter, load, range_state
from dc_assets.views.receipts import landed_rows
from dc_assets_tests.fakes.org import Cells
from dc_assets_tests.fakes.sim_ledger import SimDatabase
from dc_assets_tests.fakes.specs import EXTERNAL_ID, KEY
from dc_assets_tests.hunts.scenario import Scenario
from dc_assets_tests.hunts.storm import StormyOrg, StormySource

FINAL = ("settled", "abandoned")


@dataclass(slots=True)
class Checkers:
    """Looks at the ledger, the spool and the org, and believes none of them alone."""

    scenario: Scenario
    database: SimDatabase
    spool: DiskSpool
    org: StormyOrg
    source: StormySource
    _landed: dict[str, list[str]] = field(default_factory=dict[str, list[str]])

    def look(self) -> None:
        """Check what holds at every moment."""
        assert self.org.collisions == [], f"I3: jobs that share a parent: {self.org.collisions}"
        window = self.scenario.spec.profile.window
        assert self.org.most_in_flight <= window, f"I3: {self.org.most_in_flight} jobs in flight"
        assert not self.org.sent_again, f"I2: sent again: {sorted(self.org.sent_again)}"
        for load_id, key in self._ranges():
            self._account(load_id, key)

    def end(self) -> None:
        """Check what holds when everything is done."""
        self.look()
        with self.database.begin() as connection:
            flying = connection.execute(
                sa.select(batch.c.batch_id, batch.c.state).where(batch.c.state.not_in(FINAL))
            ).all()
            leased = connection.execute(
                sa.select(range_state.c.partition_key).where(range_state.c.phase.not_in(SENT))
            ).all()
        newest = self._newest()
        assert not flying, f"I2: batches that are not final: {flying}"
        assert len(newest) == len(self.scenario.spec.ranges)
        assert not [key for (key,) in leased if key not in newest], f"not done: {leased}"
        self._check_open_jobs()
        outcomes: Counter[str] = Counter()
        for key, load_id in newest.items():
            landed, refused, _ = self._outcomes(load_id, key)
            outcomes += landed + refused
        lost = {row[KEY] for row in self.source.rows} - set(outcomes) - self.source.changed
        assert not lost, f"I4: rows of the source without an outcome: {sorted(map(str, lost))}"
        self._check_values()
        self._check_letters()

    def _check_open_jobs(self) -> None:
        left = self.org.open_ids()
        if self.scenario.spec.profile.exclusive_user:
            assert not left, f"I2: jobs left Open: {left}"
        with self.database.begin() as connection:
            ours = connection.execute(
                sa.select(batch.c.job_id).where(batch.c.job_id.in_(left))
            ).scalars()
            assert not list(ours), "I2: a job of a batch was left Open"

    def _ranges(self) -> list[tuple[str, str]]:
        with self.database.begin() as connection:
            rows = connection.execute(
                sa.select(range_state.c.load_id, range_state.c.partition_key)
                .where(range_state.c.phase.not_in(("new", "reading")))
                .order_by(range_state.c.started_at)
            )
            return [(row.load_id, row.partition_key) for row in rows]

    def _newest(self) -> dict[str, str]:
        with self.database.begin() as connection:
            rows = connection.execute(
                sa.select(range_state.c.load_id, range_state.c.partition_key)
                .join(load, load.c.load_id == range_state.c.load_id)
                .where(range_state.c.phase.in_(SENT))
                .order_by(load.c.opened_at)
            )
            return {row.partition_key: row.load_id for row in rows}

    def _account(self, load_id: str, key: str) -> None:
        """I1 and I4 of one partition, by external id."""
        landed, refused, pending = self._outcomes(load_id, key)
        with self.database.begin() as connection:
            selected = connection.execute(
                sa.select(range_state.c.selected).where(
                    range_state.c.load_id == load_id, range_state.c.partition_key == key
                )
            ).scalar_one()
        every = landed + refused + pending
        twice = {
            i for i, n in every.items() if n > 1 and self.scenario.unfit.get(i) != "AMBIGUOUS_ID"
        }
        told = f"{len(landed)} landed, {len(refused)} refused, {len(pending)} pending"
        assert not twice, f"I1: {key}: rows with two outcomes: {sorted(twice)}"
        assert every.total() == selected, f"I1: {key}: {selected} selected, {told}"
        counted = self.source.counted.get(self.scenario.spec.ranges[key], [])
        assert selected in counted, f"I4: {key}: {selected} selected, the source counted {counted}"
        ghosts = set(landed) - set(self.org.rows)
        assert not ghosts, f"I1: {key}: landed by the ledger alone: {sorted(ghosts)}"

    def _outcomes(self, load_id: str, key: str) -> tuple[Counter[str], Counter[str], Counter[str]]:
        """Return the external ids that landed, were refused, and are pending."""
        with self.database.begin() as connection:
            batches = connection.execute(
                sa.select(batch.c.batch_id, batch.c.state)
                .where(batch.c.load_id == load_id, batch.c.partition_key == key)
                .order_by(batch.c.batch_id)
            ).all()
            dead_letters = connection.execute(
                sa.select(dead_letter.c.external_id).where(
                    dead_letter.c.load_id == load_id, dead_letter.c.partition_key == key
                )
            ).scalars()
            refused = Counter(dead_letters)
        landed: Counter[str] = Counter()
        pending: Counter[str] = Counter()
        for row in batches:
            if row.state == "settled":
                landed.update(self._landed_of(row.batch_id))
            elif row.state != "abandoned":
                pending.update(self.spool.read_batch(load_id, row.batch_id)[EXTERNAL_ID])
        return landed, refused, pending

    def _landed_of(self, batch_id: str) -> list[str]:
        if batch_id not in self._landed:
            rows = landed_rows(self.database, batch_id)
            self._landed[batch_id] = rows.get_column("external_id").to_list()
        return self._landed[batch_id]

    def _check_values(self) -> None:
        """Each row in the org says what its source row said at some time."""
        wrong = [key for key, row in self.org.rows.items() if not self._is_version(key, row)]
        assert not wrong, f"rows with values of nobody: {wrong}"

    def _is_version(self, key: str, row: Cells) -> bool:
        titles = self.source.versions.get(key, {"v0", "a title"})
        return row["Title__c"] in titles and row["Price__c"] == "1.5"

    def _check_letters(self) -> None:
        ladder = len(self.scenario.spec.profile.row_ladder_s)
        with self.database.begin() as connection:
            dead_letters = connection.execute(
                sa.select(dead_letter.c.external_id, dead_letter.c.code, dead_letter.c.message)
            ).all()
        for letter in dead_letters:
            key, code = letter.external_id, letter.code
            if code == "LOCK_EXHAUSTED":
                met = self.org.costs[key]
                assert met > ladder, f"{key} was given up after {met} of {ladder + 1} attempts"
            else:
                error = self.org.refused.get(key, "")
                expected = self.scenario.unfit.get(key) or error.partition(":")[0]
                assert code == expected, f"{key} is a dead letter {code}: {letter.message}"
