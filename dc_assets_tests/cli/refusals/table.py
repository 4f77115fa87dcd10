"""All answers in one table, and the section of docs/faults.md that shows them."""

from __future__ import annotations

from typing import cast

from dc_assets_tests.cli.refusals import told
from dc_assets_tests.cli.refusals.asking import ASKING_THE_ORG, ASKING_THE_TENANT
from dc_assets_tests.cli.refusals.loading import CHECKING, WRITING
from dc_assets_tests.cli.refusals.signing_in import SIGNING_IN, TRADING_THE_TOKEN
from dc_assets_tests.cli.refusals.told import Told
from dc_assets_tests.fakes.between import ALWAYS, Planted

ANSWERS = (
    *SIGNING_IN,
    *TRADING_THE_TOKEN,
    *ASKING_THE_TENANT,
    *ASKING_THE_ORG,
    *WRITING,
    *CHECKING,
)

CALLS = {
    told.TOKEN: "login",
    told.EXCHANGE: "token exchange",
    told.TENANT: "query of Data Cloud",
    told.DESCRIBE: "describe",
    told.LIMITS: "limits",
    told.SOQL: "SOQL query",
    told.CREATE: "create a job",
    told.UPLOAD: "upload",
    told.CLOSE: "close",
    told.POLL: "poll",
    told.RESULTS: "result file",
    told.QUERY_JOB: "create a query job",
    told.QUERY_POLL: "poll of a query job",
    told.QUERY_PAGE: "page of a query job",
}

TITLE = "## What org and tenant answer"

PREFACE = (
    "Each answer is given in place of the org's while a command runs; what is said names the cause "
    "and the remedy. When the cause is gone, the same command loads to the end, and every row has "
    "landed once. Held by `cli/test_refusals.py`."
)

OFTEN = {1: "once", 2: "twice", ALWAYS: "always"}


def as_markdown() -> str:
    """Return the section: an answer a line."""
    lines = [
        TITLE,
        "",
        PREFACE,
        "",
        "| call | answer | how often | command | exit | says |",
        "|---|---|---|---|---:|---|",
        *(_line(one) for one in ANSWERS),
    ]
    return "\n".join(lines) + "\n"


def _line(one: Told) -> str:
    planted = one.planted
    often = OFTEN.get(planted.times, f"{planted.times} times")
    said = "; ".join(one.says)
    call, answer = CALLS[planted.call], _answer(planted)
    return f"| {call} | {answer} | {often} | `{one.command}` | {one.code} | {said} |"


def _answer(planted: Planted) -> str:
    """Return status and the words of an answer, in few signs."""
    if "Location" in planted.headers:
        return f"{planted.status} to {planted.headers['Location'].split('/')[2]}"
    if "Content-Type" in planted.headers:
        return f"{planted.status}, a page of HTML"
    body = planted.body
    if isinstance(body, list):
        [body] = cast("list[object]", body)
    if not isinstance(body, dict):
        return f"{planted.status}, nothing"
    known = cast("dict[str, object]", body)
    code = known.get("errorCode") or known.get("error")
    if code is None:
        shown = ", ".join(f"{name}: {'null' if v is None else v}" for name, v in known.items())
        return f"{planted.status} `{shown}`"
    return f"{planted.status} {code}: {known.get('message') or known.get('error_description')}"
