"""The way into the Data Cloud tenant: its token, its host, its query services."""

from __future__ import annotations

from collections.abc import Iterator

from dc_assets.core.errors import RemoteError
from dc_assets.core.examination import Seen, not_asked, ok, red
from dc_assets.salesforce.data_chunks import ask_v3
from dc_assets.salesforce.data_pages import PagedQueries
from dc_assets.salesforce.http import Host
from dc_assets.salesforce.reach import reach
from dc_assets.wiring.doctor.subject import NOT_ASKED, Subject, opened

NOTHING = 'SELECT 1 AS "one" LIMIT 0'


def tenant_token(subject: Subject) -> Iterator[Seen]:
    """Exchange the org's token for one of each data space."""
    session = opened(subject.seen.session)
    if not subject.data_spaces:
        yield not_asked(NOT_ASKED)
    for space in subject.data_spaces:
        tenant = session.tenant(space)
        subject.cleanup.enter_context(tenant.client)
        subject.seen.tenants[space] = tenant
        yield ok(f"granted for the data space {space}, by {tenant.client.base_url.host}")


def tenant_host(subject: Subject) -> Iterator[Seen]:
    """Reach the tenant's host."""
    if not subject.seen.tenants:
        yield not_asked(NOT_ASKED)
    for url in dict.fromkeys(str(one.client.base_url) for one in subject.seen.tenants.values()):
        found = reach(url)
        yield ok(f"{found.host} answers ({found.way})")


def query_service(subject: Subject) -> Iterator[Seen]:
    """Ask each service for nothing: V2, by which rows are read, and V3."""
    if not subject.seen.tenants:
        yield not_asked(NOT_ASKED)
        return
    wanted = {one.source.api for one in subject.specs if one.source.is_data_cloud}
    for space, tenant in subject.seen.tenants.items():
        PagedQueries(tenant).types(NOTHING)
        yield ok(f"V2 answers in the data space {space}")
        yield _v3(tenant, space, is_wanted="v3" in wanted)


def _v3(tenant: Host, space: str, *, is_wanted: bool) -> Seen:
    """Tell whether V3 answers; without a spec that reads by it, it need not."""
    try:
        ask_v3(tenant, space)
    except RemoteError as error:
        if not is_wanted:
            return not_asked("V3 does not answer, and no spec reads by it")
        text = f"V3 does not answer: {error}"
        return red(text, "Let the spec read by V2: remove source.api.")
    return ok(f"V3 answers{'' if is_wanted else '; source.api: v3 would read by it'}")
