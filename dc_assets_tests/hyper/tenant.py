"""The query engine of the emulated tenant, without its listeners."""

from __future__ import annotations

from pathlib import Path

from dc_assets.emulator.engines.dialect import HYPER_NAMES, answer
from dc_assets.emulator.errors import TenantError
from dc_assets.emulator.stores.data_cloud import DataCloudStore
from dc_assets.emulator.stores.held import Shelf
from dc_assets_tests.hyper.compare import equal
from dc_assets_tests.hyper.engine import Answer, Hyper, Refusal
from dc_assets_tests.hyper.texts import made


class Tenant:
    """The query engine of the emulated tenant, in this process."""

    def __init__(self, folder: Path) -> None:
        self.store = DataCloudStore(folder)
        self._shelf = Shelf(self.store.database)
        with self.store.database.session() as session:
            for statement in made():
                session.run(statement)

    def ask(self, sql: str) -> Answer | Refusal:
        """Ask a query; the columns are named as Hyper names them."""
        try:
            result = answer(sql, self.store, self._shelf, unnamed=HYPER_NAMES)
        except TenantError as error:
            return Refusal(error.sqlstate, error.message)
        rows = tuple(result.rows(0, result.row_count))
        found = Answer(tuple(result.columns), tuple(result.columns.values()), rows)
        result.close()
        return found


def difference(sql: str, hyper: Hyper, tenant: Tenant) -> object:
    """Tell what the answers of the two differ in, or None."""
    theirs, ours = hyper.ask(sql), tenant.ask(sql)
    if isinstance(theirs, Refusal) or isinstance(ours, Refusal) or theirs.names != ours.names:
        return sql, theirs, ours
    left, right = theirs.rows, ours.rows
    if "ORDER BY" not in sql:
        left, right = sorted(left, key=repr), sorted(right, key=repr)
    pairs = [
        (cell, same)
        for one, other in zip(left, right, strict=False)
        for cell, same in zip(one, other, strict=True)
    ]
    unlike = [pair for pair in pairs if not equal(*pair)]
    return (sql, len(left), len(right), unlike) if unlike or len(left) != len(right) else None
