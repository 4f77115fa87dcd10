"""What a Dagster instance says of itself: code locations, daemons, pool, storage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import yaml

from dc_assets.wiring.place import LOAD

_NODE = """
fragment Node on AssetNode {
  assetKey { path }
  metadataEntries { label ... on TextMetadataEntry { text } }
}"""

ASSETS = (
    """
query Assets {
  assetNodes { ...Node }
}"""
    + _NODE
)

INSTANCE = (
    """
query Instance {
  instance {
    info
    runQueuingSupported
    poolConfig { poolGranularity defaultPoolLimit }
    concurrencyLimits { limit }
    daemonHealth { allDaemonStatuses { daemonType required healthy } }
  }
  workspaceOrError {
    __typename
    ... on PythonError { message }
    ... on Workspace {
      locationEntries {
        name
        loadStatus
        locationOrLoadError {
          __typename
          ... on PythonError { message }
          ... on RepositoryLocation { repositories { assetNodes { ...Node } } }
        }
      }
    }
  }
}"""
    + _NODE
)

MESSAGE_CHARS_MAX = 200


@dataclass(frozen=True, slots=True)
class PublishedLoad:
    """The asset of a load, as its code location tells of it.

    Attributes:
        asset: its key, such as `crm/things_in_core`.
        texts: what it says, by label (`wiring.place`).
    """

    asset: str
    texts: Mapping[str, str]

    @property
    def name(self) -> str:
        """Name of the load."""
        return self.texts[LOAD]


@dataclass(frozen=True, slots=True)
class DagsterInstance:
    """One instance, as its webserver tells of it.

    Attributes:
        broken: why each code location is not loaded, by its name.
        assets: how many there are in the code locations that are.
        loads: those of them that load.
        silent: required daemons without a recent heartbeat.
        queues_runs: whether a run waits in a queue before it starts.
        pool_granularity: `run` or `op`.
        pool_limit: how many runs a pool lets go at once, at most; 0 if no pool is limited.
        storage: PostgreSQL, SQLite or "" if it does not tell.
        launcher: class of what carries out runs, without its module.
        launcher_config: as it stands in dagster.yaml, where a value may be ``{"env": NAME}``.
    """

    broken: Mapping[str, str]
    assets: int
    loads: Sequence[PublishedLoad]
    silent: Sequence[str]
    queues_runs: bool
    pool_granularity: str
    pool_limit: int
    storage: str
    launcher: str
    launcher_config: Mapping[str, Any]


def instance_in(answer: Mapping[str, Any]) -> DagsterInstance:
    """Read the answer to `INSTANCE`."""
    instance, workspace = answer["instance"], answer["workspaceOrError"]
    entries: Sequence[Mapping[str, Any]] = workspace.get("locationEntries") or ()
    daemons: Sequence[Mapping[str, Any]] = instance["daemonHealth"]["allDaemonStatuses"]
    pool: Mapping[str, Any] = instance.get("poolConfig") or {}
    found: dict[str, Mapping[str, Any]] = {
        str(entry["name"]): entry.get("locationOrLoadError") or _NOTHING for entry in entries
    }
    info = str(instance.get("info") or "")
    limits = [one.get("limit") for one in instance.get("concurrencyLimits") or ()]
    launcher = _launcher(info)
    nodes = [node for one in found.values() for node in _nodes(one)]
    broken = {name: _short(one) for name, one in found.items() if not _is_loaded(one)}
    return DagsterInstance(
        broken=broken if entries else {"workspace": _short(workspace)},
        assets=len(nodes),
        loads=loads_among(nodes),
        silent=[str(d["daemonType"]) for d in daemons if d["required"] and not d["healthy"]],
        queues_runs=bool(instance.get("runQueuingSupported")),
        pool_granularity=str(pool.get("poolGranularity") or "op"),
        pool_limit=max(limit or 0 for limit in (pool.get("defaultPoolLimit"), *limits)),
        storage=_storage(info),
        launcher=str(launcher.get("class") or ""),
        launcher_config=_mapping(launcher.get("config")),
    )


_NOTHING: Mapping[str, Any] = {}


def _is_loaded(location: Mapping[str, Any]) -> bool:
    return location.get("__typename") == "RepositoryLocation"


def _nodes(location: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return [node for repo in location.get("repositories") or () for node in repo["assetNodes"]]


def loads_among(nodes: Sequence[Mapping[str, Any]]) -> Sequence[PublishedLoad]:
    """Return the loads among assets, which are known by what they say and not by their keys."""
    found: list[PublishedLoad] = []
    for node in nodes:
        entries: Sequence[Mapping[str, str]] = node["metadataEntries"]
        texts = {entry["label"]: entry["text"] for entry in entries if "text" in entry}
        if LOAD in texts:
            found.append(PublishedLoad("/".join(node["assetKey"]["path"]), texts))
    return found


def _short(told: Mapping[str, Any]) -> str:
    message = str(told.get("message") or "it is still loading")
    return " ".join(message.split())[:MESSAGE_CHARS_MAX]


def _storage(info: str) -> str:
    """Tell the kind of storage by the names of its classes; the text may hold URLs."""
    kinds = {"Postgres": "PostgreSQL", "Sqlite": "SQLite"}
    return next((kind for name, kind in kinds.items() if name in info), "")


def _launcher(info: str) -> Mapping[str, Any]:
    """Return module, class and config of the run launcher; nothing if it is not told."""
    try:
        told: Any = yaml.safe_load(info)
    except yaml.YAMLError:
        return _NOTHING
    return _mapping(_mapping(told).get("run_launcher"))


def _mapping(told: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", told) if isinstance(told, dict) else _NOTHING
