"""Stands before both sides: this org and no other; a production org when somebody said so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dc_assets.core.organization import Organization
from dc_assets.core.spec import LoadSpec
from dc_assets.ledger.absence import one_transaction
from dc_assets.ledger.database import Database
from dc_assets.ledger.pinned_org import pin_org, production_unasked, refuse_other_org
from dc_assets.load.store import LoadRequest


@dataclass(frozen=True, slots=True)
class OrgGuard:
    """The guard of one spec, in the org that we are signed in to."""

    database: Database
    spec: LoadSpec
    here: Organization

    @one_transaction
    def refuse_other(self) -> None:
        """Let nobody read or send in another org than the spec's.

        Raises:
            WrongOrg: this is another one.
        """
        with self.database.read() as connection:
            refuse_other_org(connection, self.spec, self.here)

    @one_transaction
    def pin(self) -> None:
        """Hold the spec to this org from now on; whoever begins a load does so before.

        Raises:
            WrongOrg: it is held to another one.
        """
        with self.database.begin() as connection:
            pin_org(connection, self.spec, self.here)

    def refuse_unasked(
        self, request: LoadRequest, sends: Callable[[LoadRequest], bool] = lambda _: True
    ) -> None:
        """Refuse at once what each run that is launched for a request would refuse.

        ``sends`` tells whether a load of which nobody spoke of production would send something.

        Raises:
            ProductionUnasked: a business runs in the org, and nobody said so of the load.
        """
        if self.here.kind.is_production and not request.production and sends(request):
            raise production_unasked(self.spec.name, str(self.here), self.here.org_id)
