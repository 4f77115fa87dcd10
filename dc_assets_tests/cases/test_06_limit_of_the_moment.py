"""Three refusals of one code: two of the moment, one of the day."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from dc_assets.core.errors import LimitReached, TooManyAtOnce
from dc_assets.core.ranges import IdRange
from dc_assets.salesforce.bulk_ingest import BulkIngestJobs
from dc_assets.salesforce.session import OrgSession
from dc_assets.salesforce.soql import SOQLTarget
from dc_assets_tests.fakes.specs import small_spec
from dc_assets_tests.salesforce.test_queries import NO_TOKENS, Script

CASE = Path(__file__).parent / "06-limit-of-the-moment"
ALL = IdRange(None, None)
LEFT = {"Sforce-Limit-Info": "api-usage=10001/10000000"}


def refused(file: str) -> httpx.Response:
    """Return a refusal of the case, with the calls that are left."""
    return httpx.Response(403, content=(CASE / file).read_bytes(), headers=LEFT)


def session(script: Script) -> OrgSession:
    """Return a session of the org that follows a script."""
    return OrgSession(script.host, "00D000000000001AAA", "005000000000001AAA", NO_TOKENS)


@pytest.mark.parametrize("file", ["403-a.json", "403-b.json"])
def test_a_limit_of_the_moment_is_waited_for_by_a_check_and_by_a_create(file: str) -> None:
    """The next call is answered well: the check has its count, and the job is created once."""
    script = Script(refused(file), {"totalSize": 600, "done": True, "records": []})
    assert SOQLTarget(session(script), small_spec()).count(ALL) == 600
    writes = Script(refused(file), {"id": "750000000000001AAA"})
    assert BulkIngestJobs(session(writes), small_spec()).create() == "750000000000001AAA"


@pytest.mark.parametrize("file", ["403-a.json", "403-b.json"])
def test_a_moment_that_does_not_pass_is_told_as_one(file: str) -> None:
    """Too many requests at once, and not a word of the day."""
    script = Script(*(refused(file) for _ in range(16)))
    with pytest.raises(TooManyAtOnce, match="too many requests at once") as caught:
        SOQLTarget(session(script), small_spec()).count(ALL)
    assert "24 hours" not in str(caught.value)


def test_the_limit_of_the_day_is_asked_for_no_second_time() -> None:
    """It stops the load, whatever Sforce-Limit-Info says of what is left."""
    script = Script(refused("403-day.json"))
    with pytest.raises(LimitReached, match="rolling 24 hours"):
        SOQLTarget(session(script), small_spec()).count(ALL)
    assert len(script.requests) == 1
