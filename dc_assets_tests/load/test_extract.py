"""Reading a range to its true end."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from dc_assets.core.errors import HostSilent, SourceIncomplete, SourceOutOfOrder
from dc_assets.core.ranges import IdRange
from dc_assets_tests.fakes.source import FakeSource, thing, things
from dc_assets_tests.fakes.world import World, small_world


@pytest.fixture
def world(tmp_path: Path) -> Generator[World]:
    """Open a world of 10 rows in pages of 3."""
    with small_world(tmp_path, FakeSource(things(10, parents=3))) as opened:
        yield opened


def test_a_broken_stream_is_resumed_behind_the_last_key(world: World) -> None:
    """The rest is asked for by key, so no row is read twice or left out."""
    world.source.breaks = {3}
    assert world.run().totals.landed == 10
    assert world.source.queries == [IdRange(None, None), IdRange("id0005", None)]
    assert set(world.org.landings.values()) == {1}


def test_a_stream_that_breaks_at_once_is_asked_for_again(world: World) -> None:
    """Waits lie between the attempts, and each page that comes forgives the failures before."""
    world.source.breaks = {1, 2, 3, 5, 6, 7, 9}
    assert world.run().totals.landed == 10
    assert world.clock.now_s() > 0


def test_a_stream_that_never_holds_ends_the_run(world: World) -> None:
    """Ten minutes without a page are enough; nothing was sent."""
    world.source.breaks = set(range(1, 100))
    with pytest.raises(
        HostSilent, match=r"no page of Things__dlm for 10 minutes.*the stream broke"
    ):
        world.run()
    assert 600 <= world.clock.now_s() < 700
    assert len(world.source.queries) == 5 + 11
    assert world.org.calls["create"] == 0


def test_a_run_goes_on_behind_the_pages_of_the_run_before(world: World) -> None:
    """What was read stays read, over runs too."""
    world.source.breaks = set(range(3, 100))
    with pytest.raises(HostSilent):
        world.run()
    world.source.breaks = set()
    assert world.run().totals.landed == 10
    assert world.source.queries[-1] == IdRange("id0005", None)


def test_an_empty_page_is_not_the_end(world: World) -> None:
    """Only the server's own word ends a range."""
    world.source.empties = {1, 2, 4}
    assert world.run().totals.landed == 10


def test_a_source_that_ends_early_is_asked_again_behind_the_last_key(world: World) -> None:
    """The count tells that rows are missing, and they are fetched without reading all anew."""
    world.source.early_ends = 2
    assert world.run().totals.landed == 10
    assert world.source.queries == [
        IdRange(None, None),
        IdRange("id0002", None),
        IdRange("id0005", None),
    ]


def test_a_source_that_stays_empty_sends_nothing(world: World) -> None:
    """After three rounds the error names range and counts, and no row left for the org."""
    world.source.silent_behind = "id0002"
    message = r"\(partition r1-01\): 3 rows were read, 10 are counted: 7 rows are missing, 3 times"
    with pytest.raises(SourceIncomplete, match=message):
        world.run()
    assert world.org.calls["create"] == 0


def test_a_source_without_any_row_is_never_a_success(world: World) -> None:
    """An empty answer is never by itself the end, not even to a count."""
    world.source.rows.clear()
    with pytest.raises(SourceIncomplete, match="counts no rows at all"):
        world.run()


def test_a_source_that_counts_more_than_it_gives_sends_nothing(world: World) -> None:
    """A range is exhausted only when keys and count agree."""
    world.source.surplus = 1
    with pytest.raises(SourceIncomplete, match="10 rows were read, 11 are counted"):
        world.run()
    assert world.org.calls["create"] == 0


def test_a_page_out_of_order_is_an_error(world: World) -> None:
    """Keyset reading is only as right as the order, so a wrong one is not used."""
    world.source.backwards = True
    with pytest.raises(SourceOutOfOrder, match="ordered by key"):
        world.run()
    assert world.org.calls["create"] == 0


def test_a_doubled_id_may_stand_on_two_pages(world: World) -> None:
    """The end of a page may cut between two rows of one id; both become dead letters."""
    world.source.rows.append(thing("id0002", "p2"))
    loaded = world.run()
    assert (loaded.totals.landed, loaded.totals.refused) == (9, 2)
    assert world.codes() == {"id0002": "AMBIGUOUS_ID"}
