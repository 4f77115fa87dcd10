"""The SOQL parser by itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dc_assets.emulator.engines.soql.parser import parse
from dc_assets.emulator.engines.soql.tokens import decoded, tokens_of
from dc_assets.emulator.engines.soql.tree import Comparison, Junction, Membership, Negation
from dc_assets.emulator.errors import APIError


def test_a_whole_query_becomes_its_parts() -> None:
    """Every clause at once."""
    query = parse(
        "select Name, COUNT(Id) n from Opportunity o where Amount >= -1.5e2 group by Name "
        "having COUNT(Id) > 1 order by COUNT(Id) desc nulls last, Name limit 5 offset 7"
    )
    assert [item.alias for item in query.items] == ["", "n"]
    assert query.object_name == "Opportunity"
    assert isinstance(query.where, Comparison)
    assert query.where.value.text == "-1.5e2"
    assert [(o.descending, o.nulls_first) for o in query.order_by] == [(True, False), (False, True)]
    assert (query.limit, query.offset, query.is_aggregate) == (5, 7, True)


def test_conditions_nest() -> None:
    """NOT binds to the next term, parentheses to what they hold."""
    where = parse("SELECT Id FROM A WHERE NOT x = 1 AND (y IN (1, 2) OR z = null)").where
    assert isinstance(where, Junction)
    assert where.word == "AND"
    first, second = where.parts
    assert isinstance(first, Negation)
    assert isinstance(second, Junction)
    assert isinstance(second.parts[0], Membership)


def test_words_may_be_in_any_case_and_names_may_look_like_functions() -> None:
    """COUNT without parentheses is a name."""
    assert parse("sElEcT Count fRoM Opportunity").items[0].alias == ""


@pytest.mark.parametrize(
    ("soql", "column", "token"),
    [
        ("SELECT FROM A", 8, "FROM"),
        ("SELECT Id FROM A WHERE x ~ 1", 26, "~"),
        ("SELECT Id FROM A LIMIT x", 24, "x"),
        ("SELECT Id FROM A WHERE x = y", 28, "y"),
        ("SELECT Id FROM A WHERE x = 1 1", 30, "1"),
        ("SELECT Id FROM A WHERE (x = 1", 30, "<EOF>"),
    ],
)
def test_an_error_names_the_place(soql: str, column: int, token: str) -> None:
    """Row and column of the first token that does not fit."""
    with pytest.raises(APIError) as caught:
        parse(soql)
    assert f"ERROR at Row:1:Column:{column}\n" in caught.value.message
    assert token in caught.value.message


def test_the_caret_stands_under_the_token() -> None:
    """Also when the query is long."""
    soql = "SELECT Id FROM A WHERE " + " AND ".join(f"x{n} = {n}" for n in range(20)) + " !"
    with pytest.raises(APIError) as caught:
        parse(soql)
    _, snippet, caret, *_ = caught.value.message.split("\n")
    assert snippet[caret.index("^")] == "!"


def _escaped(text: str) -> str:
    table = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
    return "'" + "".join(table.get(char, char) for char in text) + "'"


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=30))
def test_every_text_can_be_written_and_read(text: str) -> None:
    """Escaping by the rules of SOQL gives the same text back."""
    token = tokens_of(_escaped(text))[0]
    assert decoded("", token) == text


def test_unicode_escapes_are_read_and_others_refused() -> None:
    """A backslash before any other character is an error."""
    assert decoded("", tokens_of(r"'\u00e4\n'")[0]) == "ä\n"
    with pytest.raises(APIError):
        decoded("", tokens_of(r"'\q'")[0])
