"""The list of SQL forms is all that the reader sends, in words that Hyper and Trino both know."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace

import httpx
import pytest

from dc_assets.core.ranges import IdRange
from dc_assets.core.spec import LoadSpec
from dc_assets.salesforce.data_cloud import DataCloudSource
from dc_assets.salesforce.http import Host
from dc_assets.salesforce.source_queries import SOME_RULES, sql_forms
from dc_assets_tests.fakes.specs import KEY, small_spec

SOME = IdRange("a", "b'")
NEXT = IdRange("b'", None)
EVERYTHING = IdRange(None, None)
CURSOR = "cursor 1 2026-01-01 00:00:00+00"
RULES = [replace(rule, column=KEY) for rule in SOME_RULES]

CALLS: dict[str, Callable[[DataCloudSource], object]] = {
    "columns": lambda source: source.columns(),
    "distinctness": lambda source: source.distinctness([KEY]),
    "most_frequent": lambda source: source.most_frequent(KEY, 9),
    "external_ids": lambda source: source.external_ids(),
    "check_columns": lambda source: source.check_columns(),
    "pages": lambda source: [*source.pages(SOME), *source.pages(EVERYTHING)],
    "count": lambda source: source.count(SOME),
    "rows_total": lambda source: source.rows_total(),
    "parents_above": lambda source: source.parents_above(1),
    "key_ends": lambda source: source.key_ends(),
    "rows_per_parent": lambda source: source.rows_per_parent(),
    "count_breaking": lambda source: source.count_breaking(RULES),
    "ambiguous_keys": lambda source: [
        source.ambiguous_keys(with_case=with_case) for with_case in (False, True)
    ],
    "key_quantiles": lambda source: source.key_quantiles(3, SOME),
    "key_at": lambda source: source.key_at(SOME, 1),
    "value_counts": lambda source: [source.value_counts(c, SOME) for c in COLUMNS],
    "state": lambda source: source.state(SOME),
    "look": lambda source: [
        source.look({"all": EVERYTHING}, {"all": CURSOR}),
        source.look({"one": SOME}, {"one": CURSOR}),
        source.look({"one": SOME, "two": NEXT}, {"one": CURSOR}),
    ],
}
COLUMNS = [column.source for column in small_spec().columns]

NEWEST = "2026-01-01 00:00:00+00"


class ThreeOfAll:
    """A tenant that answers each query with one row, as wide as it is asked."""

    def __init__(self) -> None:
        self.queries: list[str] = []
        client = httpx.Client(
            base_url="https://t.example", transport=httpx.MockTransport(self._answer)
        )
        self.host = Host(client, lambda _: None)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        query = str(json.loads(request.content)["sql"])
        self.queries.append(query)
        names = [one.rpartition('"')[0].rpartition('"')[2] for one in chosen(query)]
        metadata = {name: {"placeInOrder": place} for place, name in enumerate(names)}
        row = [NEWEST if name == "newest" else "3" for name in names]
        data = [] if query.endswith("LIMIT 0") else [row]
        return httpx.Response(200, json={"metadata": metadata, "done": True, "data": data})


def chosen(query: str) -> list[str]:
    """Return what the outermost select list of a query chooses."""
    head, depth, parts = query.removeprefix("SELECT "), 0, [""]
    for sign in head[: head.index(" FROM ")]:
        depth += (sign == "(") - (sign == ")")
        if sign == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += sign
    return [part.strip() for part in parts]


def form_of(query: str) -> str:
    """Return a query without what differs each time: nonces, times and numbers."""
    without_nonce = re.sub(r"'[0-9a-f]{32}'", "'nonce'", query)
    without_time = re.sub(r"'2\d{3}-[0-9: +-]+'", "'time'", without_nonce)
    return re.sub(r"IN \([\d, ]+\)|> \d+", "number", without_time)


@pytest.fixture(params=[None, "ModifiedAt__c"], ids=["fingerprints", "cursors"])
def spec(request: pytest.FixtureRequest) -> LoadSpec:
    """A spec of each way to see changes."""
    return small_spec(refresh={"modified": request.param})


def test_the_list_holds_every_query_of_the_reader(spec: LoadSpec) -> None:
    """Whatever a method of the source asks is a form of the list, and each form is asked."""
    public = {name for name in vars(DataCloudSource) if not name.startswith("_")} - {"calls"}
    assert public == set(CALLS), "a new question of the source is asked here too"
    tenant = ThreeOfAll()
    source = DataCloudSource(tenant.host, spec)
    for call in CALLS.values():
        call(source)
    listed = {form_of(form.text): form.name for form in sql_forms(spec)}
    asked = {form_of(query) for query in tenant.queries}
    assert asked - set(listed) == set()
    never_asked = {name for text, name in listed.items() if text not in asked}
    assert never_asked == set()


def test_no_query_names_a_type_or_function_of_one_engine(spec: LoadSpec) -> None:
    """Casts say `varchar`; `md5` and `ascii` stand only where the list says Hyper."""
    for form in sql_forms(spec):
        assert set(re.findall(r"AS ([a-z]+)\)", form.text)) <= {"varchar", "bigint"}, form.name
        words = set(re.findall(r"([A-Za-z_0-9]+)\(", form.text))
        hyper_alone = words & {"md5", "ascii"}
        assert (form.engine == "hyper") is bool(hyper_alone), form.name
        known = {"CAST", "COUNT", "MIN", "MAX", "SUM", "TRIM", "LENGTH", "lower", "COALESCE"}
        assert words - hyper_alone <= known | {"ROW_NUMBER", "substring", "REPLACE"}, form.name


def test_every_column_of_an_answer_has_a_name_of_ours(spec: LoadSpec) -> None:
    """Engines name a bare expression otherwise (`_col0`, `count`, `1`); ours all have an alias."""
    for form in sql_forms(spec):
        for one in chosen(form.text):
            is_named = one == "*" or re.search(r'(^| AS )"\w+"$', one)  # names of the object
            assert is_named, f"{form.name}: {one}"
