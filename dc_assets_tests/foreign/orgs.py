"""The emulated org of a module of tests, and the values that go through its clients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dc_assets_tests.emulator.driver import Client, Emulator

Untyped = Any
"""A client, or an answer of it, without types of its own."""

ACCOUNTS = 4_500
"""More than two pages of SOQL."""

SOURCE_ROWS = 3_000
"""Rows of the tenant."""

AWKWARD = {
    "plain": "Plain",
    "comma": "a,b;c|d",
    "quotes": 'say "hi", ""',
    "lines": "first\nsecond",
    "unicode": "Zoë 👩‍👩‍👧 \u2028 日本",
    "blanks": "  both sides  ",
    "formula": "=1+1",
    "backslash": "a\\n",
    "words": "null",
}
"""Texts that have to come back as they went out, by key."""

UNKNOWN_PARENT = "no such account"


def rows() -> list[dict[str, Any]]:
    """Records to upsert: all awkward texts, then one that names a parent there is not."""
    right = [row(key, text) for key, text in AWKWARD.items()]
    return [*right, row("orphan", "Orphan") | {"Account.External_ID__c": UNKNOWN_PARENT}]


def row(key: str, text: str) -> dict[str, Any]:
    """A record with an awkward text."""
    return {
        "External_ID__c": f"f-{key}",
        "Name": f"Opp {key}",
        "StageName": "Prospecting",
        "CloseDate": "2026-03-31",
        "Amount": "912260031.5",
        "Description": text,
        "Account.External_ID__c": "acc0000001",
    }


@dataclass(frozen=True)
class Org:
    """A running emulator with accounts in it, and a client of ours that looks inside."""

    emulator: Emulator
    inside: Client

    @property
    def url(self) -> str:
        """Where the org is."""
        return self.emulator.ready["base_url"]

    @property
    def ready(self) -> dict[str, str]:
        """What its ready file says."""
        return self.emulator.ready

    def token(self) -> str:
        """A session of its own, which a client may revoke."""
        form = {
            "grant_type": "client_credentials",
            "client_id": self.ready["client_id"],
            "client_secret": self.ready["client_secret"],
        }
        answer = self.inside.root.post("/services/oauth2/token", data=form)
        return str(answer.json()["access_token"])

    def begin(self) -> None:
        """Forget the opportunities and jobs of the test before; the accounts stay."""
        sql = "DELETE FROM Opportunity"
        assert self.inside.admin.post("/sql", json={"store": "core", "sql": sql}).is_success

    def descriptions(self) -> dict[str, str]:
        """What arrived: descriptions by key, without the prefix."""
        found = self.inside.soql("SELECT External_ID__c, Description FROM Opportunity")
        records = found["records"]
        return {one["External_ID__c"].removeprefix("f-"): one["Description"] for one in records}
