"""The Dagster UI as an operator uses it: what is clicked, and what is then seen."""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Locator, Page, expect

from dc_assets_tests.acceptance.chromium import VIEWPORT_PX

PNG = b"\x89PNG\r\n\x1a\n"
PICTURE_BYTES_MIN = 20_000  # a blank page has less
PICTURE_BYTES_MAX = 250_000
CHANNELS = ("red", "green", "blue")


class DagsterUI:
    """One asset of a webserver, in one page of a browser."""

    def __init__(self, page: Page, url: str, asset: str, pictures: Path) -> None:
        self._page = page
        self._url = url
        self._asset = asset
        self._pictures = pictures

    def open_asset(self) -> None:
        """Find the asset in the catalog."""
        self._page.goto(self._url)
        self._page.get_by_role("link", name="Catalog").click()
        self._page.locator(f"a[href='/assets/{self._asset}']").first.click()
        expect(self._page.get_by_text("Never materialized")).to_be_visible()

    def choose_all_partitions(self, count: int) -> None:
        """Open the launch dialog and choose all partitions."""
        self._page.get_by_role("button", name="Materialize…").click()
        dialog = self._page.get_by_role("dialog")
        dialog.get_by_role("button", name="All", exact=True).click()
        expect(dialog.get_by_text(f"{count} partitions")).to_be_visible()
        expect(dialog.get_by_role("button", name="Launch backfill")).to_be_enabled()
        expect(dialog.get_by_text("Warnings")).to_have_count(0)

    def launch(self) -> str:
        """Launch the backfill, go to its page and return its id."""
        self._page.get_by_role("button", name="Launch backfill").click()
        toasts = self._page.get_by_role("region", name="Notifications")
        toasts.get_by_text("View", exact=True).click()
        self._page.wait_for_url("**/runs/b/*")
        expect(self._page.get_by_text("0% completed", exact=True)).to_be_visible()
        return urlsplit(self._page.url).path.rsplit("/", 1)[-1]

    def see_backfill_half_done(self) -> None:
        """On the backfill's page, some partitions have succeeded and others have not."""
        expect(self._page.get_by_text(re.compile(r"^[1-9]\d% completed$"))).to_be_visible()
        expect(self._page.get_by_text("In progress", exact=True).first).to_be_visible()

    def open_tab(self, name: str) -> None:
        """Open a tab of the asset, from the backfill's page too."""
        tab = self._page.locator(f"a[role=tab][title='{name}']")
        if "/runs/b/" in self._page.url:
            self._page.locator(f"a[href^='/assets/{self._asset}']").first.click()
        tab.click()

    def see_partitions(self, **counts: str) -> None:
        """The legend of the Partitions tab says how many there are; each count is a pattern."""
        for state, count in counts.items():
            legend = re.compile(rf"^{state.replace('_', ' ').capitalize()} \({count}\)$")
            expect(self._page.get_by_text(legend)).to_be_visible()

    def colours(self, keys: Sequence[str]) -> dict[str, str]:
        """Return the colour of the dot beside each partition."""
        return {key: self._colour_of(self._dot(key)) for key in keys}

    def open_check(self, check: str) -> None:
        """Choose a check of the Checks tab; the list says of it that it failed."""
        twice = rf"^{check}\s*{check}\s*Failed$"  # the UI writes a name twice, to shorten one
        line = self._page.locator("div").filter(has_text=re.compile(twice)).last
        expect(line).to_be_visible()
        line.click()
        self._page.wait_for_url(f"**checkDetail={check}**")

    def open_check_tab(self, name: str) -> None:
        """Open a tab of the chosen check."""
        self._page.locator(f"button[role=tab][title='{name}']").click()

    def see_in_history(self, **outcomes: str) -> None:
        """The history of a check has so many lines with an outcome."""
        for outcome, count in outcomes.items():
            lines = self._page.get_by_role("row").get_by_text(outcome.capitalize(), exact=True)
            expect(lines).to_have_count(int(count))

    def choose_partition(self, key: str) -> None:
        """Choose a partition in a list of them."""
        self._dot(key).click()

    def see_metadata(self, label: str) -> None:
        """What the chosen partition tells of itself is there."""
        expect(self._page.get_by_role("cell", name=label, exact=True)).to_be_visible()

    def see_image(self, alt: str, width_px: int) -> None:
        """The Markdown of the chosen partition has an image, and the browser could decode it."""
        self._page.get_by_text("[Show Markdown]").first.click()
        image = self._page.get_by_role("img", name=alt)
        expect(image).to_be_visible()
        assert image.evaluate("image => image.naturalWidth") == width_px
        self._page.keyboard.press("Escape")
        expect(image).to_be_hidden()

    def see_line(self, *cells: str) -> None:
        """A table has a line with exactly these cells."""
        line = self._page.get_by_role("row", name=" ".join(cells), exact=True)
        expect(line.get_by_role("cell")).to_have_text(list(cells))

    def see_updated(self, source: str) -> None:
        """The graph shows a source, and that somebody updated it."""
        node = self._page.locator("foreignObject, foreignobject").filter(has_text=source).last
        expect(node).to_contain_text("Materialized")

    def see_unsynced(self, source: str) -> None:
        """The chosen partition says that its source is newer."""
        self._page.get_by_text("Unsynced (1)").hover()
        expect(self._page.get_by_text("has a new data version")).to_be_visible()
        expect(self._page.get_by_text(source)).to_be_visible()

    def see_field(self, name: str, kind: str, description: str) -> None:
        """The columns of the asset have a field with a type, which has an icon, and a sentence."""
        line = self._page.get_by_role("row").filter(has=self._page.get_by_text(name, exact=True))
        expect(line).to_contain_text(kind)
        expect(line).to_contain_text(description)

    def picture(self, name: str, *, height_px: int = VIEWPORT_PX[1]) -> None:
        """Write what is seen, from the top, as a PNG, when nothing passing lies over it."""
        self._page.mouse.move(0, 0)  # a message under the mouse stays
        expect(self._page.locator("[data-sonner-toast]")).to_have_count(0)
        expect(self._page.get_by_text("Refreshing data")).to_have_count(0)
        self._page.evaluate("document.fonts.ready.then(() => true)")
        file = self._pictures / f"{name}.png"
        self._page.screenshot(
            path=file,
            animations="disabled",
            clip={"x": 0, "y": 0, "width": VIEWPORT_PX[0], "height": height_px},
        )
        assert_is_worth_showing(file.read_bytes(), height_px)

    def _dot(self, key: str) -> Locator:
        return self._page.locator(f"[data-tooltip='{key}'] + div[style*='border-radius']")

    @staticmethod
    def _colour_of(dot: Locator) -> str:
        """Return the strongest of red, green and blue, as the browser paints it."""
        painted = str(dot.evaluate("dot => getComputedStyle(dot).backgroundColor"))
        found = re.fullmatch(r"rgb\((\d+), (\d+), (\d+)\)", painted)
        assert found is not None, painted
        strengths = [int(part) for part in found.groups()]
        return CHANNELS[strengths.index(max(strengths))]


def assert_is_worth_showing(content: bytes, height_px: int) -> None:
    """Fail when a picture is no PNG of its size, is blank, or is too big for a document."""
    assert content.startswith(PNG)
    assert struct.unpack(">II", content[16:24]) == (VIEWPORT_PX[0], height_px)
    assert PICTURE_BYTES_MIN < len(content) < PICTURE_BYTES_MAX, len(content)
