"""Pages on disk belong to one owner of a partition."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from dc_assets.core.phases import Phase
from dc_assets.ledger.spool import DiskSpool
from dc_assets.load.ports import PageMark
from dc_assets.load.store import RangeTicket

FIRST = RangeTicket("load", "r1-01", fence=9, phase=Phase.READING)
SECOND = replace(FIRST, fence=10)
THIRD = replace(FIRST, fence=11)


@pytest.fixture
def spool(tmp_path: Path) -> DiskSpool:
    """An empty spool."""
    return DiskSpool(tmp_path)


def add(spool: DiskSpool, ticket: RangeTicket, *keys: str) -> None:
    """Write a page of some keys."""
    spool.add_page(ticket, pl.DataFrame({"id": keys}), PageMark(keys[-1], rows_read=len(keys)))


def ids(spool: DiskSpool, ticket: RangeTicket) -> list[str]:
    """Return the ids of all pages of an owner."""
    pages = spool.pages(ticket)
    return [] if pages is None else pages.collect().get_column("id").to_list()


def test_the_next_owner_goes_on_behind_the_pages_of_the_last(spool: DiskSpool) -> None:
    """What was read stays read, over any number of owners."""
    assert spool.start_pages(FIRST) is None
    add(spool, FIRST, "a", "b")
    assert spool.start_pages(SECOND) == "b"
    add(spool, SECOND, "c")
    assert spool.start_pages(THIRD) == "c"
    assert spool.rows_read(THIRD) == 3
    assert ids(spool, THIRD) == ["a", "b", "c"]


def test_a_page_of_an_owner_that_woke_up_is_not_read(spool: DiskSpool) -> None:
    """It froze while it was reading, lost the partition, and resumes as if nothing had been."""
    spool.start_pages(FIRST)
    add(spool, FIRST, "a")
    spool.start_pages(SECOND)
    add(spool, SECOND, "b")
    add(spool, FIRST, "b")
    assert spool.start_pages(SECOND) == "b"
    assert ids(spool, SECOND) == ["a", "b"]
    assert spool.rows_read(SECOND) == 2


def test_an_owner_that_woke_up_drops_nothing_of_its_successor(spool: DiskSpool) -> None:
    """The successor drops what is its own and what was written before it."""
    spool.start_pages(SECOND)
    add(spool, SECOND, "a")
    add(spool, FIRST, "a")
    spool.drop_pages(FIRST)
    assert ids(spool, SECOND) == ["a"]
    add(spool, FIRST, "a")
    spool.drop_pages(SECOND)
    assert spool.start_pages(THIRD) is None


def test_an_owner_that_woke_up_takes_nothing_over(spool: DiskSpool) -> None:
    """The pages of a later owner are none of its business."""
    spool.start_pages(SECOND)
    add(spool, SECOND, "a")
    assert spool.start_pages(FIRST) is None
    assert ids(spool, SECOND) == ["a"]


def test_files_of_an_earlier_version_are_kept(spool: DiskSpool, tmp_path: Path) -> None:
    """Their names have a digest of another kind; a load that is under way reads nothing again."""
    spool.start_pages(FIRST)
    add(spool, FIRST, "a")
    spool.write_batch("load", "b1", pl.DataFrame({"id": ["a"]}))
    for file in tmp_path.rglob("*.parquet"):
        before = hashlib.blake2b(file.read_bytes(), digest_size=16).hexdigest()
        file.rename(file.with_name(f"{file.stem.rpartition('-')[0]}-{before}.parquet"))
    assert spool.start_pages(SECOND) == "a"
    assert spool.read_batch("load", "b1").height == 1
