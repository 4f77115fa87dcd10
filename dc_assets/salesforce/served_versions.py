"""Which versions of its API an org serves.

Source: Versions, REST API Developer Guide: ``GET /services/data`` lists them.
"""

from __future__ import annotations

from collections.abc import Sequence

from dc_assets.core.api_version import API_VERSION, TESTED_VERSION
from dc_assets.core.errors import ConfigError
from dc_assets.salesforce.http import Host
from dc_assets.salesforce.sign_in_answers import ServedVersion

VERSIONS_URL = "/services/data"


def served_versions(org: Host) -> Sequence[str]:
    """Return the versions that the org serves, oldest first; it is asked without a token."""
    served = org.ask("GET", VERSIONS_URL, list[ServedVersion], auth=None)
    return sorted((one.version for one in served), key=float)


def check_version(org: Host) -> None:
    """Ask whether the org serves the version that its host is called by.

    Raises:
        ConfigError: it does not.
    """
    served = served_versions(org)
    if org.version not in served:
        listed = f"It serves {served[0]} to {served[-1]}." if served else "It lists none."
        raise ConfigError(
            f"The org does not serve version {org.version} of its API. {listed} Set {API_VERSION} "
            f"to one of them, or unset it: {TESTED_VERSION} is what dc_assets was tested with."
        )
