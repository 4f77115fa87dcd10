"""What Dagster shows of values from outside: text, never Markdown, never a control."""

from __future__ import annotations

import importlib
import os
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
import pytest

import dc_assets.definitions
from dc_assets.core.errors import DcError
from dc_assets.core.printable import printable
from dc_assets.core.verdicts import CheckOutcome, CountVerdict, Severity, ValueCount
from dc_assets.orchestration.checks import result_of
from dc_assets.orchestration.failures import in_one_sentence
from dc_assets_tests.fakes.odd_texts import ODD_TEXTS


def texts_of(metadata: Mapping[str, Any]) -> Iterator[str]:
    """Yield every text of metadata, those in cells of tables too."""
    for value in metadata.values():
        assert not isinstance(value, dg.MarkdownMetadataValue)
        if isinstance(value, dg.TableMetadataValue):
            cells = [cell for record in value.records for cell in record.data.values()]
            yield from (cell for cell in cells if isinstance(cell, str))
        elif isinstance(value, dg.TextMetadataValue | dg.PathMetadataValue):
            yield value.value or ""


def outcome_with(text: str) -> CheckOutcome:
    """Return what a check says with a text wherever one from outside can be."""
    return CheckOutcome(
        "check",
        "r1-01",
        Severity.ERROR,
        f"summary {text}",
        unexplained=1,
        values=(ValueCount(text, CountVerdict(1, 0, 0)),),
        table=({"what": text, "rows": 1},),
        evidence=f"/data/{text}.parquet",
        repair=f"repair {text}",
    )


@pytest.mark.parametrize("text", ODD_TEXTS.values(), ids=ODD_TEXTS)
def test_a_check_shows_values_as_text(text: str) -> None:
    """Its summary, the table of values, what was found, and the remedy."""
    metadata = result_of(dg.AssetKey("asset"), outcome_with(text), "proved").metadata
    shown = list(texts_of(metadata or {}))
    assert [one for one in shown if one == printable(text)] == [printable(text)] * 2
    for one in shown:
        assert {unicodedata.category(sign) for sign in one}.isdisjoint({"Cc", "Cf", "Zl", "Zp"})


@pytest.mark.parametrize("text", [*ODD_TEXTS.values(), chr(0xD800)], ids=ascii)
def test_a_failure_shows_its_sentence_as_text(text: str) -> None:
    """A lone surrogate too, which Dagster's storage would not take."""
    with pytest.raises(dg.Failure) as caught, in_one_sentence():
        raise DcError(f"The org says {text}.")
    description = caught.value.description or ""
    assert description == f"The org says {printable(text)}."
    assert description.encode()


def test_a_code_location_keeps_its_files_private() -> None:
    """Its run workers load it too, so what they write is for their owner."""
    before = os.umask(0o022)
    try:
        importlib.reload(dc_assets.definitions)
        assert os.umask(0o022) == 0o077
    finally:
        os.umask(before)
