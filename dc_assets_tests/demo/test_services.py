"""The order in which the demo's programs begin, and what is said when one of them ends."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest
import yaml

from dc_assets.core.errors import ConfigError
from dc_assets.demo.services import Services
from dc_assets_tests.acceptance.services import free_port
from dc_assets_tests.acceptance.stage import environment_of, running, short_folder

TABLES = {"storage", "history", "schedules"}
"""Where Dagster keeps them in a home."""

ENDS = [sys.executable, "-c", "print('no more heads'); raise SystemExit(1)"]
STAYS = [sys.executable, "-c", "import time; time.sleep(60)"]


def test_the_webserver_leaves_the_tables_alone_until_the_code_server_answers() -> None:
    """Both would make Dagster's tables at once, and the daemon could not read them."""
    with short_folder() as home, socket.socket(socket.AF_UNIX) as code_server:
        code_server.bind(str(home / "code.sock"))
        code_server.listen()
        code_server.settimeout(60.0)
        server = {"socket": str(home / "code.sock"), "location_name": "dc_assets"}
        workspace = home / "workspace.yaml"
        workspace.write_text(yaml.safe_dump({"load_from": [{"grpc_server": server}]}))
        (home / "dagster.yaml").touch()
        command = [sys.executable, "-m", "dc_assets.demo.guarded_webserver"]
        command += ["-p", str(free_port()), "-w", str(workspace)]
        environment = {**environment_of(home), "DAGSTER_HOME": str(home)}
        with running(command, environment, log=home / "webserver.log"):
            code_server.accept()[0].close()
            assert not TABLES & {one.name for one in home.iterdir()}


def test_who_waits_for_programs_hears_which_one_has_ended(tmp_path: Path) -> None:
    """With the last lines that it said; while all are there, nothing is said."""
    with Services() as services:
        first = services.begin("The first", STAYS, tmp_path / "first.log")
        services.refuse_dead()
        with pytest.raises(ConfigError, match=r"^The first did not start: no output$"):
            services.wait_for(first, lambda: False, within_s=0.0)
        services.begin("The second", ENDS, tmp_path / "second.log")
        with pytest.raises(ConfigError, match=r"^The second has ended: no more heads$"):
            services.wait_for(first, lambda: False, within_s=60.0)
