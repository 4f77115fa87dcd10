"""The emulated tenant and the real Hyper say the same of a query."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dc_assets.core.spec import LoadSpec
from dc_assets.emulator.engines.dialect import HYPER_NAMES, answer
from dc_assets.emulator.errors import TenantError
from dc_assets.emulator.stores.data_cloud import DataCloudStore
from dc_assets.emulator.stores.held import Shelf
from dc_assets.salesforce.source_queries import sql_forms
from dc_assets_tests.fakes.specs import EXTERNAL_ID, KEY, small_spec
from dc_assets_tests.hyper.compare import equal
from dc_assets_tests.hyper.engine import Answer, Hyper, Refusal, is_there
from dc_assets_tests.hyper.texts import ANSWERED, KINDS, REFUSED, made

NO_HYPER = "the real Hyper is not installed: pip install -e '.[dev,hyper]'"


MODIFIED = "Changed__c"


def spec_of_all(modified: str | None) -> LoadSpec:
    """Return a spec of every column of the object."""
    columns = [{"source": name, "target": EXTERNAL_ID if name == KEY else name} for name in KINDS]
    return small_spec(
        source={"object": "Opp__dlm", "key": KEY, "parent": "Name__c"},
        columns=columns,
        refresh={"modified": modified},
    )


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


@pytest.fixture(scope="module")
def tenant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tenant]:
    """An emulated tenant with the object."""
    tenant = Tenant(tmp_path_factory.mktemp("tenant"))
    yield tenant
    tenant.store.close()


@pytest.fixture(scope="module")
def hyper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hyper]:
    """A real Hyper with the object."""
    if not is_there():
        pytest.skip(NO_HYPER)
    with Hyper(tmp_path_factory.mktemp("hyper")) as hyper:
        for statement in made():
            hyper.run(statement)
        yield hyper


def test_what_hyper_refuses_is_refused(tenant: Tenant) -> None:
    """More than sixty queries, each with the SQLSTATE of the engine and words of its own."""
    assert len(REFUSED) >= 60
    said = {sql: tenant.ask(sql) for sql in REFUSED}
    states = {sql: a.sqlstate if isinstance(a, Refusal) else "" for sql, a in said.items()}
    assert states == REFUSED
    words = [a.message for a in said.values() if isinstance(a, Refusal)]
    assert [text for text in words if "Error" in text or "DuckDB" in text] == []


def test_what_hyper_answers_is_answered(tenant: Tenant) -> None:
    """The guard lets all of these through."""
    said = {sql: tenant.ask(sql) for sql in ANSWERED}
    assert {sql: a for sql, a in said.items() if isinstance(a, Refusal)} == {}


@pytest.mark.hyper
def test_the_engine_itself_refuses_them(hyper: Hyper) -> None:
    """The list of refusals is that of the real Hyper."""
    said = {sql: hyper.ask(sql) for sql in REFUSED}
    states = {sql: a.sqlstate if isinstance(a, Refusal) else "" for sql, a in said.items()}
    assert states == REFUSED


@pytest.mark.hyper
def test_both_give_the_same_rows(hyper: Hyper, tenant: Tenant) -> None:
    """And name the columns alike."""
    assert [*filter(None, (difference(sql, hyper, tenant) for sql in ANSWERED))] == []


@pytest.mark.hyper
@pytest.mark.parametrize("modified", [None, MODIFIED])
def test_both_answer_each_query_of_the_reader(
    hyper: Hyper, tenant: Tenant, modified: str | None
) -> None:
    """Every form the reader can send, over typed columns."""
    texts = [form.text for form in sql_forms(spec_of_all(modified))]
    assert [*filter(None, (difference(sql, hyper, tenant) for sql in texts))] == []


def difference(sql: str, hyper: Hyper, tenant: Tenant) -> object:
    """What the answers of the two differ in, or None."""
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
