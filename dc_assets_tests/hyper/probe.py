"""Write the list of what Hyper knows: `python -m dc_assets_tests.hyper.probe`.

Each name is asked of the real engine, with arguments of each type. A form of a call stays on the
list when DuckDB, which answers for the emulated tenant, gives the same values for it.
"""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from dc_assets_tests.hyper.asked import (
    CONSTANT,
    CONSTANTS,
    FUNCTIONS_LEFT_OUT,
    MANY,
    MORE_OPERATORS,
    OPERATORS,
    PREFIXES_LEFT_OUT,
    RESULTS,
    SAMPLES,
    TYPE_NAMES,
    VOLATILE,
    WINDOWS,
    WRONG_WIDTH,
)
from dc_assets_tests.hyper.compare import Pair, same
from dc_assets_tests.hyper.engine import Answer, Hyper, Refusal, release
from dc_assets_tests.hyper.forms import CallForm, merged

BASES_MAX = 4
"""Forms of three arguments that are varied at each place."""

LIST = Path("dc_assets/emulator/engines/hyper/hyper.json")


def main() -> int:
    """Ask the engine and write the list."""
    with TemporaryDirectory() as folder, Hyper(Path(folder)) as hyper:
        fill(hyper)
        found = Probe(hyper).everything()
    LIST.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return 0


def call_of(name: str, width: int) -> str:
    """Return a call of a function with places for so many arguments."""
    over = ' OVER (ORDER BY t."integer")' if name in WINDOWS else ""
    return f"{name}({', '.join(['{}'] * width)}){over}"


def fill(hyper: Hyper) -> None:
    """Make a table with a column of each type; Hyper takes what is never null for another type."""
    columns = ", ".join(f'"{kind}" {declared(kind)}' for kind in SAMPLES)
    hyper.run(f"CREATE TEMP TABLE t ({columns})")
    for row in (dict.fromkeys(SAMPLES, "NULL"), {kind: SAMPLES[kind][0] for kind in SAMPLES}):
        cells = ", ".join(f"CAST({value} AS {declared(kind)})" for kind, value in row.items())
        hyper.run(f"INSERT INTO t VALUES ({cells})")


def declared(kind: str) -> str:
    """Return the type as a column is declared."""
    return "numeric(18,2)" if kind == "numeric" else kind


