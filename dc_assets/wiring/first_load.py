"""The first load of a Dagster project: proposed by both sides, or to be filled in by a person."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pydantic import BaseModel

from dc_assets.core.errors import ConfigError
from dc_assets.core.first_spec.sides import SourcePlace
from dc_assets.core.first_spec.text import scalar, written
from dc_assets.core.source_spec import SourceSpec
from dc_assets.core.spec import TargetSpec
from dc_assets.salesforce.session import OrgSession
from dc_assets.wiring.connect import policy_clock
from dc_assets.wiring.event_log import noted_in
from dc_assets.wiring.first_source import place_of, refuse_other_than_name, seen_from
from dc_assets.wiring.first_spec import Wishes, first_draft
from dc_assets.wiring.sign_in import is_sign_in_set, login_from_environment


def first_load(
    folder: Path, named: dict[str, str | None], source: str | None, data_space: str
) -> tuple[str, Sequence[str]]:
    """Return the settings of a load that goes into a folder, and what only a person can know.

    It is called like the folder; ``named`` holds what a person said of it, by names of `Wishes`.

    Raises:
        DcError: the org or the source does not answer, or what was named is not there.
    """
    refuse_other_than_name(folder.name)
    place = None if source is None else place_of(source, data_space)
    shown = None if place is None else seen_from(folder, place)
    object_name = named.pop("object")
    if not is_sign_in_set():
        return _to_fill_in(folder.name, shown, {**named, "object": object_name}), ()
    if place is None or shown is None or object_name is None:
        raise ConfigError("Say what is loaded from where: give --object and --source.")
    login, note = login_from_environment(), noted_in(logging.getLogger("dc_assets"))
    wishes = Wishes(folder.name, object_name, place, **named)
    with OrgSession.connect(login, sleep=policy_clock(login.login_url).sleep, note=note) as session:
        draft = first_draft(session, wishes, lambda choice: choice.best)
    return written(replace(draft, place=shown)), draft.questions


def _to_fill_in(name: str, place: SourcePlace | None, named: dict[str, str | None]) -> str:
    """Return a load that lacks what nobody said: a check tells what that is, line by line."""
    source = {"object": None} if place is None else place.settings()
    lines = [
        "# To be filled in: no sign-in is set, so neither side was asked. With SF_LOGIN_URL and",
        "# its like set, the same command proposes all of it. docs/specs.md explains all settings.",
        f"name: {name}",
        "source:",
        *_lines(SourceSpec, {**source, "key": named["key"], "parent": named["parent"]}),
        "target:",
        *_lines(TargetSpec, {one: named[one] for one in ("object", "external_id")}),
        "# columns:",
        "#   - { source: Id__c, target: External_ID__c }",
        "partitions:",
        "  scheme: 1 # part of every partition key: raise it when the bounds change",
        "  upper_bounds: [] # one partition; dc-assets plan proposes more",
    ]
    return "\n".join(lines) + "\n"


def _lines(part: type[BaseModel], settings: dict[str, str | None]) -> Sequence[str]:
    """Return a line for each setting; what nobody gave is a remark with its meaning."""
    return [
        f"  # {name}: {part.model_fields[name].description}"
        if value is None
        else f"  {name}: {scalar(value)}"
        for name, value in settings.items()
    ]
