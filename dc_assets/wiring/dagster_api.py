"""Talks to a running Dagster webserver in GraphQL: launches backfills and reads their outcome."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import httpx

from dc_assets.core.addresses import without_login
from dc_assets.core.errors import ERROR, ConfigError, RemoteError, TransientRemoteError
from dc_assets.salesforce.bounded import FILE, bounded_transport
from dc_assets.wiring.dagster_instance import (
    ASSETS,
    INSTANCE,
    DagsterInstance,
    PublishedLoad,
    instance_in,
    loads_among,
)

DAGSTER_URL = "http://127.0.0.1:3000"
"""Where `dagster-webserver` listens unless it is told otherwise."""

GRAPHQL_TIMEOUT_S = 60.0

_LAUNCH = """
mutation Launch($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
    ... on UnauthorizedError { message }
    ... on PartitionKeysNotFoundError { message }
    ... on PartitionSetNotFoundError { message }
    ... on RunConflict { message }
  }
}"""

_BACKFILL = """
query Backfill($id: String!) {
  partitionBackfillOrError(backfillId: $id) {
    __typename
    ... on PartitionBackfill {
      status
      error { message }
      runs(limit: 1000) { runId status tags { key value } }
    }
    ... on BackfillNotFoundError { message }
    ... on PythonError { message }
  }
}"""

_FAILURE = """
query Failure($run: ID!, $cursor: String) {
  logsForRun(runId: $run, afterCursor: $cursor, limit: 1000) {
    __typename
    ... on PythonError { message }
    ... on EventConnection {
      cursor
      hasMore
      events {
        __typename
        ... on ExecutionStepFailureEvent {
          error { message className errorChain { error { message className } } }
          failureMetadata {
            description
            metadataEntries { label ... on TextMetadataEntry { text } }
          }
        }
        ... on RunFailureEvent { message error { message className } }
        ... on EngineEvent { error { message className } }
      }
    }
  }
}"""

MESSAGE_CHARS_MAX = 500

LOG_PAGES_MAX = 100
"""Pages of a run's log that are searched for its failure, of a thousand events each."""

STORAGE = "Look whether its storage is up."

REMEDIES: Mapping[str, str] = {
    "the configurable class": "Its dagster.yaml names what is not there: no run starts. dc-assets "
    "home, with the folder and the options it was made with, shows the right lines.",
}
"""What helps, by words of Dagster 1.13 (`dagster/_serdes/config_class.py`)."""

FINAL_BACKFILL_STATUSES = frozenset(
    {"COMPLETED_SUCCESS", "COMPLETED_FAILED", "COMPLETED", "FAILED", "CANCELED"}
)
FAILED_RUN_STATUSES = frozenset({"FAILURE", "CANCELED"})


@dataclass(frozen=True, slots=True)
class BackfillRun:
    """One run of a backfill."""

    run_id: str
    partition_key: str
    status: str


@dataclass(frozen=True, slots=True)
class Backfill:
    """A backfill and its runs, the newest run first."""

    status: str
    runs: Sequence[BackfillRun]
    error: str = ""

    def latest(self) -> Mapping[str, BackfillRun]:
        """Return the newest run of each partition: a retry stands for what it retries."""
        newest: dict[str, BackfillRun] = {}
        for run in self.runs:
            newest.setdefault(run.partition_key, run)
        return newest

    def is_over(self, partitions: int) -> bool:
        """Whether nothing more will happen.

        Dagster's own status follows the last run by up to half a minute, so success is seen in the
        runs; a failed run may still be retried, so failure is believed only when Dagster says so.
        """
        if self.status in FINAL_BACKFILL_STATUSES:
            return True
        newest = self.latest()
        return len(newest) == partitions and all(run.status == "SUCCESS" for run in newest.values())


class NoWebserver(ConfigError):
    """Nobody listens at the address of the webserver."""


@dataclass(frozen=True, slots=True)
class RunFailure:
    """Why a run failed.

    Attributes:
        sentence: what the failed step said, "" if nothing was said.
        error: class of `core.errors` that ended the step, "" if it was none of them.
    """

    sentence: str = ""
    error: str = ""


