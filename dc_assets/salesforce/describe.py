"""Compare a spec with the org's own description, before a row is read.

Source: sObject Describe, REST API Developer Guide; relationship columns of an ingest job are
``Relationship.ExternalIdField``, one level up only (Bulk API 2.0 Developer Guide v66).
"""

from __future__ import annotations

import re

from dc_assets.core.errors import ConfigError, RejectedRequest
from dc_assets.core.spec import LoadSpec
from dc_assets.salesforce.answers import DescribedField, Description
from dc_assets.salesforce.session import API, OrgSession


def check_target(session: OrgSession, spec: LoadSpec) -> str:
    """Check that the org has the object, its external id field and every target field.

    Returns the object whose records are locked with the rows: that of the spec's parent, or the
    target itself when there is none.

    Raises:
        ConfigError: the first thing that does not fit, with what to change.
    """
    described = _describe(session, spec, spec.target.object)
    fields = {field.name: field for field in described}
    locked_object = spec.target.object
    for column in spec.columns:
        relationship, dot, parent_field = column.target.partition(".")
        if dot:
            parent_object = _check_parent(session, spec, fields, (relationship, parent_field))
            if column.target == spec.parent_target:
                locked_object = parent_object
        elif column.target not in fields:
            raise ConfigError(
                f"{spec.target.object} has no field {column.target} that our user can see. "
                f"Correct the column in the spec {spec.name}, or grant the user the field."
            )
    if not fields[spec.target.external_id].external_id:
        raise ConfigError(
            f"{spec.target.object}.{spec.target.external_id} is not an External ID field. "
            "Tick External ID (and Unique) on the field in the org, or name another one."
        )
    return locked_object


def _check_parent(
    session: OrgSession,
    spec: LoadSpec,
    fields: dict[str, DescribedField],
    path: tuple[str, str],
) -> str:
    """Return the object that a relationship column leads to."""
    relationship, parent_field = path
    parents = [
        name
        for field in fields.values()
        if field.relationship_name == relationship
        for name in field.reference_to or ()
    ]
    if not parents:
        raise ConfigError(
            f"{spec.target.object} has no relationship {relationship}. "
            f"Correct the column {relationship}.{parent_field} in the spec {spec.name}."
        )
    for parent in parents:
        described = _describe(session, spec, parent)
        if any(field.name == parent_field for field in described):
            return parent
    raise ConfigError(
        f"{' and '.join(parents)} has no field {parent_field} that our user can see. "
        f"Correct the column {relationship}.{parent_field} in the spec {spec.name}."
    )


def _describe(session: OrgSession, spec: LoadSpec, object_name: str) -> list[DescribedField]:
    try:
        return fields_of(session, object_name)
    except RejectedRequest as error:
        raise ConfigError(
            f"The org has no object {object_name} that our user can see. "
            f"Correct the spec {spec.name}, or grant the user the object."
        ) from error


def fields_of(session: OrgSession, object_name: str) -> list[DescribedField]:
    """Return the fields of an object that our user can see."""
    if not re.fullmatch(r"[A-Za-z]\w*", object_name, re.ASCII):
        raise ConfigError(f"{object_name[:80]!r} is no name of an object. Correct the spec.")
    url = f"{API}/sobjects/{object_name}/describe"
    return session.org.ask("GET", url, Description).fields_
