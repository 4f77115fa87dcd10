"""One load against both sides: objects, fields, the preflight, and each form of query."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dc_assets.core.errors import RejectedRequest, TransientRemoteError
from dc_assets.core.examination import Seen, not_asked, ok, red, warned
from dc_assets.databases.order import AWKWARD
from dc_assets.databases.source import DatabaseSource
from dc_assets.load.preflight.findings import Advice, Finding
from dc_assets.salesforce.data_cloud import DataCloudSource, query_api
from dc_assets.salesforce.describe import described_target
from dc_assets.salesforce.soql import SOQLTarget
from dc_assets.salesforce.soql_queries import soql_forms
from dc_assets.salesforce.source_queries import sql_forms
from dc_assets.wiring.both_ends import fit_placed, open_source
from dc_assets.wiring.doctor.subject import NOT_ASKED, Subject, opened


def target(subject: Subject) -> Iterator[Seen]:
    """Read the org's description of the target object and of the parents that columns name."""
    session, spec = opened(subject.seen.session), subject.spec
    described = described_target(session, spec)
    subject.seen.described, subject.seen.target = described, SOQLTarget(session, spec)
    parents = f"; parents: {', '.join(described.parents)}" if described.parents else ""
    yield ok(f"{spec.target.object}, {len(described.object.fields)} fields{parents}")


def source(subject: Subject) -> Iterator[Seen]:
    """Read which columns the source has."""
    spec = subject.spec
    found = open_source(spec, opened(subject.seen.session), subject.cleanup)
    subject.seen.source = found
    yield ok(f"{spec.source.place}, {len(found.columns())} columns")
    if isinstance(found, DatabaseSource):
        yield ok(f"{found.dialect} orders and tells apart {len(AWKWARD)} awkward keys by bytes")
        if found.note:
            yield warned(found.note, "Compare what lands with the database yourself, once.")


def preflight(subject: Subject) -> Iterator[Seen]:
    """Compare the spec with both sides, as each run does before it sends a row."""
    seen = subject.seen
    found = fit_placed(
        subject.spec, opened(seen.described), opened(seen.source), opened(seen.target)
    )
    told = [_told(one) for one in found.findings if one.advice is not Advice.GO]
    yield from told
    if not told:
        yield ok(f"{len(subject.spec.columns)} columns fit both sides")


def _told(finding: Finding) -> Seen:
    place = f"{finding.place}: " if finding.place else ""
    text = f"{place}{finding.reason}"
    if finding.advice is Advice.STOP:
        return red(text, finding.remedy)
    return warned(text, finding.remedy)


def source_forms(subject: Subject) -> Iterator[Seen]:
    """Ask the tenant each form of query of this load, for no rows."""
    spec = subject.spec
    if not isinstance(subject.seen.source, DataCloudSource):
        yield not_asked(NOT_ASKED)
        return
    api = query_api(subject.seen.tenants[spec.source.data_space].patient(), spec.source)
    bad, forms = list[str](), sql_forms(spec)
    for form in forms:
        try:
            api.types(form.of_nothing)
        except (RejectedRequest, TransientRemoteError) as error:
            bad.append(f"{form.name}: {error}")
    yield _of_forms(
        "SQL",
        len(forms),
        bad,
        "Send this to whoever keeps the tenant, and to us: no spec mends it.",
    )


def target_forms(subject: Subject) -> Iterator[Seen]:
    """Ask the org each form of query of this load, for no records."""
    org = opened(subject.seen.session).org.patient()
    bad, forms = list[str](), soql_forms(subject.spec, opened(subject.seen.described))
    for form in forms:
        try:
            org.call("GET", f"{org.api}/query", params={"q": form.text})
        except (RejectedRequest, TransientRemoteError) as error:
            bad.append(f"{form.name}: {error}")
    yield _of_forms(
        "SOQL", len(forms), bad, "Give the integration user read access to the fields it names."
    )


def _of_forms(kind: str, forms: int, bad: Sequence[str], remedy: str) -> Seen:
    if not bad:
        return ok(f"{forms} forms of {kind} answered with LIMIT 0")
    return red(f"{len(bad)} of {forms} forms of {kind} are refused; {bad[0]}", remedy)