class Probe:
    """Asks one Hyper, and one DuckDB beside it, about forms of expressions."""

    def __init__(self, hyper: Hyper) -> None:
        self._hyper = hyper
        self._pair = Pair(hyper)

    def everything(self) -> dict[str, object]:
        """Return all that is on the list."""
        functions: dict[str, list[str]] = {}
        unlike: dict[str, list[str]] = {}
        for name in filter(self._is_known, self._names()):
            like, other = self._forms(name)
            if like:
                functions[name] = merged(like)
            if other or not like:
                unlike[name] = merged(other)
        return {
            "engine": f"Hyper of tableauhyperapi {release()}",
            "types": self._types(),
            **{name: merged(forms) for name, forms in self._casts().items()},
            "operators": {
                sign: merged(self._operator(sign)) for sign in (*OPERATORS, *MORE_OPERATORS)
            },
            "functions": functions,
            "unlike": unlike,
        }

    def _names(self) -> list[str]:
        answer = self._hyper.ask("SELECT DISTINCT proname::text FROM pg_catalog.pg_proc")
        assert isinstance(answer, Answer)
        names = {str(row[0]) for row in answer.rows} | {"greatest", "least", "coalesce", "nullif"}
        names |= {"substring", "trim"}
        return sorted(
            name
            for name in names
            if name not in FUNCTIONS_LEFT_OUT and not name.startswith(PREFIXES_LEFT_OUT)
        )

    def _is_known(self, name: str) -> bool:
        tried = (f"{name}()", f'{name}(t."integer")', f"{name}() OVER ()")
        return any(self._knows(call) for call in tried)

    def _knows(self, call: str) -> bool:
        answer = self._hyper.ask(f"SELECT {call} FROM t LIMIT 0")
        return isinstance(answer, Answer) or not (
            "does not exist" in answer.message or "got ')', expected one of: end" in answer.message
        )

    def _types(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for name in TYPE_NAMES:
            answer = self._hyper.ask(f"SELECT CAST(NULL AS {name}) FROM t LIMIT 0")
            if isinstance(answer, Answer):
                found[name] = named(answer.types[0])
        return found

    def _casts(self) -> dict[str, list[CallForm]]:
        """Return the casts Hyper carries out, by whether DuckDB gives the same values."""
        found: dict[str, list[CallForm]] = {"casts": [], "casts_unlike": []}
        for kind, target in itertools.product(SAMPLES, repeat=2):
            call = f"CAST({{}} AS {declared(target)})"
            if self.accepted(call, [kind]) is not None:
                # What a text becomes is for the text to say.
                is_like = kind == "text" or self._same(call, [kind])
                found["casts" if is_like else "casts_unlike"].append(((kind,), target))
        return found

    def _operator(self, sign: str) -> Iterator[CallForm]:
        for kinds in itertools.product((*SAMPLES, CONSTANT), repeat=2):
            result = self.accepted(f"{{}} {sign} {{}}", kinds)
            if result is not None:
                yield kinds, result

    def _forms(self, name: str) -> tuple[list[CallForm], list[CallForm]]:
        """Return the forms both engines answer alike, and the others."""
        like: list[CallForm] = []
        unlike: list[CallForm] = []
        for width in range(3 if name in MANY else 4):
            call = call_of(name, width)
            if not self._takes(call, width):
                continue
            for kinds in self._tried(call, width):
                result = self.accepted(call, kinds)
                if result is not None:
                    is_like = name in WINDOWS | VOLATILE or self._same(call, kinds)
                    (like if is_like else unlike).append((kinds, result))
        return like, unlike

    def _takes(self, call: str, width: int) -> bool:
        """Tell whether a function may take so many arguments."""
        for kind in ("text", "integer", "double precision", "boolean", "date"):
            arguments = [f't."{kind}"'] * width
            answer = self._hyper.ask(f"SELECT {call.format(*arguments)} FROM t LIMIT 0")
            if isinstance(answer, Answer) or WRONG_WIDTH.search(answer.message) is None:
                return True
        return False

    def _tried(self, call: str, width: int) -> Iterable[tuple[str, ...]]:
        kinds = (*SAMPLES, CONSTANT)
        if width <= 2:
            return itertools.product(kinds, repeat=width)
        # Not all of the many are asked: each place is tried beside what is known to fit.
        few = ("text", "integer", "numeric", "double precision", "date", "boolean", CONSTANT)
        bases = [b for b in itertools.product(few, repeat=width) if self.accepted(call, b)]
        fitting = [
            {k for k in kinds if any(self.accepted(call, _put(b, n, k)) for b in bases[:BASES_MAX])}
            for n in range(width)
        ]
        return itertools.product(*(sorted(place) for place in fitting))

    def accepted(self, call: str, kinds: Sequence[str]) -> str | None:
        """Return the type of a call's value, or None when no constant makes Hyper take it."""
        choices = [CONSTANTS if kind == CONSTANT else (f't."{kind}"',) for kind in kinds]
        for parts in itertools.product(*choices):
            result = self._result(call.format(*parts))
            if result is not None:
                return result
        return None

    def _result(self, expression: str) -> str | None:
        answer = self._hyper.ask(f"SELECT {expression} FROM t LIMIT 0")
        if isinstance(answer, Refusal):
            return None
        return named(answer.types[0])

    def _same(self, call: str, kinds: Sequence[str]) -> bool:
        choices = [
            CONSTANTS
            if kind == CONSTANT
            else tuple(f"CAST({value} AS {declared(kind)})" for value in SAMPLES[kind])
            for kind in kinds
        ]
        values = [call.format(*parts) for parts in itertools.product(*choices)]
        return same(self._pair, values)


def _put(kinds: tuple[str, ...], place: int, kind: str) -> tuple[str, ...]:
    return (*kinds[:place], kind, *kinds[place + 1 :])


def named(kind: str) -> str:
    """Return the SQL name of a type as the package names it; ``other`` for what we do not use."""
    short = kind.partition("(")[0].strip()
    name = RESULTS.get(short, short)
    return name if name in SAMPLES else "other"


if __name__ == "__main__":
    sys.exit(main())
