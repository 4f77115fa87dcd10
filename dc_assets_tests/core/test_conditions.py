"""A condition of an operator stays inside the brackets it is put into."""

from __future__ import annotations

import pytest

from dc_assets.core.conditions import Dialect, flaw

GOOD: list[tuple[Dialect, str]] = [
    ("SQL", '"Amount__c" > 1'),
    ("SQL", "(a = 1) OR ((b = 2) AND c IN ('x', 'y'))"),
    ("SQL", "\"Name__c\" <> 'open ( and -- and ; and /*'"),
    ("SQL", "\"Name__c\" = 'O''Brien ('"),
    ("SQL", "\"Name__c\" = ''"),
    ("SQL", '"odd ""(name" = 1'),
    ("SQL", r"path = 'C:\'"),
    ("SQL", "a - -1 > b / 2 * 3"),
    ("SQL", "name='x'"),
    ("SOQL", "RecordType.Name = 'Import'"),
    ("SOQL", r"Name = 'O\'Brien ('"),
    ("SOQL", r"Name = 'a\\' AND (Id != null)"),
    ("SOQL", "Name LIKE 'a--b;c/*%' AND (Amount > 1 OR Amount < -1)"),
    ("SOQL", "Id IN (SELECT AccountId FROM Contact)"),
    ("SOQL", "Name = 'he said \"no'"),
]

BAD: list[tuple[Dialect, str, str]] = [
    ("SQL", "1=1) OR (1=1", "the bracket ) at character 4 closes none"),
    ("SQL", "(a = 1", "the bracket ( at character 1 is never closed"),
    ("SQL", "((a = 1) OR (b = 2)", "the bracket ( at character 1 is never closed"),
    ("SQL", "a = 'x", "the quote ' at character 5 is never closed"),
    ("SQL", r"a = 'x\'y'", "the quote ' at character 10 is never closed"),
    ("SQL", 'a = "x', 'the quote " at character 5 is never closed'),
    ("SQL", "a = 1 -- ours", "(character 7)"),
    ("SQL", "a = 1 /* ours */", "(character 7)"),
    ("SQL", "a = 1; DROP TABLE x", "(character 6)"),
    ("SQL", r"a = E'\' OR 1=1'", "(character 5)"),
    ("SQL", "a = $$x)$$", "(character 5)"),
    ("SQL", "", "it is blank"),
    ("SQL", " \n", "it is blank"),
    ("SOQL", "Name = 'a') OR (Name != 'b'", "the bracket ) at character 11 closes none"),
    ("SOQL", r"Name = 'a\'", "the quote ' at character 8 is never closed"),
    ("SOQL", "Name = 'O''Brien", "the quote ' at character 11 is never closed"),
    ("SOQL", 'Name = "a"', 'the quote " at character 8'),
    ("SOQL", "Name = 'a' -- ours", "(character 12)"),
]


@pytest.mark.parametrize(("dialect", "condition"), GOOD)
def test_a_condition_of_one_piece_is_taken(dialect: Dialect, condition: str) -> None:
    """Brackets, comments and semicolons in a text are text."""
    assert flaw(condition, dialect) is None


@pytest.mark.parametrize(("dialect", "condition", "says"), BAD)
def test_a_condition_that_leaves_its_brackets_is_refused(
    dialect: Dialect, condition: str, says: str
) -> None:
    """With the position of what is wrong."""
    found = flaw(condition, dialect)
    assert found is not None
    assert says in found
