"""The demo's world: an emulated org, a spec cut to fit its rows, and a private Dagster."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from dc_assets.core.ranges import EVERYTHING
from dc_assets.core.run_events import unheard
from dc_assets.core.spec import LoadSpec
from dc_assets.demo.services import Services
from dc_assets.ledger.clock import SystemClock
from dc_assets.load.spec_files import read_spec
from dc_assets.orchestration.home import write_home
from dc_assets.salesforce.credentials import ClientCredentials, Login
from dc_assets.salesforce.data_cloud import DataCloudSource
from dc_assets.salesforce.session import OrgSession
from dc_assets.wiring.dagster_api import Webserver
from dc_assets.wiring.settings import PACKAGED_LOADS, file_names
from dc_assets.wiring.sign_in import SIGN_IN_SETTINGS

LOAD = "opportunities"
SEED_WITHIN_S = 600.0
UI_WITHIN_S = 120.0
SOCKET_CHARS_MAX = 100  # sun_path has 108 bytes on Linux, 104 on macOS


@dataclass(frozen=True, slots=True)
class Seeding:
    """What the emulated org is filled with."""

    rows: int
    accounts: int
    skew: str
    seed: int
    bad_rows: int


@dataclass(frozen=True, slots=True)
class DemoPace:
    """How the emulated org works: its preset, its seconds in one of the wall, its limits."""

    org: str = "instant"
    time_scale: float = 1.0
    edition: str = "developer"


def start_emulator(
    services: Services, folder: Path, seeding: Seeding, pace: DemoPace
) -> dict[str, str]:
    """Start the emulator, wait until it is seeded, and return what its ready file says."""
    ready = folder / "emulator.json"
    ready.unlink(missing_ok=True)
    command = [sys.executable, "-m", "dc_assets.emulator", "--ready-file", str(ready)]
    command += ["--data", str(folder / "org"), "--seed", str(seeding.seed)]
    command += ["--opportunities", str(seeding.rows), "--accounts", str(seeding.accounts)]
    command += ["--skew", seeding.skew, "--bad-rows", str(seeding.bad_rows)]
    command += ["--org", pace.org, "--time-scale", f"{pace.time_scale:g}"]
    command += ["--edition", pace.edition]
    log = folder / "emulator.log"
    service = services.begin("The emulator", command, log)
    services.wait_for(service, ready.exists, within_s=SEED_WITHIN_S)
    return json.loads(ready.read_text(encoding="utf-8"))


def product_environment(
    folder: Path, emulator: Mapping[str, str], pace: DemoPace, port: int
) -> dict[str, str]:
    """Return the settings that point the product at the emulated org, this folder and its UI.

    Polls and waits of the product pass as fast as the time of the org.
    """
    return {
        **dict.fromkeys(SIGN_IN_SETTINGS, ""),
        "SF_API_VERSION": "",
        "SF_LOGIN_URL": emulator["base_url"],
        "SF_CLIENT_ID": emulator["client_id"],
        "SF_CLIENT_SECRET": emulator["client_secret"],
        "DC_ASSETS_DATA": str(folder / "data"),
        "DC_ASSETS_LEDGER_URL": "",
        **dict.fromkeys(file_names(), ""),  # a shell's own files must not meet the demo's secrets
        "DC_ASSETS_LOADS": str(folder / "loads"),
        "DC_ASSETS_DAGSTER_URL": f"http://127.0.0.1:{port}",
        "DAGSTER_HOME": str(folder / "dagster"),
        "DAGSTER_DISABLE_TELEMETRY": "yes",
        "DAGSTER_BACKFILL_RETRY_DEFINITION_CHANGED_ERROR": "1",  # docs/dagster.md
        "DC_ASSETS_TIME_SCALE": f"{pace.time_scale:g}",
        "DC_ASSETS_SMTP_URL": "",  # nobody is told of a demo
        "DC_ASSETS_WEBHOOK_URL": "",
    }


def write_spec(folder: Path, emulator: Mapping[str, str], partitions: int) -> LoadSpec:
    """Write the packaged spec with bounds that cut the seeded rows into equal partitions."""
    content = yaml.safe_load((PACKAGED_LOADS / f"{LOAD}.yaml").read_text(encoding="utf-8"))
    packaged = read_spec(PACKAGED_LOADS / f"{LOAD}.yaml")
    settings = (emulator[name] for name in ("base_url", "client_id", "client_secret"))
    login = Login(ClientCredentials(*settings))
    with OrgSession.connect(login, sleep=SystemClock().sleep, note=unheard) as session:
        source = DataCloudSource(session.tenant(packaged.source.data_space), packaged)
        bounds = source.key_quantiles(partitions, EVERYTHING)
    content["partitions"]["upper_bounds"] = list(bounds)
    content["profile"] = {"exclusive_user": True}
    file = _spec_file(folder)
    file.parent.mkdir(mode=0o700, exist_ok=True)
    file.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return read_spec(file)


def has_spec(folder: Path) -> bool:
    """Tell whether the spec was written; its user may have changed it since."""
    return _spec_file(folder).exists()


def _spec_file(folder: Path) -> Path:
    return folder / "loads" / f"{LOAD}.yaml"


def start_code_server(services: Services, folder: Path) -> None:
    """Begin one code server for webserver and daemon, and name it in their workspace.

    Without it each of the two starts one of its own, which takes four CPU seconds more. It never
    reads a spec again, so it is not for a world whose user may edit one. Only the owner of the
    folder reaches its socket; where the path of one would be too long, nothing is begun. It makes
    Dagster's tables before it answers.
    """
    home, socket = folder / "dagster", folder / "code.sock"
    if len(str(socket)) > SOCKET_CHARS_MAX:
        return
    write_home(home)
    server = {"socket": str(socket), "location_name": "dc_assets"}
    workspace = yaml.safe_dump({"load_from": [{"grpc_server": server}]})
    (home / "workspace.yaml").write_text(workspace, encoding="utf-8")
    command = [sys.executable, "-m", "dagster", "api", "grpc", "-s", str(socket)]
    command += ["-m", "dc_assets.definitions", "--location-name", "dc_assets"]
    services.begin("Dagster's code server", command, folder / "code_server.log")


def start_webserver(services: Services, folder: Path, port: int) -> Webserver:
    """Start a Dagster webserver on a home of its own, and wait for it.

    Dagster's tables are there when it is up: it makes them if no code server has done so. Two
    services that both begin with that can clash, and the next one does not start.
    """
    home = folder / "dagster"
    write_home(home)
    command = [sys.executable, "-m", "dc_assets.demo.guarded_webserver", "-p", str(port)]
    command += ["-w", str(home / "workspace.yaml")]
    log = folder / "webserver.log"
    service = services.begin("Dagster's webserver", command, log)
    webserver = Webserver(f"http://127.0.0.1:{port}")
    services.wait_for(service, webserver.is_up, within_s=UI_WITHIN_S)
    return webserver


def start_daemon(services: Services, folder: Path) -> None:
    """Start the Dagster daemon.

    It looks for backfills when it starts and then every 30 seconds (Dagster 1.13 fixes that), so a
    backfill that is launched before it starts begins at once.
    """
    command = [sys.executable, "-m", "dagster._daemon", "run"]
    command += ["-w", str(folder / "dagster" / "workspace.yaml")]
    log = folder / "daemon.log"
    services.begin("Dagster's daemon", command, log)


def enter_environment(settings: Mapping[str, str]) -> None:
    """Make the settings those of this process and of what it starts from here on."""
    os.environ.update(settings)
