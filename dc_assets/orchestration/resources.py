"""The one Dagster resource: a Salesforce org with its Data Cloud tenant."""

from __future__ import annotations

import gc
import logging
from collections.abc import Generator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

import dagster as dg
from pydantic import Field
from pydantic.config import JsonDict

from dc_assets.core.errors import ConfigError
from dc_assets.core.spec import LoadSpec
from dc_assets.load.store import Mode
from dc_assets.orchestration.placing import LoadOptions

if TYPE_CHECKING:
    from dc_assets.salesforce.credentials import Login
    from dc_assets.wiring.connect import OpenLoad
    from dc_assets.wiring.source_look import Seen


SECRET: JsonDict = {"dagster__is_secret": True}


def salesforce_of(resources: object, options: LoadOptions) -> SalesforceResource:
    """Return the resource that a project gave its loads.

    Raises:
        ConfigError: under its key stands something else.
    """
    found = getattr(resources, options.resource_key)
    if isinstance(found, SalesforceResource):
        return found
    raise ConfigError(
        f"The resource {options.resource_key} is no SalesforceResource. Give the loads one of "
        "dc_assets.SalesforceResource, under this key or under that of resource_key."
    )


class SalesforceResource(dg.ConfigurableResource[None]):
    """Where to log in; the settings are read when a run starts, never at import."""

    login_url: str = Field(
        default="", description="The org's My Domain; empty: the setting SF_LOGIN_URL"
    )
    client_id: str = Field(
        default="", description="Consumer key of the External Client App; empty: SF_CLIENT_ID"
    )
    client_secret: str = Field(
        default="",
        description="Its consumer secret, for client credentials; empty: SF_CLIENT_SECRET",
        json_schema_extra=SECRET,
    )
    username: str = Field(default="", description="User, for JWT bearer; empty: SF_USERNAME")
    private_key: str = Field(
        default="",
        description="PEM text of the app's private key, for JWT bearer; empty: SF_PRIVATE_KEY",
        json_schema_extra=SECRET,
    )
    audience: str = Field(
        default="", description="Audience of JWT bearer; empty: SF_JWT_AUDIENCE, or login or test"
    )
    cli_org: str = Field(
        default="", description="Alias or username in the sf CLI; empty: SF_CLI_ORG"
    )
    api_version: str = Field(
        default="", description="Version of Salesforce's API; empty: SF_API_VERSION"
    )

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Generator[None]:
        """Say that a run lives while Dagster keeps this resource for it.

        A run that executes its steps itself keeps it from its first step to its last, those of
        others among them. So the dead-run monitor can tell a long step of others from a dead run.
        """
        run = context.run
        if run is not None:
            gc.freeze()  # what Dagster made so far stays: no collection looks at it again
        from dc_assets.orchestration.run_alive import run_alive

        beating = run_alive(run.run_id) if run is not None else nullcontext()
        with beating, super().yield_for_execution(context) as resource:
            yield resource

    @contextmanager
    def open(
        self,
        spec: LoadSpec,
        *,
        run_id: str,
        log: logging.Logger,
        mode: Mode = "full",
    ) -> Generator[OpenLoad]:
        """Connect everything that one run of a spec needs; its events go into the run's log."""
        from dc_assets.orchestration.job_lines import few_job_lines
        from dc_assets.wiring.connect import open_load
        from dc_assets.wiring.event_log import noted_in
        from dc_assets.wiring.settings import read_settings

        each = noted_in(log)
        lines = nullcontext(each) if read_settings().log == "json" else few_job_lines(each)
        with (
            lines as note,
            open_load(spec, self.login, run_id=run_id, note=note, mode=mode) as opened,
        ):
            yield opened

    def look_at_source(self, spec: LoadSpec, log: logging.Logger) -> Seen:
        """Return what changed in the source of a spec since it was last proved."""
        from dc_assets.wiring.event_log import noted_in
        from dc_assets.wiring.source_look import look_at_source

        return look_at_source(spec, self.login, noted_in(log))

    @property
    def login(self) -> Login:
        """The login of the config, else of the settings."""
        from dc_assets.wiring.sign_in import login_from_environment

        return login_from_environment(
            SF_LOGIN_URL=self.login_url,
            SF_CLIENT_ID=self.client_id,
            SF_CLIENT_SECRET=self.client_secret,
            SF_USERNAME=self.username,
            SF_PRIVATE_KEY=self.private_key,
            SF_JWT_AUDIENCE=self.audience,
            SF_CLI_ORG=self.cli_org,
            SF_API_VERSION=self.api_version,
        )
