"""Opens the source of a spec that is yet to be written."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from dc_assets.core.first_spec.sides import SourcePlace, SourceSide
from dc_assets.core.spec import LoadSpec
from dc_assets.files import FileSource
from dc_assets.salesforce.data_cloud import DataCloudSource
from dc_assets.salesforce.metadata import described_source
from dc_assets.salesforce.session import OrgSession

Reader = FileSource | DataCloudSource


@dataclass(frozen=True, slots=True)
class FirstSource:
    """A source that is looked at before there is a spec."""

    side: SourceSide
    reader: Callable[[LoadSpec], Reader]

    def asked(self, key: str, *more: str, parent: str | None = None) -> Reader:
        """Return what answers questions about some columns."""
        return self.reader(self.side.asked_by(key, *more, parent=parent))


def open_first_source(place: SourcePlace, session: OrgSession, cleanup: ExitStack) -> FirstSource:
    """Connect a source and ask for its columns.

    Raises:
        ConfigError: it is not there, or our user may not see it.
    """
    if place.object is None:
        unseen = SourceSide(place, {})
        return FirstSource(
            SourceSide(place, FileSource(unseen.asked_by("key")).columns()), FileSource
        )
    tenant = session.tenant(place.data_space)
    cleanup.enter_context(tenant.client)
    found = described_source(tenant, place.object)
    side = SourceSide(place, found.kinds, found.primary_keys)
    return FirstSource(side, lambda spec: DataCloudSource(tenant, spec))
