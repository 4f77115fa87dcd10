"""Set-ups of which one thing is broken, and the area of `dc-assets doctor` that is red for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dc_assets.wiring.doctor.table import EXAMINATIONS

Fields = Mapping[str, Any]
NOBODY = "http://127.0.0.1:1"
SECRET = "s3cret-of-nobody"


@dataclass(frozen=True)
class Broken:
    """One broken thing.

    Attributes:
        area: the one that is red.
        says: parts of what is seen and of the remedy.
        settings: variables that are changed; None leaves one out, ``{org}`` is host and port.
        options: of the emulated org.
        faults: of the emulated org.
        profile: of the org's user.
        spec: parts of the load spec that are changed.
        file: that is written beside the load spec.
    """

    name: str
    area: str
    says: Sequence[str]
    settings: Mapping[str, str | None] = field(default_factory=dict[str, str | None])
    options: Fields = field(default_factory=dict[str, Any])
    faults: Sequence[Fields] = ()
    profile: Fields = field(default_factory=dict[str, Any])
    spec: Fields = field(default_factory=dict[str, Any])
    file: str = ""

    @property
    def arguments(self) -> Sequence[str]:
        """The load, where its own examinations matter: they ask many queries."""
        return ["opportunities"] if self.area in OF_LOAD else []


OF_LOAD = {one.area for one in EXAMINATIONS if one.of_load}


def refusing(kind: str, status: int, *, after: int = 0, times: int = 1) -> Fields:
    """Return a fault: some calls of a kind are refused."""
    return {"what": "status", "status": status, "calls": [kind], "after": after, "times": times}


JWT = {
    "SF_CLIENT_SECRET": None,
    "SF_USERNAME": "integration@emulator.invalid",
    "SF_PRIVATE_KEY": SECRET,
}

BROKEN = (
    Broken(
        "a setting of another kind",
        "settings",
        ["DC_ASSETS_LEASE_S"],
        {"DC_ASSETS_LEASE_S": "soon"},
    ),
    Broken("no secret", "credential", ["SF_CLIENT_SECRET is not set"], {"SF_CLIENT_SECRET": None}),
    Broken("two ways to sign in", "credential", ["SF_CLI_ORG", "Unset"], {"SF_CLI_ORG": "mine"}),
    Broken(
        "a host of somebody else",
        "credential",
        ["no host of Salesforce", "DC_ASSETS_ALLOWED_HOSTS"],
        {"SF_LOGIN_URL": "https://acme.example.com"},
    ),
    Broken(
        "nobody listens",
        "login host",
        ["takes no connection", "firewall"],
        {"SF_LOGIN_URL": NOBODY},
    ),
    Broken("no TLS", "login host", ["does not speak HTTP"], {"SF_LOGIN_URL": "https://{org}"}),
    Broken(
        "a proxy that is not there",
        "login host",
        ["127.0.0.1:1 ", "takes no connection"],
        {"SF_LOGIN_URL": "https://acme.my.salesforce.com", "HTTPS_PROXY": NOBODY, "NO_PROXY": None},
    ),
    Broken(
        "a clock that is an hour late",
        "clock",
        ["behind the org's", "NTP"],
        JWT,
        faults=[{"what": "clock_skew", "seconds": 3600.0}],
    ),
    Broken("a wrong secret", "sign-in", ["Correct SF_CLIENT_SECRET"], {"SF_CLIENT_SECRET": SECRET}),
    Broken(
        "a user that is inactive", "sign-in", ["activate the user"], options={"user_active": False}
    ),
    Broken(
        "no scope api",
        "scope api",
        ["has the scopes cdp_query_api.", "Manage user data via APIs (api)"],
        options={"scopes": "cdp_query_api"},
    ),
    Broken(
        "no scope of Data Cloud",
        "scope cdp_query_api",
        ["has the scopes api.", "(cdp_query_api)"],
        options={"scopes": "api"},
    ),
    Broken(
        "a version of the future", "API version", ["SF_API_VERSION"], {"SF_API_VERSION": "99.0"}
    ),
    Broken("no API Enabled", "API access", ["API Enabled"], options={"api_enabled": False}),
    Broken(
        "a day that is used up",
        "limits",
        ["ingest batches", "24 hours"],
        options={"daily_batches_max": 0},
    ),
    Broken("no Bulk API", "Bulk API", ["403"], faults=[refusing("list", 403, times=9)]),
    Broken(
        "no data space",
        "data space",
        ["no data space sales; it sees default.", "Data Spaces"],
        spec={"source": {"data_space": "sales"}},
    ),
    Broken(
        "no exchange",
        "tenant token",
        ["does not let us in"],
        faults=[refusing("tenant_token", 400, times=9)],
    ),
    Broken(
        "no queries",
        "query service",
        ["scope cdp_query_api"],
        faults=[refusing("data_cloud_query", 403, times=2)],
    ),
    Broken(
        "a source that is not there",
        "source",
        ["Did you mean ExtOpportunities__dlm?"],
        spec={"source": {"object": "ExtOpportunity__dlm"}},
    ),
    Broken(
        "a target that is not there",
        "target",
        ["did you mean Opportunity?"],
        spec={"target": {"object": "Opportunities"}},
    ),
    Broken(
        "a user that may create nothing",
        "preflight",
        ["may not create records of Opportunity", "Object Settings > Opportunity"],
        profile={"Opportunity": {"denied": ["create"]}},
    ),
    Broken(
        "a field that is read-only",
        "preflight",
        ["may not write Opportunity.Description", "field-level security"],
        profile={"Opportunity": {"read_only": ["Description"]}},
    ),
    Broken(
        "one form of SQL",
        "SQL",
        ["1 of 26 forms"],
        faults=[refusing("data_cloud_query", 400, after=9)],
    ),
    Broken(
        "one form of SOQL",
        "SOQL",
        ["1 of 5 forms", "count"],
        faults=[refusing("soql", 400, after=3)],
    ),
    Broken(
        "no folder",
        "data folder",
        ["/dev/null is no folder", "DC_ASSETS_DATA"],
        {"DC_ASSETS_DATA": "/dev/null/data"},
    ),
    Broken(
        "no ledger",
        "ledger",
        ["postgresql://127.0.0.1:1/books", "database server"],
        {"DC_ASSETS_LEDGER_URL": f"postgresql://me:{SECRET}@127.0.0.1:1/books"},
    ),
    Broken(
        "another org",
        "org of the load",
        ["names the org 00D000000000001EAA", "Check the login"],
        {"DC_ASSETS_LEDGER_URL": "sqlite:///{folder}/ours.db"},
        spec={"target": {"org_id": "00D000000000001EAA"}},
    ),
    Broken(
        "a ledger of tomorrow",
        "ledger",
        ["schema version 99", "newer dc-assets"],
        {"DC_ASSETS_LEDGER_URL": "sqlite:///{folder}/tomorrow.db"},
    ),
    Broken(
        "no Dagster",
        "Dagster",
        ["No webserver", "dc-assets dev"],
        {"DC_ASSETS_DAGSTER_URL": NOBODY},
    ),
    Broken("a file that is no spec", "load specs", ["broken.yaml"], file="broken.yaml"),
)
