"""Opens the source of a spec that is yet to be written."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from dc_assets.core.errors import ConfigError
from dc_assets.core.first_spec.sides import SourcePlace, SourceSide
from dc_assets.core.spec import DEFAULT_DATA_SPACE, LoadSpec
from dc_assets.files import FileSource
from dc_assets.salesforce.data_cloud import DataCloudSource
from dc_assets.salesforce.metadata import described_source
from dc_assets.salesforce.session import OrgSession

Reader = FileSource | DataCloudSource


OBJECT_OF_DATA_CLOUD = re.compile(r"\w+__(?:dlm|dll|cio)", re.IGNORECASE)
NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


def refuse_other_than_name(name: str) -> None:
    """Refuse what cannot be the name of a load.

    Raises:
        ConfigError: it cannot.
    """
    if not NAME.fullmatch(name):
        raise ConfigError(
            f"{name!r} is no name for a load: lower-case letters, digits and _, at most 40."
        )


def place_of(source: str, data_space: str) -> SourcePlace:
    """Return the source that a person names in one word: an object of Data Cloud, or files.

    Raises:
        ConfigError: it is neither.
    """
    if OBJECT_OF_DATA_CLOUD.fullmatch(source):
        return SourcePlace(object=source, data_space=data_space)
    path = Path(source).expanduser().absolute()
    is_path = path.exists() or path.suffix or "/" in source or "*" in source
    if not is_path:
        raise ConfigError(
            f"--source {source} is neither a file nor an object of Data Cloud, whose names end in "
            "__dlm, __dll or __cio. Correct --source."
        )
    if data_space != DEFAULT_DATA_SPACE:
        raise ConfigError("--data-space is for an object of Data Cloud: files lie in none.")
    return SourcePlace(files=str(path))


def seen_from(folder: Path, place: SourcePlace) -> SourcePlace:
    """Return files below the folder of the spec by their path from there: both move together."""
    if place.files is not None and Path(place.files).is_relative_to(folder):
        return replace(place, files=str(Path(place.files).relative_to(folder)))
    return place


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
