"""The org that the loads of a spec go to, and whether somebody said that it may be a business's.

Why: `docs/adr/0054-a-load-knows-its-org.md`.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from dc_assets.core.errors import ConfigError
from dc_assets.core.organization import Organization, OrgKind, long_id, org_text
from dc_assets.core.spec import LoadSpec
from dc_assets.ledger.tables import epoch_now, load, pinned_org
from dc_assets.ledger.upsert import insert_or_update

_PRODUCTION = [kind.value for kind in OrgKind if kind.is_production]


class WrongOrg(ConfigError):
    """We are signed in to another org than the one that the loads of the spec go to."""


class ProductionUnasked(ConfigError):
    """Nobody said of a load that it may write to a production org."""


def refuse_other_org(connection: Connection, spec: LoadSpec, here: Organization) -> None:
    """Let nobody read or send in another org than that of the first load, or `target.org_id`.

    Raises:
        WrongOrg: this is another one.
    """
    wanted = spec.target.org_id
    if wanted is not None:
        if long_id(wanted) != here.org_id:
            raise WrongOrg(_other_than_named(spec, here))
        return
    held = connection.execute(
        sa.select(pinned_org).where(pinned_org.c.spec_name == spec.name)
    ).first()
    if held is not None and held.org_id != here.org_id:
        raise WrongOrg(_other_than_pinned(spec, held, here))


def pin_org(connection: Connection, spec: LoadSpec, here: Organization) -> None:
    """Pin the org, before the first load of the spec begins; two that come at once agree.

    Raises:
        WrongOrg: this is another one.
    """
    facts = {"host": here.host, "kind": here.kind.value}
    ours = {"org_id": here.org_id, "pinned_at": epoch_now(), **facts}
    insert_or_update(connection, pinned_org, {"spec_name": spec.name, **ours}, {})
    refuse_other_org(connection, spec, here)
    is_here = pinned_org.c.org_id == here.org_id
    of_spec = pinned_org.update().where(pinned_org.c.spec_name == spec.name)
    connection.execute(of_spec.where(~is_here).values(**ours))
    connection.execute(of_spec.where(is_here).values(**facts))


def _other_than_named(spec: LoadSpec, here: Organization) -> str:
    return (
        f"The spec {spec.name} names the org {spec.target.org_id} (target.org_id), and we are "
        f"signed in to {here}. Nothing was read or sent. Check the login (SF_LOGIN_URL, or the "
        f"org of SF_CLI_ORG); if this org is meant, write target.org_id: {here.org_id}"
    )


def _other_than_pinned(spec: LoadSpec, held: Row[Any], here: Organization) -> str:
    since = datetime.fromtimestamp(held.pinned_at, UTC)
    return (
        f"The loads of {spec.name} go to {org_text(held.kind, held.org_id, held.host)} since "
        f"{since:%Y-%m-%d %H:%M} UTC, and we are signed in to {here}. Nothing was read or sent. "
        "Check the login (SF_LOGIN_URL, or the org of SF_CLI_ORG); a sandbox that was refreshed "
        "has a new id. If this org is meant, write it into the spec: target.org_id: "
        f"{here.org_id}"
    )


def production_unasked(spec_name: str, org: str, org_id: str) -> ProductionUnasked:
    """Return the error of a load that nobody confirmed; the sentence is the question."""
    return ProductionUnasked(
        f"{spec_name} would write to {org}. Nothing was sent. If that is meant, give the same "
        "command with --production, or the run config production: true in Dagster; to resume the "
        "load does not ask again, another load does. Refreshes by sensor and schedule have nobody "
        f"to ask: they may write to the org that the spec names (target.org_id: {org_id})."
    )


def keep_consent(connection: Connection, load_id: str, *, production: bool) -> None:
    """Keep that somebody said it, or refuse an unfinished load of which nobody did.

    Raises:
        ProductionUnasked: its org is one in which a business runs.
        WrongOrg: somebody moved the spec to another org since it was held to that of the load.
    """
    of_load = load.c.load_id == load_id
    if production:
        first = sa.func.coalesce(load.c.production_at, epoch_now())
        connection.execute(load.update().where(of_load).values(production_at=first))
        return
    held = connection.execute(
        sa.select(pinned_org, load.c.org_id.label("org_of_load"))
        .join(load, pinned_org.c.spec_name == load.c.spec_name)
        .where(of_load, load.c.production_at.is_(None))
    ).first()
    if held is None:
        return
    org = org_text(held.kind, held.org_id, held.host)
    if held.org_id != held.org_of_load:
        raise WrongOrg(
            f"The loads of {held.spec_name} were moved to {org} meanwhile, and this one goes to "
            f"the org {held.org_of_load}. Nothing was sent. One spec has one org at a time: give "
            "the load of each org a spec and a name of its own."
        )
    if held.kind in _PRODUCTION:
        raise production_unasked(held.spec_name, org, held.org_id)


def consented(connection: Connection, load_ids: Collection[str]) -> set[str]:
    """Return those of some loads that somebody said may write to a production org."""
    query = sa.select(load.c.load_id).where(
        load.c.load_id.in_(list(load_ids)), load.c.production_at.is_not(None)
    )
    return set(connection.execute(query).scalars())


def pin_loaded_orgs(connection: Connection) -> None:
    """Pin the specs of an older ledger to the orgs of their newest loads."""
    loads = connection.execute(
        sa.select(load.c.spec_name, load.c.org_id, load.c.opened_at).order_by(load.c.opened_at)
    )
    newest = {row.spec_name: row for row in loads}
    for spec_name, row in newest.items():
        values = {"org_id": row.org_id, "pinned_at": row.opened_at, "host": "", "kind": ""}
        connection.execute(pinned_org.insert().values(spec_name=spec_name, **values))