class Webserver:
    """One Dagster webserver."""

    def __init__(self, url: str) -> None:
        """Prepare to talk to it; `url` may hold a login, which no message shows.

        Raises:
            ConfigError: it is not an address of a webserver.
        """
        self.url = without_login(url)
        self._client = httpx.Client(
            base_url=self.url,
            auth=_login_in(url),
            timeout=GRAPHQL_TIMEOUT_S,
            transport=bounded_transport(self.url),
        )

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def is_up(self) -> bool:
        """Tell whether the webserver answers."""
        try:
            with self._client.stream("GET", "/server_info") as response:
                return response.is_success
        except httpx.TransportError:
            return False

    def loads(self) -> Sequence[PublishedLoad]:
        """Return the loads of all code locations, whatever their keys."""
        return loads_among(self._ask(ASSETS, {})["assetNodes"])

    def instance(self) -> DagsterInstance:
        """Ask what the instance says of itself."""
        return instance_in(self._ask(INSTANCE, {}))

    def launch(
        self, asset: str, partition_keys: Sequence[str], config: Mapping[str, object]
    ) -> str:
        """Launch a backfill of some partitions of an asset, such as `crm/things_in_core`.

        Returns:
            The id of the backfill.
        """
        path = asset.split("/")
        params = {
            "assetSelection": [{"path": path}],
            "partitionNames": list(partition_keys),
            "runConfigData": {"ops": {_op_name(path): {"config": dict(config)}}},
            "title": f"dc-assets run: {asset}",
        }
        answer = self._ask(_LAUNCH, {"params": params})["launchPartitionBackfill"]
        if answer["__typename"] != "LaunchBackfillSuccess":
            reason = answer.get("message") or answer["__typename"]
            raise ConfigError(f"Dagster does not start the backfill of {asset}: {reason}")
        return str(answer["backfillId"])

    def backfill(self, backfill_id: str) -> Backfill:
        """Ask how far a backfill is."""
        answer = self._ask(_BACKFILL, {"id": backfill_id})["partitionBackfillOrError"]
        if answer["__typename"] == "PythonError":
            raise self._no_storage(answer["message"])
        if answer["__typename"] != "PartitionBackfill":
            raise RemoteError(f"Dagster does not find backfill {backfill_id}.")
        error = answer["error"]
        return Backfill(
            status=answer["status"],
            runs=[_run(run) for run in answer["runs"]],
            error=error["message"] if error else "",
        )

    def failure_of(self, run_id: str) -> RunFailure:
        """Ask why a run failed: the word of its failed step, or else of the run itself.

        What kept a run from starting is an event of the engine; the run then says only that it was
        marked as failed.
        """
        of_run, of_launch, has_begun = "", "", False
        for event in self._events_of(run_id):
            kind = event["__typename"]
            if kind == "ExecutionStepFailureEvent":
                return _failure_of_step(event)
            has_begun |= kind == "RunStartEvent"
            if kind == "RunFailureEvent":
                of_run = _in_one_line(event)
            elif kind == "EngineEvent" and event["error"] and not has_begun:
                of_launch = _in_one_line(event["error"])
        return RunFailure(of_launch or of_run)

    def _events_of(self, run_id: str) -> Iterator[dict[str, Any]]:
        """Yield the events of a run's log, the oldest first."""
        cursor = None
        for _ in range(LOG_PAGES_MAX):
            page = self._ask(_FAILURE, {"run": run_id, "cursor": cursor})["logsForRun"]
            if page["__typename"] == "PythonError":
                raise self._no_storage(page["message"])
            if page["__typename"] != "EventConnection":
                return
            yield from page["events"]
            if not page["hasMore"]:
                return
            cursor = page["cursor"]

    def page_of_backfill(self, backfill_id: str) -> str:
        """Return the address of a backfill in the UI."""
        return f"{self.url}/runs/b/{backfill_id}"

    def page_of_run(self, run_id: str) -> str:
        """Return the address of a run in the UI."""
        return f"{self.url}/runs/{run_id}"

    def _ask(self, query: str, variables: Mapping[str, object]) -> dict[str, Any]:
        try:
            response = self._client.post(
                "/graphql",
                json={"query": query, "variables": dict(variables)},
                extensions=FILE,
            )
            body = cast("object", response.json())
        except httpx.ConnectError as error:
            raise NoWebserver(
                f"No Dagster webserver answers at {self.url}. Start one (dc-assets dev, or "
                "dagster-webserver and dagster-daemon on your DAGSTER_HOME), set "
                "DC_ASSETS_DAGSTER_URL to its address, or load without one: dc-assets run --local"
            ) from error
        except (httpx.TransportError, RecursionError, ValueError) as error:
            raise self._no_answer() from error
        if not isinstance(body, dict):
            raise self._no_answer()
        known = cast("dict[str, Any]", body)
        if known.get("errors"):
            raise self._no_storage(known["errors"][0]["message"])
        if not isinstance(known.get("data"), dict):
            raise self._no_answer()
        return known["data"]

    def _no_storage(self, said: str) -> TransientRemoteError:
        """Return the error of an answer that has none of Dagster's facts: its storage is away."""
        words = " ".join(said.split())[:MESSAGE_CHARS_MAX]
        remedy = next((text for mark, text in REMEDIES.items() if mark in words), STORAGE)
        return TransientRemoteError(f"Dagster at {self.url} cannot say: {words}. {remedy}")

    def _no_answer(self) -> TransientRemoteError:
        return TransientRemoteError(
            f"Dagster at {self.url} gave no usable answer. Check DC_ASSETS_DAGSTER_URL: it is "
            "the address of a webserver, such as http://127.0.0.1:3000."
        )


