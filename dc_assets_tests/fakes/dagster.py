"""A stand-in for a Dagster webserver, for tests of the client: it runs nothing."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

LOG_NOISE = {"__typename": "LogMessageEvent"}
NO_STORAGE = {"__typename": "PythonError", "message": "(psycopg2.OperationalError) refused\n"}


@dataclass
class StandInDagster:
    """Takes backfills, and tells of each partition's run what a test says became of it.

    Attributes:
        launched: parameters of each launch, the oldest first.
        ends: status of the run of a partition; one that is not named is STARTED.
        has_daemon: whether anybody makes runs of what is launched.
        assets: what its code locations say of each asset, by key.
        failures: by partition, the step failure that its run log holds on its second page.
        has_storage: whether its database answers; without, it knows of no backfill.
    """

    port: int
    launched: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    ends: dict[str, str] = field(default_factory=dict[str, str])
    failures: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    assets: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    asked: int = 0
    has_storage: bool = True
    has_daemon: bool = True
    _server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Listen."""
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), _handler_of(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        """Go away; what was launched is remembered."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def partitions(self) -> list[list[str]]:
        """Return the partitions of each launch."""
        return [launch["partitionNames"] for launch in self.launched]

    def configs(self) -> list[dict[str, Any]]:
        """Return the run config of each launch."""
        return [
            op["config"]
            for launch in self.launched
            for op in launch["runConfigData"]["ops"].values()
        ]

    def answer(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        """Answer one GraphQL query."""
        self.asked += 1
        if "query Assets" in query:
            return {"assetNodes": self._nodes()}
        if "launchPartitionBackfill" in query:
            self.launched.append(variables["params"])
            backfill_id = f"backfill{len(self.launched)}"
            answer = {"__typename": "LaunchBackfillSuccess", "backfillId": backfill_id}
            return {"launchPartitionBackfill": answer}
        if not self.has_storage and "OrError" in query:
            return {"partitionBackfillOrError": NO_STORAGE}
        if "partitionBackfillOrError" in query:
            return {"partitionBackfillOrError": self._backfill(variables["id"])}
        if "logsForRun" in query:
            return {"logsForRun": self._log(variables["run"], variables["cursor"])}
        return {"assetCheckExecutions": self._planned_checks()}

    def _planned_checks(self) -> list[dict[str, Any]]:
        """Return the checks of runs that failed before their checks came to their turn."""
        return [
            {"runId": f"run-{key}", "partition": key, "evaluation": None}
            for key, end in self.ends.items()
            if end == "FAILURE"
        ]

    def _nodes(self) -> list[dict[str, Any]]:
        """Return an asset of others, and those that say something of themselves."""
        told: dict[str, Mapping[str, str]] = {"theirs/opportunities_in_core": {}, **self.assets}
        return [
            {
                "assetKey": {"path": key.split("/")},
                "metadataEntries": [
                    {"label": "ranges"},
                    *({"label": label, "text": text} for label, text in texts.items()),
                ],
            }
            for key, texts in told.items()
        ]

    def _backfill(self, backfill_id: str) -> dict[str, Any]:
        keys = self.partitions()[int(backfill_id.removeprefix("backfill")) - 1]
        states = {key: self.ends.get(key, "STARTED") for key in keys if self.has_daemon}
        over = self.has_daemon and all(end in {"SUCCESS", "FAILURE"} for end in states.values())
        runs = [
            {
                "runId": f"run-{key}",
                "status": state,
                "tags": [{"key": "dagster/partition", "value": key}],
            }
            for key, state in states.items()
        ]
        status = "COMPLETED_SUCCESS" if over else "REQUESTED"
        return {"__typename": "PartitionBackfill", "status": status, "error": None, "runs": runs}

    def _log(self, run_id: str, cursor: str | None) -> dict[str, Any]:
        page = {"__typename": "EventConnection", "cursor": "second", "hasMore": cursor is None}
        if cursor is None:
            return {**page, "events": [LOG_NOISE] * 3}
        failure = self.failures.get(run_id.removeprefix("run-"))
        end = {"__typename": "RunFailureEvent", "message": "Steps failed: ['x'].", "error": None}
        return {**page, "events": [LOG_NOISE, *([failure] if failure else []), end]}


def step_failure(sentence: str, error: str) -> dict[str, Any]:
    """Return the event of a step that one of our own errors ended."""
    entries = [{"label": "kind", "text": "failed"}, {"label": "error", "text": error}]
    return {
        "__typename": "ExecutionStepFailureEvent",
        "error": {"message": "dagster._core.definitions.events.Failure\n", "className": "Failure"},
        "failureMetadata": {"description": sentence, "metadataEntries": entries},
    }


def check_failure(check: str) -> dict[str, Any]:
    """Return the event of a step whose blocking check failed, in Dagster's own words."""
    name = "DagsterAssetCheckFailedError"
    said = f"1 blocking asset check failed with ERROR severity:\nopportunities_in_core: {check}\n"
    return {
        "__typename": "ExecutionStepFailureEvent",
        "error": {"message": f"dagster._core.errors.{name}: {said}", "className": name},
        "failureMetadata": None,
    }


def _handler_of(dagster: StandInDagster) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """Hands the queries over."""

        def do_POST(self) -> None:
            """Answer a query."""
            length = int(self.headers["Content-Length"])
            asked: dict[str, Any] = json.loads(self.rfile.read(length))
            data = dagster.answer(asked["query"], asked["variables"])
            content = json.dumps({"data": data}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
            """Keep quiet."""

    return Handler
