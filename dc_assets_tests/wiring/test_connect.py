"""Settings that are numbers: leases and the speed of policy time."""

from __future__ import annotations

import pytest

from dc_assets.core.errors import ConfigError
from dc_assets.wiring.connect import lease, policy_clock
from dc_assets_tests.orchestration.test_checks import settings

EMULATOR, REAL_ORG = "http://127.0.0.1:1", "https://acme.my.salesforce.com"


def test_a_lease_is_what_the_environment_says() -> None:
    """Tests use short ones; the default is two minutes, with a heartbeat every 25 seconds."""
    with settings({"DC_ASSETS_LEASE_S": "", "DC_ASSETS_HEARTBEAT_S": ""}):
        assert (lease().lease_s, lease().heartbeat_s) == (120.0, 25.0)
    with settings({"DC_ASSETS_LEASE_S": "10", "DC_ASSETS_HEARTBEAT_S": "2"}):
        assert (lease().lease_s, lease().heartbeat_s) == (10.0, 2.0)


@pytest.mark.parametrize(
    ("lease_s", "heartbeat_s", "said"),
    [
        ("10", "5", "at least three times"),
        ("soon", "2", "DC_ASSETS_LEASE_S is a positive number, not 'soon'"),
        ("-1", "2", "DC_ASSETS_LEASE_S is a positive number"),
        ("inf", "2", "DC_ASSETS_LEASE_S is a positive number"),
        ("10", "nan", "DC_ASSETS_HEARTBEAT_S is a positive number"),
    ],
)
def test_a_lease_that_cannot_work_is_refused(lease_s: str, heartbeat_s: str, said: str) -> None:
    """One late heartbeat must not cost a run its partition."""
    values = {"DC_ASSETS_LEASE_S": lease_s, "DC_ASSETS_HEARTBEAT_S": heartbeat_s}
    with settings(values), pytest.raises(ConfigError, match=said):
        lease()


def test_policy_time_is_hurried_for_an_emulator_only() -> None:
    """The polls and waits of a real org are its own."""
    with settings({"DC_ASSETS_TIME_SCALE": "50"}):
        assert policy_clock(EMULATOR).wall_s(100.0) == 2.0
        with pytest.raises(ConfigError, match="unset it"):
            policy_clock(REAL_ORG)
    with settings({"DC_ASSETS_TIME_SCALE": ""}):
        assert policy_clock(REAL_ORG).wall_s(100.0) == 100.0
