"""An emulated org that speaks https: the way in is that of an org elsewhere."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dc_assets_tests.emulator.driver import start

PROGRAM = """
import sys
from dc_assets.core.errors import ConfigError
from dc_assets.core.run_events import unheard
from dc_assets.salesforce.credentials import ClientCredentials, Login
from dc_assets.salesforce.session import OrgSession
login = Login(ClientCredentials(*sys.argv[1:4]))
try:
    with OrgSession.connect(login, sleep=lambda _: None, note=unheard) as session:
        print(session.tenant().client.base_url)
except ConfigError as error:
    print(error)
"""


def test_the_certificate_of_an_emulator_is_trusted_by_the_usual_setting(tmp_path: Path) -> None:
    """`SSL_CERT_FILE` counts on this machine too; without it nothing is sent."""
    pytest.importorskip("trustme", reason="the extra tls is not installed")
    emulator = start(tmp_path, "--tls")
    ready = emulator.ready
    names = ("base_url", "client_id", "client_secret")
    command = [sys.executable, "-c", PROGRAM, *(ready[name] for name in names)]
    found: list[str] = []
    for trusted in ({}, {"SSL_CERT_FILE": ready["ca_file"]}):
        kept = {k: v for k, v in os.environ.items() if not k.startswith("SSL_CERT")}
        env = kept | trusted
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
        found.append(done.stdout.strip().rstrip("/"))
    assert emulator.stop() == 0
    assert "CERTIFICATE_VERIFY_FAILED" in found[0]
    assert found[1] == ready["tenant_url"]
