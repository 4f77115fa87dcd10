"""An HTML page as a reader sees it: its text, its tables, and what a browser would fetch."""

from __future__ import annotations

from collections.abc import Sequence
from html.parser import HTMLParser
from typing import Self

FETCHING = {"src", "href", "xlink:href", "srcset", "poster", "data", "action", "background"}
UNSEEN = {"style", "script"}
CELLS = {"td", "th"}


class HtmlPage(HTMLParser):
    """The page, taken apart.

    Attributes:
        tables: each a list of lines, each a list of the texts of its cells.
        addresses: where an attribute would lead a browser, places inside the page left out.
        tags: every tag that was opened.
        text: everything that is read.
        style: the style sheets.
    """

    def __init__(self) -> None:
        super().__init__()
        self.tables: list[list[list[str]]] = []
        self.addresses: list[str] = []
        self.tags: list[str] = []
        self.text = ""
        self.style = ""
        self._inside: list[str] = []
        self._is_in_cell = False

    @classmethod
    def of(cls, text: str) -> Self:
        """Take a page apart."""
        page = cls()
        page.feed(text)
        page.close()
        return page

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag, and begin a table, a line or a cell."""
        self.tags.append(tag)
        self.addresses += [
            value or "" for name, value in attrs if name in FETCHING and (value or "")[:1] != "#"
        ]
        if tag in UNSEEN:
            self._inside.append(tag)
        if tag == "table":
            self.tables.append([])
        if tag == "tr":
            self.tables[-1].append([])
        if tag in CELLS:
            self.tables[-1][-1].append("")
            self._is_in_cell = True

    def handle_endtag(self, tag: str) -> None:
        """Leave a style sheet or a cell."""
        if tag in CELLS:
            self._is_in_cell = False
        if self._inside and self._inside[-1] == tag:
            self._inside.pop()

    def handle_data(self, data: str) -> None:
        """Keep a text where it belongs."""
        if self._inside:
            self.style += data
            return
        self.text += data
        if self._is_in_cell:
            self.tables[-1][-1][-1] += data

    def table(self, *titles: str) -> Sequence[dict[str, str]]:
        """Return the lines of the first table that begins with some titles, by title."""
        for head, *lines in self.tables:
            if tuple(head[: len(titles)]) == titles:
                return [dict(zip(head, line, strict=True)) for line in lines]
        raise AssertionError(f"no table begins with {titles}")
