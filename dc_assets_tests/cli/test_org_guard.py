"""Nothing is read or sent in another org than the spec's, nor in production without a word."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from dc_assets_tests.acceptance.stage import Stage, spec_content
from dc_assets_tests.cli.in_process import run_here

pytestmark = pytest.mark.acceptance

ELSEWHERE = "00D000000000009EAA"
KIND = 'UPDATE "Organization" SET "IsSandbox" = {}'


@pytest.fixture(scope="module")
def loaded(stage: Stage) -> Stage:
    """A stage whose spec is loaded in the sandbox."""
    stage.write_spec({**spec_content(stage.rows, stage.partitions), "refresh": APPLY})
    assert stage.run("run", "--local").code == 3
    return stage


APPLY = {"deletes": "apply"}


@pytest.fixture
def production(loaded: Stage) -> Generator[Stage]:
    """The same org, no sandbox any more."""
    loaded.org.sql(KIND.format(False))
    yield loaded
    loaded.org.sql(KIND.format(True))


def ledger_of(stage: Stage) -> Path:
    """Return the file of the ledger."""
    return stage.folder / "data" / "ledger.db"


@contextmanager
def pinned_elsewhere(stage: Stage) -> Generator[None]:
    """Let the ledger say that the spec's loads went to another org."""
    pin = "UPDATE pinned_org SET org_id = ?, kind = 'sandbox', host = 'acme--uat.example'"
    with closing(sqlite3.connect(ledger_of(stage))) as connection:
        (ours,) = connection.execute("SELECT org_id FROM pinned_org").fetchone()
        try:
            connection.execute(pin, (ELSEWHERE,))
            connection.commit()
            yield
        finally:
            connection.execute(pin, (ours,))
            connection.commit()


def rows_asked_and_jobs(stage: Stage) -> list[int]:
    """Count the calls that read rows of the source, and those that make jobs."""
    return [stage.org.calls(kind) for kind in ("data_cloud_query", "bulk_query", "create")]


def test_another_org_stops_every_command_that_reads_or_sends(loaded: Stage) -> None:
    """Exit 2, and a sentence with both orgs and what to do, before a row is asked for."""
    before = rows_asked_and_jobs(loaded)
    with pinned_elsewhere(loaded):
        for words in (
            ("run", "--local", "--new-load"),
            ("run", "--dry-run"),
            ("run", "--canary", "10"),
            ("replay",),
            ("deletions", "--confirm", "opportunities"),
            ("plan",),
            ("reconcile",),
        ):
            done = run_here(loaded.environment, *words)
            assert done.code == 2, (words, done.out, done.err)
            assert f"go to the sandbox {ELSEWHERE} (acme--uat.example)" in done.err
            assert "we are signed in to the sandbox 00D" in done.err
            assert "write it into the spec: target.org_id: 00D" in done.err
    assert rows_asked_and_jobs(loaded) == before


def test_the_org_of_the_spec_wins(loaded: Stage) -> None:
    """One that the spec names is refused the other way round."""
    content = spec_content(loaded.rows, loaded.partitions)
    org_id = loaded.org.sql('SELECT "Id" FROM "Organization"')[0][0]
    try:
        loaded.write_spec({**content, "target": {**content["target"], "org_id": ELSEWHERE}})
        done = run_here(loaded.environment, "run", "--local")
        assert done.code == 2
        assert f"names the org {ELSEWHERE} (target.org_id)" in done.err
        loaded.write_spec({**content, "target": {**content["target"], "org_id": org_id[:15]}})
        with pinned_elsewhere(loaded):
            done = run_here(loaded.environment, "run", "--dry-run")
            assert done.code != 2, done.err
    finally:
        loaded.write_spec({**content, "refresh": APPLY})


@pytest.mark.parametrize(
    "words",
    [
        ("run", "--canary", "10"),
        ("replay",),
    ],
    ids=" ".join,
)
def test_a_load_in_production_begins_with_a_word(production: Stage, words: tuple[str, ...]) -> None:
    """Exit 2 without it, and no job; with it the rows are sent."""
    before = production.org.calls("create")
    refused = run_here(production.environment, *words)
    assert refused.code == 2, refused.out + refused.err
    assert "opportunities would write to the production org 00D" in refused.err
    assert "--production" in refused.err
    assert production.org.calls("create") == before
    sent = run_here(production.environment, *words, "--production")
    assert sent.code in {0, 3}, sent.out + sent.err


def test_an_unfinished_load_is_not_given_up_without_the_word(production: Stage) -> None:
    """A new load is refused before the old one is superseded."""
    newest = "SELECT load_id FROM load WHERE mode = 'full' ORDER BY opened_at DESC LIMIT 1"
    unfinished = f"UPDATE load SET state = 'open' WHERE load_id = ({newest})"
    with closing(sqlite3.connect(ledger_of(production))) as connection:
        connection.execute(unfinished)
        connection.commit()
        refused = run_here(production.environment, "run", "--local", "--new-load")
        left = connection.execute("SELECT count(*) FROM load WHERE state = 'open'").fetchone()
    assert (refused.code, left) == (2, (1,)), refused.err
    done = run_here(production.environment, "run", "--local", "--new-load", "--production")
    assert done.code == 3, done.err
    assert "Gave up the unfinished load" in done.out


def test_an_org_that_does_not_say_is_asked_for(loaded: Stage) -> None:
    """A user who may not read Organization is in production, as far as we know."""
    loaded.org.sql('UPDATE "Organization" SET "IsDeleted" = true')
    done = run_here(loaded.environment, "run", "--local", "--changed")
    loaded.org.sql('UPDATE "Organization" SET "IsDeleted" = false')
    assert done.code == 2
    assert "our user may not read Organization, so it is taken for production" in done.err
