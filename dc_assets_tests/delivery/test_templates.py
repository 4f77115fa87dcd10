"""Texts of notifications: the packaged ones, and those of a folder in their place."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from dc_assets.core.events import Event, EventKind
from dc_assets.delivery.templates import PACKAGED, Templates
from dc_assets_tests.delivery.examples import EXAMPLES, example


@pytest.mark.parametrize("kind", get_args(EventKind))
def test_every_kind_has_a_text(kind: EventKind) -> None:
    """Nothing in it is undefined, its subject is one line, and it links to the UI."""
    message = Templates(dagster_url="http://dagster").message(example(kind))
    assert message.subject
    assert "Subject" not in message.subject + message.body
    assert message.body.strip().endswith(f"http://dagster/{EXAMPLES[kind].get('page', '')}")
    assert "\n\n\n" not in message.body
    without = Templates().message(example(kind))
    assert "http" not in without.body


def test_no_text_is_packaged_that_nobody_sends() -> None:
    """One file for each kind."""
    assert {file.stem for file in PACKAGED.glob("*.txt")} == set(get_args(EventKind))


def test_the_text_of_a_completed_load() -> None:
    """As the documents show it."""
    message = Templates().message(example("completed"))
    assert message.subject == "things: 19,963 of 20,000 rows landed, 37 refused"
    assert "STRING_TOO_LONG  30\n" in message.body
    assert "took        1 h 2 min\n" in message.body


def test_the_documents_show_the_texts() -> None:
    """Each example of docs/notifications.md is what the packaged template makes."""
    text = (Path(__file__).parents[2] / "docs/notifications.md").read_text(encoding="utf-8")
    for kind in ("completed", "failed", "breaker", "budget", "coverage_gap", "success_rate"):
        message = Templates(dagster_url="https://dagster.example.com").message(example(kind))
        assert f"{message.subject}\n\n{message.body}" in text, kind
    gone = Templates(dagster_url="https://dagster.example.com").message(example("deletions"))
    assert f"{gone.subject}\n\n{gone.body}" in text


def test_a_template_of_the_folder_replaces_a_packaged_one(tmp_path: Path) -> None:
    """Other kinds keep theirs."""
    (tmp_path / "failed.txt").write_text("Subject: {{ load }} broke\n\n{{ sentence }}")
    templates = Templates(tmp_path)
    assert templates.message(example("failed")).subject == "things broke"
    assert templates.message(example("completed")) == Templates().message(example("completed"))
    assert templates.complaints == []


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Subject: {{ nothing_such }}", "'nothing_such' is undefined"),
        ("Subject: {% if %}", "Expected an expression"),
        ("Subject: {{ 1 / 0 }}", "ZeroDivisionError"),
        ("{{ sentence }}", "its first line does not begin with Subject:"),
    ],
)
def test_a_template_that_fails_loses_no_notice(tmp_path: Path, text: str, why: str) -> None:
    """The packaged one is used, and somebody is told."""
    (tmp_path / "failed.txt").write_text(text)
    templates = Templates(tmp_path)
    assert templates.message(example("failed")) == Templates().message(example("failed"))
    [complaint] = templates.complaints
    assert why in complaint


def test_no_fact_can_begin_a_header(tmp_path: Path) -> None:
    """Control characters of any fact are shown, in lists and mappings too."""
    (tmp_path / "failed.txt").write_text("Subject: {{ sentence }}{{ more.a[0] }}\n\nbody")
    facts = {"sentence": "x\r\nBcc: a@b.cd\r\n\r\n", "more": {"a": ["y\nz\x00"]}}
    message = Templates(tmp_path).message(Event("k", "failed", "things", facts, 0.0))
    assert message.subject == r"x\r\nBcc: a@b.cd\r\n\r\ny\nz\x00"
