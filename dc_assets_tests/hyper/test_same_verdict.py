"""The emulated tenant and the real Hyper say the same of a query."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dc_assets.core.spec import LoadSpec
from dc_assets.salesforce.source_queries import SOME_RULES, SourceQueries, sql_forms
from dc_assets_tests.fakes.specs import EXTERNAL_ID, KEY, small_spec
from dc_assets_tests.hyper.engine import Hyper, Refusal
from dc_assets_tests.hyper.tenant import Tenant, difference
from dc_assets_tests.hyper.texts import ANSWERED, KINDS, REFUSED

MODIFIED = "Changed__c"


def spec_of_all(modified: str | None) -> LoadSpec:
    """Return a spec of every column of the object."""
    columns = [{"source": name, "target": EXTERNAL_ID if name == KEY else name} for name in KINDS]
    return small_spec(
        source={"object": "Opp__dlm", "key": KEY, "parent": "Name__c"},
        columns=columns,
        refresh={"modified": modified},
    )


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
    spec = spec_of_all(modified)
    rules = [replace(rule, column=name) for name in KINDS for rule in SOME_RULES]
    texts = [form.text for form in sql_forms(spec)] + [SourceQueries(spec).breaking(rules)]
    assert [*filter(None, (difference(sql, hyper, tenant) for sql in texts))] == []
