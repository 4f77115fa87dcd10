"""The documents lead where they say, are reached from README, and have tables to look up in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
WORDS_OF_CODE = re.compile(r"`[^`\n]*`")
LINK = re.compile(r"\]\((?!\w+:)([^)#\s]*)(?:#([^)\s]+))?\)")
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


@cache
def links_of(document: Path) -> tuple[tuple[Path, str], ...]:
    """Return the files and anchors that a document names, outside of its code."""
    found = LINK.findall(WORDS_OF_CODE.sub("", prose_of(document)))
    return tuple(
        ((document.parent / target).resolve() if target else document, anchor)
        for target, anchor in found
    )


@cache
def anchors_of(document: Path) -> frozenset[str]:
    """Return the anchors of a document's headings, as GitHub makes them."""
    return frozenset(map(anchor_of, re.findall(r"^#+ (.+)$", prose_of(document), re.MULTILINE)))


def prose_of(document: Path) -> str:
    """Return the text of a document without its code blocks."""
    return BLOCK.sub("", document.read_text(encoding="utf-8"))


def anchor_of(heading: str) -> str:
    """Return the anchor of a heading.

    >>> anchor_of("The `--json` of a plan: keys, words")
    'the---json-of-a-plan-keys-words'
    """
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def dead_links(document: Path) -> Iterator[str]:
    """Yield the links of a document that lead nowhere."""
    for target, anchor in links_of(document):
        name = f"{target.relative_to(ROOT)}#{anchor}" if ROOT in target.parents else str(target)
        if not target.exists() or (anchor and anchor not in anchors_of(target)):
            yield name


CELL_MAX = 150
NARROW = (
    *("README", "try", "connect", "first-load", "how-it-works", "operating", "commands"),
    *("faq", "upgrade", "from-apex", "alternatives"),
)
"""Documents for people who come with a task: their tables are read at a glance."""


@pytest.mark.parametrize("name", NARROW)
def test_no_cell_of_a_table_is_a_paragraph(name: str) -> None:
    """A table is for looking up; what needs explaining stands below it."""
    texts = [path.read_text(encoding="utf-8") for path in DOCUMENTS if path.stem == name]
    assert texts
    text = "\n".join(texts)
    rows = re.findall(r"^\|(.+)\|$", text, re.MULTILINE)
    assert [cell for row in rows for cell in row.split("|") if len(cell.strip()) > CELL_MAX] == []


WORDS_OF_README_MAX = 750


def test_the_first_page_is_short() -> None:
    """It points on: what needs more words has a document of its own."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.split()) <= WORDS_OF_README_MAX


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_link_of_a_document_is_dead(document: Path) -> None:
    """File and heading are there."""
    assert list(dead_links(document)) == []


def test_every_document_is_reached_from_the_first_page() -> None:
    """By links alone; decisions are listed by their folder."""
    reached, new = set[Path](), {ROOT / "README.md"}
    while new:
        reached |= new
        named = {target for one in new for target, _ in links_of(one)}
        new = {one for one in named if one.suffix == ".md" and one.exists()} - reached
    assert [str(one) for one in (ROOT / "docs").glob("*.md") if one not in reached] == []
