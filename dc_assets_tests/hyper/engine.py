"""A real Hyper in a process of its own: what it answers, and how it refuses."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any, Self

PACKAGE = "tableauhyperapi"


@dataclass(frozen=True, slots=True)
class Refusal:
    """What Hyper says of a query that it does not carry out."""

    sqlstate: str
    message: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The columns of an answer with their types, and its rows."""

    names: tuple[str, ...]
    types: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


class Hyper:
    """One engine with an empty database; used by one thread, ended with its block."""

    def __init__(self, folder: Path) -> None:
        # The package is an extra and brings no types: it is looked for when an engine is wanted.
        self._api: Any = import_module(PACKAGE)
        self._stack = ExitStack()
        process = self._api.HyperProcess(
            self._api.Telemetry.DO_NOT_SEND_USAGE_DATA_TO_TABLEAU, parameters={"log_config": ""}
        )
        endpoint = self._stack.enter_context(process).endpoint
        connection = self._api.Connection(
            endpoint, str(folder / "engine.hyper"), self._api.CreateMode.CREATE_AND_REPLACE
        )
        self._connection: Any = self._stack.enter_context(connection)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def run(self, sql: str) -> None:
        """Carry out a command that must succeed."""
        self._connection.execute_command(sql)

    def ask(self, sql: str) -> Answer | Refusal:
        """Ask a query."""
        try:
            with self._executed(sql) as result:
                columns = result.schema.columns
                return Answer(
                    tuple(str(column.name.unescaped) for column in columns),
                    tuple(str(column.type).lower() for column in columns),
                    tuple(tuple(row) for row in result),
                )
        except _Refused as error:
            return error.refusal
        except self._api.HyperException as error:
            # The rows failed, not the query; only the first call tells the SQLSTATE.
            return Refusal("", str(error.main_message))

    @contextmanager
    def _executed(self, sql: str) -> Generator[Any]:
        # The public call drops the SQLSTATE, so the function below it is called.
        hapi: Any = import_module(f"{PACKAGE}.impl.hapi")
        ffi: Any = import_module(f"{PACKAGE}.impl.dll").ffi
        util: Any = import_module(f"{PACKAGE}.impl.dllutil")
        found: Any = ffi.new("hyper_rowset_t**")
        failed: Any = hapi.hyper_execute_query(
            self._connection._cdata, util.InteropUtil.string_to_char_p(sql), found
        )
        if failed != ffi.NULL:
            error: Any = util.Error(failed)
            keys = (hapi.HYPER_ERROR_FIELD_SQL_STATE, hapi.HYPER_ERROR_FIELD_MESSAGE)
            pointers = [ffi.cast("char*", error.get_pointer_field(key)) for key in keys]
            # A message may end in the middle of a letter.
            raise _Refused(Refusal(*[ffi.string(one).decode(errors="replace") for one in pointers]))
        with self._api.Result(False, self._connection, found[0]) as result:
            yield result


class _Refused(Exception):
    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


def is_there() -> bool:
    """Tell whether the package with the engine is installed."""
    try:
        import_module(PACKAGE)
    except ImportError:
        return False
    return True


def release() -> str:
    """Return the version of the package that brings the engine."""
    return version(PACKAGE)
