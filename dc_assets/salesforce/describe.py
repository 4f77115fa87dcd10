"""Read the org's own description of the target and its parents, once a run.

Source: sObject Describe, REST API Developer Guide; relationship columns of an ingest job are
``Relationship.ExternalIdField``, one level up only (Bulk API 2.0 Developer Guide v66).
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import fields
from typing import Any

from dc_assets.core.errors import ConfigError, HostRefuses, RejectedRequest, RemoteError
from dc_assets.core.spec import LoadSpec
from dc_assets.core.target_fields import (
    TargetDescription,
    TargetField,
    TargetObject,
    TargetPath,
)
from dc_assets.load.preflight.findings import meant
from dc_assets.salesforce.answers import DescribedField, Description, ObjectList
from dc_assets.salesforce.session import OrgSession

SAME = set(DescribedField.model_fields) & {one.name for one in fields(TargetField)} - {
    "type",
    "reference_to",
    "relationship_name",
}
"""What is taken over as describe says it."""


def described_target(session: OrgSession, spec: LoadSpec) -> TargetDescription:
    """Return what the org says of the target object and of the parents that columns name.

    Raises:
        ConfigError: our user does not see the object.
    """
    target = described_object(session, spec.target.object, correct=f"the spec {spec.name}")
    parents: dict[str, TargetObject] = {}
    for path in (column.path for column in spec.columns):
        _describe_parents(session, target, path, parents)
    return TargetDescription(target, parents)


def described_object(session: OrgSession, name: str, *, correct: str) -> TargetObject:
    """Return one object as the org describes it; ``correct`` is where its name was written.

    Raises:
        ConfigError: our user does not see it.
    """
    try:
        return _described(session, name)
    except HostRefuses:
        raise
    except RejectedRequest as error:
        raise ConfigError(
            f"The org has no object {name} that our user can see{_object_meant(session, name)} "
            f"Correct {correct}, or grant the user the object."
        ) from error


def _object_meant(session: OrgSession, name: str) -> str:
    """Return the object that was probably meant, where the org tells its objects."""
    with suppress(RemoteError):
        listed = session.org.ask("GET", f"{session.org.api}/sobjects", ObjectList)
        return meant(name, (one.name for one in listed.sobjects))
    return "."


def _describe_parents(
    session: OrgSession, target: TargetObject, path: TargetPath, known: dict[str, TargetObject]
) -> None:
    """Describe the kinds that a path may lead to, up to the first that has its field."""
    lookup = target.lookup(path.relationship)
    for kind in () if lookup is None else lookup.reference_to:
        if path.kind not in {"", kind}:
            continue
        if kind not in known:
            try:
                known[kind] = target if kind == target.name else _described(session, kind)
            except HostRefuses:
                raise
            except RejectedRequest:
                continue  # it is judged like one without the field
        if path.field in known[kind].fields:
            return


def _described(session: OrgSession, object_name: str) -> TargetObject:
    if not re.fullmatch(r"[A-Za-z]\w*", object_name, re.ASCII):
        raise ConfigError(f"{object_name[:80]!r} is no name of an object. Write its API name.")
    url = f"{session.org.api}/sobjects/{object_name}/describe"
    found = session.org.ask("GET", url, Description)
    is_it = found.name.casefold() == object_name.casefold()
    spelt = found.name if is_it else object_name  # an org takes a name in any case
    fields = {one.name: _field(one) for one in found.fields_}
    return TargetObject(spelt, fields, found.createable, found.updateable)


def _field(one: DescribedField) -> TargetField:
    is_restricted = one.type in {"picklist", "multipicklist"} and one.restricted_picklist
    values = (one.picklist_values or ()) if is_restricted else ()
    same: dict[str, Any] = one.model_dump(include=SAME)
    return TargetField(
        **same,
        type=one.type or "",
        restricted_values=tuple(entry.value for entry in values if entry.active),
        reference_to=tuple(one.reference_to or ()),
        relationship_name=one.relationship_name or "",
    )
