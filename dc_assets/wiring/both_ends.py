"""Connects both ends of a spec, and compares the spec with them before a row is read."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

from dc_assets.core.errors import ConfigError
from dc_assets.core.spec import LoadSpec
from dc_assets.core.target_fields import TargetDescription
from dc_assets.databases.source import DatabaseSource
from dc_assets.files import FileSource
from dc_assets.ledger.guard import OrgGuard
from dc_assets.load.preflight.findings import Finding, refuse
from dc_assets.load.preflight.fit import Fit, fit
from dc_assets.load.spec_files import line_of, read_folder
from dc_assets.salesforce.data_cloud import DataCloudSource
from dc_assets.salesforce.describe import described_target
from dc_assets.salesforce.session import OrgSession
from dc_assets.salesforce.soql import SOQLTarget
from dc_assets.wiring.settings import database_url, loads_folder

OpenSource = FileSource | DatabaseSource | DataCloudSource


@dataclass(frozen=True, slots=True)
class OpenOrg:
    """Both ends of a spec, connected, and what of the spec does not fit them."""

    session: OrgSession
    guard: OrgGuard
    source: OpenSource
    target: SOQLTarget
    described: TargetDescription
    fit: Fit

    @property
    def parent_object(self) -> str:
        """The object whose records are locked with the rows."""
        spec = self.fit.spec
        return self.described.locked_by(spec.parent_target) or spec.target.object


def open_org(spec: LoadSpec, session: OrgSession, guard: OrgGuard, cleanup: ExitStack) -> OpenOrg:
    """Compare the spec with both ends before a row is read, if this is the org of its loads.

    Raises:
        WrongOrg: it is another one.
        SpecRefused: what is wrong lets nobody ask for rows.
    """
    guard.refuse_other()
    source = open_source(spec, session, cleanup)
    described = described_target(session, spec)
    target = SOQLTarget(session, spec)
    found = fit_placed(spec, described, source, target)
    refuse(found.findings, (one for one in found.findings if one.bars))
    return OpenOrg(session, guard, source, target, described, found)


def fit_placed(
    spec: LoadSpec,
    described: TargetDescription,
    source: OpenSource,
    target: SOQLTarget,
) -> Fit:
    """Compare a spec with both ends, and say where in its file each finding has its cause."""
    found = fit(spec, described, source, target)
    return replace(found, findings=_placed(found.findings, spec))


def _placed(findings: Sequence[Finding], spec: LoadSpec) -> Sequence[Finding]:
    """Say where in the spec's file each finding has its cause, if that is in the loads folder."""
    if not findings:
        return findings
    try:
        specs = read_folder(loads_folder()).specs
    except ConfigError:
        return findings
    files = (file for file, one in specs.items() if one.spec_hash == spec.spec_hash)
    file = next(files, None)
    if file is None:
        return findings
    return [
        replace(one, place=f"{file.name}, line {line_of(file, one.setting)}")
        if one.setting
        else one
        for one in findings
    ]


def open_source(spec: LoadSpec, session: OrgSession, cleanup: ExitStack) -> OpenSource:
    """Connect the source of a spec.

    Raises:
        ConfigError: a database is not as it must be, or does not prove how it orders keys.
    """
    if spec.source.files is not None:
        return FileSource(spec)
    if spec.source.sql is not None:
        return _open_database(spec, spec.source.sql.url, cleanup)
    tenant = session.tenant(spec.source.data_space)
    cleanup.enter_context(tenant.client)
    return DataCloudSource(tenant, spec)


def _open_database(spec: LoadSpec, url: str, cleanup: ExitStack) -> DatabaseSource:
    source = DatabaseSource(spec, database_url(url))
    cleanup.callback(source.close)
    source.prove()
    return source
