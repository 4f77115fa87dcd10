"""The results of a real Hyper by chunks, over the gRPC service that Query API V3 is a skin of.

No description of the service is needed: a message is its field numbers. Source: the service
`salesforce.hyperdb.grpc.v1.HyperService`, as Salesforce's JDBC driver speaks it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from dc_assets_tests.hyper.engine import PACKAGE

SERVICE = "/salesforce.hyperdb.grpc.v1.HyperService"
ARROW_IPC, ASYNC, ADAPTIVE = 5, 1, 3
MESSAGE_BYTES_MAX = 64 * 1024 * 1024
TEXT, BYTES, NUMBER, CHOICE, TRUTH = 9, 12, 4, 5, 8
"""Kinds of fields, as descriptor.proto numbers them."""

MESSAGES: Mapping[str, Mapping[str, tuple[int, int | str]]] = {
    "Query": {"sql": (1, TEXT), "form": (3, CHOICE), "mode": (5, CHOICE)},
    "Part": {"data": (127, BYTES)},
    "Result": {"part": (1, "Part")},
    "Status": {
        "query_id": (1, TEXT),
        "completion": (2, CHOICE),
        "chunks": (3, NUMBER),
        "rows": (4, NUMBER),
    },
    "Info": {"status": (1, "Status")},
    "Answer": {"info": (6, "Info"), "result": (7, "Result")},
    "AskInfo": {"query_id": (1, TEXT), "streams": (2, TRUTH), "form": (3, CHOICE)},
    "AskChunk": {"query_id": (1, TEXT), "form": (2, CHOICE), "chunk": (3, NUMBER)},
}
SENT_AT_ZERO = ("AskChunk", "chunk")
"""A field whose 0 is a value and not its absence."""

SETTINGS = {
    "listen_connection": "tcp.grpc://127.0.0.1:auto",
    "log_config": "",
    "grpc_persist_results": "true",
    "grpc_threads": "2",
    "grpc_service_roles": '{"default": {"user": "tableau_internal_user", "authorizations": []}}',
}


def _classes() -> Mapping[str, Any]:
    """Return a class of each message."""
    file: Any = descriptor_pb2.FileDescriptorProto(name="h.proto", package="h", syntax="proto3")
    for name, fields in MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, (number, kind) in fields.items():
            is_message = isinstance(kind, str)
            made = message.field.add(name=field, number=number, label=1)
            made.type = 11 if is_message else kind
            if is_message:
                made.type_name = f".h.{kind}"
            if (name, field) == SENT_AT_ZERO:
                message.oneof_decl.add(name="what")
                made.oneof_index = 0
    pool: Any = descriptor_pool.DescriptorPool()
    pool.Add(file)
    find = pool.FindMessageTypeByName
    return {name: message_factory.GetMessageClass(find(f"h.{name}")) for name in MESSAGES}


@dataclass(frozen=True, slots=True)
class Told:
    """The last status of a query, and the bytes that came with it."""

    query_id: str
    completion: int
    chunks: int
    rows: int
    content: bytes


class ChunkedHyper:
    """An engine that keeps its results."""

    def __init__(self, port: int) -> None:
        self._classes = _classes()
        bounds = [("grpc.max_receive_message_length", MESSAGE_BYTES_MAX)]
        self._channel: Any = grpc.insecure_channel(f"127.0.0.1:{port}", options=bounds)

    def submitted(self, sql: str, mode: int) -> Told:
        """Send a query, and read its answer to the end."""
        question = self._classes["Query"](sql=sql, form=ARROW_IPC, mode=mode)
        return self._told(self._call("ExecuteQuery", question, "Answer"))

    def ended(self, query_id: str) -> Told:
        """Wait until a query has all its rows."""
        question = self._classes["AskInfo"](query_id=query_id, streams=True, form=ARROW_IPC)
        infos = self._call("GetQueryInfo", question, "Info", query_id)
        return self._told(self._classes["Answer"](info=info) for info in infos)

    def chunk(self, query_id: str, number: int) -> bytes:
        """Read one chunk as a stream of Arrow."""
        question = self._classes["AskChunk"](query_id=query_id, form=ARROW_IPC, chunk=number)
        results = self._call("GetQueryResult", question, "Result", query_id)
        return b"".join(result.part.data for result in results)

    def close(self) -> None:
        """Hang up."""
        self._channel.close()

    def _call(self, method: str, question: Any, answer: str, query_id: str = "") -> Iterator[Any]:  # noqa: ANN401
        call: Callable[..., Iterator[Any]] = self._channel.unary_stream(
            f"{SERVICE}/{method}",
            request_serializer=type(question).SerializeToString,
            response_deserializer=self._classes[answer].FromString,
        )
        return call(question, metadata=[("x-hyperdb-query-id", query_id)] if query_id else [])

    def _told(self, answers: Iterator[Any]) -> Told:
        status, content = self._classes["Status"](), b""
        for answer in answers:
            if answer.HasField("info") and answer.info.HasField("status"):
                status = answer.info.status
            content += answer.result.part.data
        return Told(status.query_id, status.completion, status.chunks, status.rows, content)


@contextmanager
def chunked_hyper() -> Generator[ChunkedHyper]:
    """Run an engine without a database until the end of the block."""
    api: Any = import_module(PACKAGE)
    silent = api.Telemetry.DO_NOT_SEND_USAGE_DATA_TO_TABLEAU
    with api.HyperProcess(silent, parameters=SETTINGS) as process:
        hyper = ChunkedHyper(int(str(process.endpoint).rpartition(":")[2]))
        try:
            yield hyper
        finally:
            hyper.close()
