"""The command line of the emulator."""

from __future__ import annotations

import ipaddress
import json
import os
import secrets
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from dc_assets.emulator.clock import SCALE_MAX
from dc_assets.emulator.ids import USERNAME
from dc_assets.emulator.jwt import CertificateError, read_certificate
from dc_assets.emulator.org.settings import (
    ACTIVITIES,
    PRESETS,
    OrgSettings,
    SettingError,
    changed,
    parsed,
)
from dc_assets.emulator.owned import ReadyFileError, open_folder, ready_file
from dc_assets.emulator.schema import Schema, SchemaError
from dc_assets.emulator.schema_file import PACKAGED, load_schema
from dc_assets.emulator.seed import SeedError, SeedPlan, seed
from dc_assets.emulator.server import ListenError, listen, serve, url_of
from dc_assets.emulator.stores.duck import DatabaseError, reason_of
from dc_assets.emulator.stores.options import EDITIONS
from dc_assets.emulator.stores.source_file import SourceError
from dc_assets.emulator.tls import Certificate, TLSUnavailable, issue
from dc_assets.emulator.world import Address, Credentials, Pace, World, open_world

STARTUP_ERRORS = (
    CertificateError,
    ListenError,
    ReadyFileError,
    SchemaError,
    SeedError,
    SettingError,
    SourceError,
    TLSUnavailable,
)

Publish = Callable[[Mapping[str, str]], None]


class StartError(Exception):
    """The emulator cannot start; the text is one sentence."""


@dataclass(frozen=True, slots=True)
class CommandSettings:
    """The options of one start."""

    host: str
    port: int
    tenant_port: int
    ready_file: Path | None
    data: Path | None
    schema: Path
    source: Path | None
    source_object: str | None
    seed: dict[str, object]
    org: str
    org_set: tuple[str, ...]
    background: str | None
    time_scale: float
    edition: str
    text_blanks: str
    tls: bool
    production: bool
    jwt_certificate: Path | None

    def pace(self) -> Pace:
        """How fast the org works.

        Raises:
            SettingError: a setting is unknown or has a wrong value.
        """
        values = dict(parsed(assignment) for assignment in self.org_set)
        if self.background is not None:
            values["background"] = self.background
        start = OrgSettings(preset=self.org)
        return Pace(changed(start, values), self.time_scale, self.edition)

    def credentials(self) -> Credentials:
        """The secrets of this start: given by the environment, or random.

        Raises:
            CertificateError: the app's certificate cannot be used.
        """
        path = self.jwt_certificate
        return Credentials(
            client_id=os.environ.get("SF_CLIENT_ID") or f"3MVG9{secrets.token_hex(20)}",
            client_secret=os.environ.get("SF_CLIENT_SECRET") or secrets.token_hex(32),
            password=os.environ.get("SF_PASSWORD") or secrets.token_hex(12),
            refresh_token=f"5Aep861{secrets.token_hex(30)}",
            admin_token=secrets.token_urlsafe(32),
            app_certificate=b"" if path is None else read_certificate(path),
        )


_EXAMPLES = """\b
Examples:
  dc-assets emulator --opportunities 2000 --accounts 200 --ready-file org.json
  dc-assets emulator --data ./org             # keeps its state there
  dc-assets emulator --org seed-org --time-scale 20 --opportunities 2000
"""


