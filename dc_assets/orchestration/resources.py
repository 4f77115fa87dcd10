"""The one Dagster resource: a Salesforce org with its Data Cloud tenant."""

from collections.abc import Callable, Generator
from contextlib import contextmanager, nullcontext

import dagster as dg
from pydantic import Field

from dc_assets.core.spec import LoadSpec
from dc_assets.load.store import Mode
from dc_assets.orchestration.run_alive import run_alive
from dc_assets.salesforce.auth import Login
from dc_assets.wiring.connect import OpenLoad, open_load
from dc_assets.wiring.source_look import Seen, look_at_source


class SalesforceResource(dg.ConfigurableResource[None]):
    """Where to log in; values come from the environment when a run starts, never at import."""

    login_url: str = Field(description="The org's My Domain, https://….my.salesforce.com")
    client_id: str = Field(description="Consumer key of the connected app")
    client_secret: str = Field(
        description="Consumer secret of the connected app",
        json_schema_extra={"dagster__is_secret": True},
    )

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Generator[None]:
        """Say that a run lives while Dagster keeps this resource for it.

        A run that executes its steps itself keeps it from its first step to its last, those of
        others among them. So the dead-run monitor can tell a long step of others from a dead run.
        """
        run = context.run
        beating = run_alive(run.run_id) if run is not None else nullcontext()
        with beating, super().yield_for_execution(context) as resource:
            yield resource

    @contextmanager
    def open(
        self,
        spec: LoadSpec,
        *,
        run_id: str,
        note: Callable[[str], None],
        mode: Mode = "full",
    ) -> Generator[OpenLoad]:
        """Connect everything that one run of a spec needs."""
        with open_load(spec, self._login, run_id=run_id, note=note, mode=mode) as opened:
            yield opened

    def look_at_source(self, spec: LoadSpec) -> Seen:
        """Return what changed in the source of a spec since it was last proved."""
        return look_at_source(spec, self._login)

    @property
    def _login(self) -> Login:
        return Login(self.login_url, self.client_id, self.client_secret)


def salesforce_from_environment() -> SalesforceResource:
    """Return the resource bound to SF_LOGIN_URL, SF_CLIENT_ID and SF_CLIENT_SECRET."""
    return SalesforceResource(
        login_url=dg.EnvVar("SF_LOGIN_URL"),
        client_id=dg.EnvVar("SF_CLIENT_ID"),
        client_secret=dg.EnvVar("SF_CLIENT_SECRET"),
    )
