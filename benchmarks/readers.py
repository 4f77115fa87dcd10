"""The sides of `benchmarks.read`: each reads all rows of an emulated tenant to Parquet.

The bare loops are near the least code that does it: no check, no retry, no bound of memory.
"""

from __future__ import annotations

import base64
import io
import json
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
import polars as pl

from dc_assets.core.lanes import WINDOW_DEFAULT, LaneMap
from dc_assets.core.phases import Phase
from dc_assets.core.ranges import EVERYTHING
from dc_assets.core.run_events import unheard
from dc_assets.core.source_spec import QueryAPIName
from dc_assets.core.spec import LoadSpec
from dc_assets.load.extract import extract
from dc_assets.load.ports import RangeRun
from dc_assets.load.store import Plan, RangeTicket
from dc_assets.salesforce.credentials import ClientCredentials, Login
from dc_assets.salesforce.source_queries import SourceQueries
from dc_assets.wiring.connect import open_load
from dc_assets_tests.proof.world import data_folder_is

ARROW = "application/vnd.apache.arrow.stream"
EXCHANGE = {
    "grant_type": "urn:salesforce:grant-type:external:cdp",
    "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
}
IDS = ("client_id", "client_secret")


@dataclass(frozen=True)
class Task:
    """What a side has to read, and where it may write."""

    ready: Mapping[str, str]
    spec: LoadSpec
    folder: Path

    @property
    def query(self) -> str:
        """The query of the product, which all sides ask."""
        return SourceQueries(self.spec).rows(EVERYTHING)

    def page(self, number: int) -> Path:
        """Return the file of a page."""
        return self.folder / f"{number:06d}.parquet"


Read = Callable[[], int]
"""Reads all rows; what it needs is imported and signed in before."""


@contextmanager
def org_of(ready: Mapping[str, str]) -> Generator[httpx.Client]:
    """Sign in to the org."""
    base = ready["base_url"]
    form = {"grant_type": "client_credentials", **{name: ready[name] for name in IDS}}
    token = httpx.post(f"{base}/services/oauth2/token", data=form).json()["access_token"]
    with _client(base, token) as client:
        yield client


@contextmanager
def tenant_of(ready: Mapping[str, str]) -> Generator[httpx.Client]:
    """Sign in to the org and exchange its token for one of the tenant."""
    with org_of(ready) as org:
        token = org.headers["Authorization"].removeprefix("Bearer ")
        found = org.post("/services/a360/token", data={**EXCHANGE, "subject_token": token}).json()
    url = found["instance_url"]
    with _client(url if "://" in url else f"http://{url}", found["access_token"]) as client:
        yield client


def _client(base: str, token: str) -> httpx.Client:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.Client(base_url=base, headers=headers, timeout=600)


@contextmanager
def bare_v3(task: Task) -> Generator[Read]:
    """Read the chunks of Query API V3 as they come."""

    def read() -> int:
        asked = {"sql": task.query, "transferMode": "ASYNC"}
        begun = client.post("/api/v3/query", json=asked, headers={"Accept": ARROW})
        path = f"/api/v3/query/{json.loads(begun.headers['x-hyperdb-status'])['queryId']}"
        status = client.get(path, params={"waitTimeMs": "10000"}).json()
        for number in range(status["chunkCount"]):
            chunk = client.get(f"{path}/chunks/{number}", headers={"Accept": ARROW})
            pl.read_ipc_stream(io.BytesIO(chunk.content)).write_parquet(task.page(number))
        return int(status["rowCount"])

    with tenant_of(task.ready) as client:
        yield read


@contextmanager
def bare_v2(task: Task, *, is_arrow: bool) -> Generator[Read]:
    """Read the pages of Query API V2, which have a stream in base64 or rows of JSON."""

    def read() -> int:
        rows = 0
        for number, page in enumerate(v2_pages(client, task.query)):
            frame = unpacked(page) if is_arrow else _framed(page)
            frame.write_parquet(task.page(number))
            rows += frame.height
        return rows

    with tenant_of(task.ready) as client:
        client.headers["enable-arrow-stream"] = str(is_arrow).lower()
        yield read


def v2_pages(client: httpx.Client, query: str) -> Iterator[Mapping[str, Any]]:
    """Yield the pages of a query."""
    page = client.post("/api/v2/query", json={"sql": query}).json()
    yield page
    while not page["done"]:
        page = client.get(f"/api/v2/query/{page['nextBatchId']}").json()
        yield page


def unpacked(page: Mapping[str, Any]) -> pl.DataFrame:
    """Return the rows of a page with a stream."""
    return pl.read_ipc_stream(io.BytesIO(base64.b64decode(page["arrowStream"])))


def _framed(page: Mapping[str, Any]) -> pl.DataFrame:
    places = page["metadata"]
    names = sorted(places, key=lambda name: places[name]["placeInOrder"])
    return pl.DataFrame(page["data"], schema=dict.fromkeys(names, pl.String), orient="row")


@contextmanager
def connector(task: Task) -> Generator[Read]:
    """Let Salesforce's own client make a frame of pandas; it asks V2 for Arrow."""
    requests: Any = import_module("requests")
    made = import_module("salesforcecdpconnector.connection").SalesforceCDPConnection(
        task.ready["base_url"], **{name: task.ready[name] for name in IDS}
    )
    for name in ("pandas", "pyarrow.parquet"):
        import_module(name)

    class Plain(requests.adapters.HTTPAdapter):  # it speaks https alone, which costs CPU
        def send(self, request: Any, **options: Any) -> Any:  # noqa: ANN401 - of requests
            """Send it to the same place without TLS."""
            request.url = request.url.replace("https://", "http://", 1)
            base: Any = super()
            return base.send(request, **options)

    submitter = import_module("salesforcecdpconnector.query_submitter").QuerySubmitter
    submitter.session.mount("https://", Plain())

    def read() -> int:
        frame = made.get_pandas_dataframe(task.query)
        frame.to_parquet(task.page(0))
        return len(frame)

    yield read


@contextmanager
def ours(task: Task, *, api: QueryAPIName) -> Generator[Read]:
    """Extract a partition as a load does: canonical, in lanes, flushed, counted at both ends."""
    source = task.spec.source.model_copy(update={"api": api})
    spec = task.spec.model_copy(update={"source": source})
    login = Login(ClientCredentials(*(task.ready[name] for name in ("base_url", *IDS))))
    with data_folder_is(task.folder), open_load(spec, login, run_id="read", note=unheard) as load:
        (key,) = spec.ranges
        ticket = RangeTicket("load", key, fence=1, phase=Phase.READING)
        plan = Plan(LaneMap(2 * WINDOW_DEFAULT), WINDOW_DEFAULT, rows=0)
        yield partial(extract, RangeRun(load.stored, ticket, plan, load.ports))


SIDES: Mapping[str, Callable[[Task], AbstractContextManager[Read]]] = {
    "bare loop V3": bare_v3,
    "dc_assets V3": partial(ours, api="v3"),
    "bare loop V2 Arrow": partial(bare_v2, is_arrow=True),
    "dc_assets V2 Arrow": partial(ours, api="v2"),
    "bare loop V2 JSON": partial(bare_v2, is_arrow=False),
    "dc_assets V2 JSON": partial(ours, api="v2"),
    "cdp-connector": connector,
}
"""Who reads; to those of JSON the tenant gives no Arrow."""


def measured(side: str, task: Task) -> tuple[int, float]:
    """Return the rows that a side reads, and the CPU seconds of this process that it takes."""
    with SIDES[side](task) as read:
        before_s = time.process_time()
        rows = read()
        return rows, time.process_time() - before_s