@click.command(
    name="emulator",
    epilog=_EXAMPLES,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option("--host", default="127.0.0.1", show_default=True, help="A loopback address.")
@click.option("--port", default=0, type=click.IntRange(0, 65535), help="Org port; 0: a free one.")
@click.option("--tenant-port", default=0, type=click.IntRange(0, 65535), help="Data Cloud port.")
@click.option("--ready-file", type=click.Path(path_type=Path), help="Written when ready.")
@click.option("--data", type=click.Path(path_type=Path), help="Keeps the state; default: nothing.")
@click.option(
    "--schema",
    default=PACKAGED,
    type=click.Path(path_type=Path),
    help="Its objects, in place of Account and Opportunity.",
)
@click.option(
    "--source",
    type=click.Path(path_type=Path),
    help="Parquet or CSV file to serve; read anew at each start.",
)
@click.option("--source-object", help="Its object; default: the file's stem and __dlm.")
@click.option("--opportunities", default=0, type=click.IntRange(0), help="Source rows to make.")
@click.option("--accounts", default=0, type=click.IntRange(0), help="Parents to make.")
@click.option("--skew", default="uniform", show_default=True, help="uniform, zipf:1.0 or hot:0.05.")
@click.option("--seed", default=1, type=click.IntRange(0), show_default=True, help="Of the rows.")
@click.option("--bad-rows", default=0, type=click.IntRange(0), help="Rows the org must refuse.")
@click.option("--org", default="instant", type=click.Choice([*PRESETS]), show_default=True)
@click.option("--org-set", multiple=True, metavar="NAME=VALUE", help="A parameter of the org.")
@click.option("--background", type=click.Choice([*ACTIVITIES]), help="Users, integrations.")
@click.option(
    "--time-scale",
    default=1.0,
    type=click.FloatRange(0, SCALE_MAX, min_open=True),
    show_default=True,
    help="Seconds of the org in one second of the machine.",
)
@click.option(
    "--jwt-certificate",
    type=click.Path(path_type=Path),
    help="PEM certificate of the app; lets it log in by JWT.",
)
@click.option("--tls", is_flag=True, help="Speak https, by a certificate of this start.")
@click.option("--production", is_flag=True, help="Be a production org; without it: a sandbox.")
@click.option(
    "--edition",
    default="developer",
    type=click.Choice([*EDITIONS]),
    show_default=True,
    help="Limits.",
)
@click.option(
    "--text-blanks",
    default="keep",
    type=click.Choice(["keep", "trim"]),
    show_default=True,
    help="Whether blanks around a text are stored.",
)
def main(**options: Any) -> None:  # noqa: ANN401  click gives what the options say
    """Run a small Salesforce org with a Data Cloud tenant on loopback."""
    os.umask(0o077)
    seeding = ("opportunities", "accounts", "skew", "seed", "bad_rows")
    chosen = {name: options.pop(name) for name in seeding}
    try:
        run(CommandSettings(**options, seed=chosen))
    except (StartError, *STARTUP_ERRORS) as error:
        click.echo(f"emulator: {error}", err=True)
        sys.exit(2)


def run(settings: CommandSettings) -> None:
    """Start, serve, stop."""
    _check_loopback(settings.host)
    plan = SeedPlan.from_options(settings.seed)
    settings.pace()  # what is wrong with it is said before anything is made
    trims = settings.text_blanks == "trim"
    schema = load_schema(settings.schema, trims=trims, production=settings.production)
    with ExitStack() as stack:
        publish = _publisher(stack, settings.ready_file)
        org = stack.enter_context(listen(settings.host, settings.port))
        tenant = stack.enter_context(listen(settings.host, settings.tenant_port))
        folder = settings.data or Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="emulator-"))
        )
        _make_folder(folder)
        certificate = issue(folder, settings.host) if settings.tls else None
        scheme = "http" if certificate is None else "https"
        address = Address(settings.host, url_of(org, scheme), url_of(tenant, scheme))
        world = _open(folder, schema, address, settings)
        stack.callback(world.close)
        _fill(world, settings, plan)
        serve(world, (org, tenant), certificate, lambda: _announce(world, certificate, publish))


def _publisher(stack: ExitStack, path: Path | None) -> Publish | None:
    return None if path is None else stack.enter_context(ready_file(path)).publish


def _check_loopback(host: str) -> None:
    try:
        is_loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_loopback = host == "localhost"
    if not is_loopback:
        raise StartError(f"{host} is not a loopback address; the emulator listens on no other.")


def _make_folder(folder: Path) -> None:
    try:
        open_folder(folder)
    except OSError as error:
        raise _bad_folder(folder, error) from error


def _open(folder: Path, schema: Schema, address: Address, settings: CommandSettings) -> World:
    credentials, pace = settings.credentials(), settings.pace()
    try:
        return open_world(folder.resolve(), schema, address, credentials, pace)
    except (OSError, DatabaseError) as error:
        raise _bad_folder(folder, error) from error


def _bad_folder(folder: Path, error: Exception) -> StartError:
    return StartError(f"The data folder {folder} cannot be used: {reason_of(error)}")


def _fill(world: World, settings: CommandSettings, plan: SeedPlan) -> None:
    if world.is_empty():
        seed(world.core, world.data_cloud, plan)
    if settings.source is not None:
        name = settings.source_object or f"{settings.source.stem}__dlm"
        world.data_cloud.add_file(settings.source, name)


def _announce(world: World, certificate: Certificate | None, publish: Publish | None) -> None:
    """Tell the addresses to all who watch, and the secrets to the ready file alone."""
    address, credentials = world.address, world.credentials
    shown = {
        "base_url": address.org_url,
        "tenant_url": address.tenant_url,
        "client_id": credentials.client_id,
        "username": USERNAME,
        "admin_url": f"{address.org_url}/__emulator__",
    }
    if certificate is not None:
        shown["ca_file"] = str(certificate.authority.resolve())
    if publish is not None:
        secret = ("client_secret", "password", "refresh_token", "admin_token")
        publish({**shown, **{name: getattr(credentials, name) for name in secret}})
    click.echo(json.dumps(shown))
