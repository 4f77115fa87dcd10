"""Reads back what the checks of an asset said, from Dagster's own event log."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from dc_assets.core.checks import OUTCOME
from dc_assets.core.verdicts import CheckOutcome, CountVerdict, Severity, ValueCount
from dc_assets.wiring.dagster_api import Webserver

_CHECKS = """
query Checks($asset: AssetKeyInput!, $check: String!, $limit: Int!) {
  assetCheckExecutions(assetKey: $asset, checkName: $check, limit: $limit) {
    runId
    partition
    evaluation {
      success
      severity
      metadataEntries {
        label
        ... on TextMetadataEntry { text }
        ... on IntMetadataEntry { intValue }
        ... on TableMetadataEntry { table { records } }
        ... on PathMetadataEntry { path }
      }
    }
  }
}"""


def check_outcomes(
    webserver: Webserver, asset: str, checks: Sequence[str], run_ids: Sequence[str]
) -> Sequence[CheckOutcome]:
    """Return what the checks of an asset said in some runs, by partition.

    A check that was planned and never came to its turn said nothing: why its run ended tells.
    """
    outcomes = [
        _outcome(check, execution)
        for check in checks
        for execution in _executions(webserver, asset, check)
        if execution["runId"] in run_ids and execution["evaluation"] is not None
    ]
    return sorted(outcomes, key=lambda o: (o.partition_key, checks.index(o.check)))


def _executions(webserver: Webserver, asset: str, check: str) -> list[dict[str, Any]]:
    variables = {"asset": {"path": [asset]}, "check": check, "limit": 1000}
    answer = webserver._ask(_CHECKS, variables)  # pyright: ignore[reportPrivateUsage]
    return answer["assetCheckExecutions"]


def _outcome(check: str, execution: dict[str, Any]) -> CheckOutcome:
    """Read back what `orchestration.checks` stored."""
    evaluation: dict[str, Any] = execution["evaluation"]
    entries = {entry["label"]: entry for entry in evaluation["metadataEntries"]}
    records: list[str] = entries["values"]["table"]["records"] if "values" in entries else []
    return CheckOutcome(
        check,
        execution["partition"] or "",
        _severity(evaluation, entries),
        entries["summary"]["text"],
        int(entries["unexplained"]["intValue"]),
        tuple(_value(json.loads(record)) for record in records),
        evidence=entries["all of it"]["path"] if "all of it" in entries else "",
        repair=entries["repair"]["text"] if "repair" in entries else "",
    )


def _severity(evaluation: dict[str, Any], entries: dict[str, Any]) -> Severity:
    """Return how a check ended; an evaluation of an older program lacks our own word for it."""
    if OUTCOME in entries:
        return Severity(entries[OUTCOME]["text"])
    if evaluation["success"]:
        return Severity.PASSED
    return Severity.WARN if evaluation["severity"] == "WARN" else Severity.ERROR


def _value(record: dict[str, Any]) -> ValueCount:
    counts = CountVerdict(record["source rows"], record["target rows"], record["refused"])
    return ValueCount(record["value"], counts)