def _op_name(path: Sequence[str]) -> str:
    """Return the step that Dagster 1.13 makes of an asset (`AssetKey.to_python_identifier`).

    >>> _op_name(["crm-eu", "things_in_core"])
    'crm_eu__things_in_core'
    """
    return "__".join(path).replace("-", "_").replace(".", "_")


def _login_in(url: str) -> tuple[str, str] | None:
    """Return user and password of an address.

    Raises:
        ConfigError: it cannot be read, or has an @ behind its host.
    """
    try:
        parsed = httpx.URL(url.strip())
    except httpx.InvalidURL:
        parsed = httpx.URL()
    if parsed.scheme not in {"http", "https"} or not parsed.host or "@" in str(parsed.raw_path):
        raise ConfigError(
            "DC_ASSETS_DAGSTER_URL is not the address of a webserver, such as "
            "http://127.0.0.1:3000. Signs such as @ and / in a user or password before the host "
            "are written as %40 and %2F."
        )
    return (parsed.username, parsed.password) if parsed.userinfo else None


def _run(run: dict[str, Any]) -> BackfillRun:
    tags = {tag["key"]: tag["value"] for tag in run["tags"]}
    return BackfillRun(run["runId"], tags.get("dagster/partition", ""), run["status"])


def _failure_of_step(event: dict[str, Any]) -> RunFailure:
    """Read what `orchestration.failures` put there, or else the error's own words."""
    metadata: dict[str, Any] = event["failureMetadata"] or {}
    entries: list[dict[str, Any]] = metadata.get("metadataEntries") or []
    names: list[str] = [entry["text"] for entry in entries if entry["label"] == ERROR]
    sentence: str = metadata.get("description") or _in_one_line(_cause(event["error"] or {}))
    return RunFailure(sentence, names[0] if names else "")


def _cause(error: dict[str, Any]) -> dict[str, Any]:
    """Return the innermost error: the outer ones say only that a step was executed."""
    chain: list[dict[str, Any]] = error.get("errorChain") or []
    return chain[-1]["error"] if chain else error


def _in_one_line(error: dict[str, Any]) -> str:
    """Return the words of an error that is none of ours, without the place of its class."""
    text = " ".join((error.get("message") or "").split())
    name = error.get("className")
    place, colon, words = text.partition(f"{name}: ")
    return (words if name and colon and " " not in place else text)[:MESSAGE_CHARS_MAX]
