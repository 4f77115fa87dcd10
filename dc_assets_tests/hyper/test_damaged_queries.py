"""Queries with a word lost, doubled or taken from another: no one breaks the tenant."""

from __future__ import annotations

import re
from collections.abc import Iterator
from random import Random

import pytest

from dc_assets_tests.hyper.engine import Hyper, Refusal
from dc_assets_tests.hyper.tenant import Tenant
from dc_assets_tests.hyper.texts import ANSWERED, REFUSED

SEED = 7
CORPUS = (*ANSWERED, *REFUSED)
WORDS = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|\w+|\s+|.", re.DOTALL)
NOT_ASKED = re.compile(r"\b(update|delete|insert|create|drop|set|copy|external)\b|;", re.IGNORECASE)
"""Words with which the local Hyper would change something; a tenant only reads."""


def damaged(count: int) -> Iterator[str]:
    """Yield damaged queries, the same each time."""
    random = Random(SEED)  # noqa: S311  no secret, only a choice
    words = [word for sql in CORPUS for word in WORDS.findall(sql) if word.strip()]
    while count:
        parts = WORDS.findall(random.choice(CORPUS))
        place = random.choice([n for n, word in enumerate(parts) if word.strip()])
        other = random.choice(words)
        parts[place] = random.choice(("", other, other, f"{parts[place]} {other}"))
        sql = "".join(parts)
        if NOT_ASKED.search(sql) is None:
            count -= 1
            yield sql


def test_a_damaged_query_is_answered_or_refused(tenant: Tenant) -> None:
    """Never an error of the emulator itself, never a word of the engine below."""
    said = [tenant.ask(sql) for sql in damaged(200)]
    refused = [answer.message for answer in said if isinstance(answer, Refusal)]
    assert len(refused) > 150
    assert [text for text in refused if "Error" in text or "DuckDB" in text] == []


@pytest.mark.hunt
@pytest.mark.hyper
def test_hyper_says_the_same_of_a_damaged_query(hyper: Hyper, tenant: Tenant) -> None:
    """The verdicts of 99 of 100 are the same."""
    asked = list(damaged(3000))
    unlike = [
        sql
        for sql in asked
        if isinstance(hyper.ask(sql), Refusal) is not isinstance(tenant.ask(sql), Refusal)
    ]
    assert len(unlike) <= len(asked) / 100, unlike
