"""Every examination in the order in which a row goes its way, and what each waits for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from dc_assets.core.examination import Seen
from dc_assets.wiring.doctor import dagster, here, load, org, tenant
from dc_assets.wiring.doctor.subject import Subject

LIMIT_S = 30.0
LONG_S = 120.0
"""Of what asks many queries; Data Cloud may think for seconds over each."""


@dataclass(frozen=True, slots=True)
class Examination:
    """One examination.

    Attributes:
        area: its name in every line.
        examine: yields what it sees; an error of ours that it raises is a red line.
        needs: areas that must not be red before it is asked.
        limit_s: how long it may take.
        of_load: whether it is about one load, and asked only with one.
    """

    area: str
    examine: Callable[[Subject], Iterable[Seen]]
    needs: tuple[str, ...] = ()
    limit_s: float = LIMIT_S
    of_load: bool = False


SETTINGS, SPECS, CREDENTIAL = "settings", "load specs", "credential"
LOGIN_HOST, CLOCK, SIGN_IN = "login host", "clock", "sign-in"
API_SCOPE, DATA_CLOUD_SCOPE = "scope api", "scope cdp_query_api"
API_VERSION, API_ACCESS, ORG = "API version", "API access", "org"
PERMISSIONS, LIMITS, BULK_API = "permissions", "limits", "Bulk API"
DATA_SPACE, TENANT_TOKEN, TENANT_HOST = "data space", "tenant token", "tenant host"
QUERY_SERVICE, SOURCE, TARGET, PREFLIGHT = "query service", "source", "target", "preflight"
SQL_FORMS, SOQL_FORMS = "SQL", "SOQL"
FOLDER, LEDGER, PINNED_ORG, DAGSTER = "data folder", "ledger", "org of the load", "Dagster"

EXAMINATIONS: Sequence[Examination] = (
    Examination(SETTINGS, here.settings),
    Examination(SPECS, here.specs, (SETTINGS,)),
    Examination(CREDENTIAL, here.credential, (SETTINGS,)),
    Examination(LOGIN_HOST, org.login_host, (CREDENTIAL,)),
    Examination(CLOCK, org.clock, (LOGIN_HOST,)),
    Examination(SIGN_IN, org.sign_in, (LOGIN_HOST, CLOCK)),
    Examination(API_SCOPE, org.api_scope, (SIGN_IN,)),
    Examination(DATA_CLOUD_SCOPE, org.data_cloud_scope, (SIGN_IN,)),
    Examination(API_VERSION, org.api_version, (SIGN_IN,)),
    Examination(API_ACCESS, org.api_access, (API_SCOPE, API_VERSION)),
    Examination(ORG, org.org, (API_ACCESS,)),
    Examination(PERMISSIONS, org.permissions, (API_ACCESS,)),
    Examination(LIMITS, org.limits, (API_ACCESS,)),
    Examination(BULK_API, org.bulk_api, (API_ACCESS,)),
    Examination(DATA_SPACE, org.data_space, (API_ACCESS,)),
    Examination(TENANT_TOKEN, tenant.tenant_token, (DATA_CLOUD_SCOPE, DATA_SPACE)),
    Examination(TENANT_HOST, tenant.tenant_host, (TENANT_TOKEN,)),
    Examination(QUERY_SERVICE, tenant.query_service, (TENANT_HOST,)),
    Examination(SOURCE, load.source, (QUERY_SERVICE,), of_load=True),
    Examination(TARGET, load.target, (API_ACCESS,), of_load=True),
    Examination(PREFLIGHT, load.preflight, (SOURCE, TARGET), of_load=True),
    Examination(SQL_FORMS, load.source_forms, (PREFLIGHT,), LONG_S, of_load=True),
    Examination(SOQL_FORMS, load.target_forms, (PREFLIGHT,), LONG_S, of_load=True),
    Examination(FOLDER, here.folder, (SETTINGS,)),
    Examination(LEDGER, here.ledger, (SETTINGS,)),
    Examination(PINNED_ORG, here.pinned_org, (ORG, LEDGER)),
    Examination(DAGSTER, dagster.dagster, (SETTINGS,)),
)
