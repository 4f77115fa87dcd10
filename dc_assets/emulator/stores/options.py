"""What a test may turn while the emulator runs: options, held calls, counts of calls."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields

PAGE_ROWS_MAX = 49_999

KINDS = (
    "token",
    "tenant_token",
    "data_cloud_query",
    "data_cloud_batch",
    "create",
    "upload",
    "close",
    "abort",
    "poll",
    "results",
    "delete",
    "list",
    "bulk_query",
    "soql",
    "record",
    "describe",
    "limits",
    "other",
)
"""Kinds of calls: each route has one; they can be counted and held."""


class OptionError(Exception):
    """An option that is not there or has a wrong value; the text is one sentence."""


EDITIONS: dict[str, dict[str, int]] = {
    "developer": {"api_requests_max": 15_000, "long_requests_max": 5},
    "enterprise": {"api_requests_max": 5_000_000, "long_requests_max": 25},
}
"""What an org allows by its edition: calls of a day, and long ones at once.

An enterprise org has 100,000 calls and some for each licence: this is one of 4,900 licences.
"""


@dataclass(slots=True)
class Options:
    """Switches of the admin route ``options``; the first values are those of a plain org."""

    edition: str = "developer"

    arrow: bool = True
    page_rows: int = PAGE_ROWS_MAX
    instance_url_scheme: bool = False
    decimal_as_text: bool = False
    job_delay_s: float = 0.0
    api_requests_max: int = EDITIONS["developer"]["api_requests_max"]
    long_requests_max: int = EDITIONS["developer"]["long_requests_max"]
    long_request_s: float = 20.0
    """Seconds of the machine after which a call that is not answered counts as long."""
    daily_batches_max: int = 15_000

    is_my_domain: bool = True
    """False: the address answers logins as login.salesforce.com does."""
    client_credentials_flow: bool = True
    run_as_user: bool = True
    pre_authorized: bool = True
    """Of the app: its flow, who it runs as, and whether its user may use it by JWT."""
    user_active: bool = True
    scopes: str = "cdp_query_api api"
    """Of the app, with blanks between."""
    api_enabled: bool = True
    """Of the user: whether the APIs let him in."""
    core_token_s: float = 0.0
    """Seconds after which a session of the org ends; 0: it does not."""
    tenant_token_s: float = 7200.0

    def __post_init__(self) -> None:
        """Take the limits of the edition."""
        self.change({"edition": self.edition})

    def restore(self) -> None:
        """Set all options but the edition to their first values."""
        edition = self.edition
        for entry in fields(self):
            setattr(self, entry.name, entry.default)
        self.change({"edition": edition})

    def has_scope(self, name: str) -> bool:
        """Whether the app was granted a scope."""
        return bool({name, "full"} & set(self.scopes.split()))

    def change(self, values: Mapping[str, object]) -> None:
        """Set the named options.

        Raises:
            OptionError: a name is unknown or a value is of another type; nothing is changed then.
        """
        known = {entry.name: str(entry.type) for entry in fields(self)}
        for name, value in values.items():
            wanted = known.get(name)
            if wanted is None:
                raise OptionError(f"There is no option {name}.")
            given = type(value).__name__
            if given != wanted and (given, wanted) != ("int", "float"):
                raise OptionError(f"The option {name} takes a {wanted}.")
        edition = values.get("edition")
        if edition is not None and edition not in EDITIONS:
            raise OptionError(f"The option edition takes one of: {', '.join(EDITIONS)}.")
        for name, value in (EDITIONS.get(str(edition), {}) | dict(values)).items():
            setattr(self, name, value)
        self.page_rows = max(1, min(self.page_rows, PAGE_ROWS_MAX))


class Gate:
    """Holds calls of a kind, before or after their work, until they are released."""

    def __init__(self) -> None:
        self._held: dict[tuple[str, str], asyncio.Event] = {}
        self._waiting: Counter[str] = Counter()

    async def wait(self, kind: str, when: str) -> None:
        """Return at once, or when the kind is released."""
        event = self._held.get((kind, when))
        if event is None:
            return
        self._waiting[kind] += 1
        try:
            await event.wait()
        finally:
            self._waiting[kind] -= 1

    def hold(self, kind: str, when: str) -> None:
        """From now on calls of the kind wait.

        Raises:
            OptionError: no such kind, or `when` is neither ``before`` nor ``after``.
        """
        if kind not in KINDS or when not in {"before", "after"}:
            raise OptionError(f"Calls can be held before or after one of: {', '.join(KINDS)}.")
        self._held.setdefault((kind, when), asyncio.Event())

    def release(self, kind: str | None) -> None:
        """Let the calls of the kind go on, or all calls."""
        for key in [key for key in self._held if kind in {None, key[0]}]:
            self._held.pop(key).set()

    def state(self) -> dict[str, object]:
        """What is held, and how many calls wait by kind."""
        held = [{"kind": kind, "when": when} for kind, when in sorted(self._held)]
        return {"held": held, "waiting": {k: n for k, n in self._waiting.items() if n}}


class Calls:
    """Counts of calls by kind, and the day's total that the limits show."""

    def __init__(self) -> None:
        self.by_kind: Counter[str] = Counter()
        self.first_s: dict[str, float] = {}
        self.last_s: dict[str, float] = {}
        """Seconds of the org's clock at which the first and the last call of a kind came."""
        self.api_total = 0
        self._begun_s: dict[int, float] = {}
        self._number = 0

    @contextmanager
    def at_work(self, now_s: float) -> Generator[None]:
        """Know of a call while it is answered; `now_s` is the machine's."""
        self._number += 1
        number = self._number
        self._begun_s[number] = now_s
        try:
            yield
        finally:
            del self._begun_s[number]

    def begun_before(self, at_s: float) -> int:
        """Calls at work that came at that second of the machine or earlier."""
        return sum(begun_s <= at_s for begun_s in self._begun_s.values())

    def add(self, kind: str, at_s: float, *, counts_as_api: bool) -> None:
        """Count one call."""
        self.first_s.setdefault(kind, at_s)
        self.last_s[kind] = at_s
        self.by_kind[kind] += 1
        self.api_total += counts_as_api

    def clear(self) -> None:
        """Start at zero again."""
        for counts in (self.by_kind, self.first_s, self.last_s):
            counts.clear()
        self.api_total = 0
