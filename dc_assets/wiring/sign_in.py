"""Chooses how to sign in at the org, by which settings are set."""

from __future__ import annotations

from dc_assets.core.errors import ConfigError
from dc_assets.salesforce.credentials import ClientCredentials, Login
from dc_assets.salesforce.origins import ALLOWED_HOSTS, listed_hosts
from dc_assets.wiring.settings import read_settings


def login_from_environment(**given: str) -> Login:
    """Read the settings of the org; what is ``given`` by the name of its setting wins.

    Raises:
        ConfigError: one is missing.
    """
    told = {**read_settings().texts(), **{name: text for name, text in given.items() if text}}
    names = ("SF_LOGIN_URL", "SF_CLIENT_ID", "SF_CLIENT_SECRET")
    missing = [name for name in names if not told[name]]
    if missing:
        raise ConfigError(
            f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set. "
            "SF_LOGIN_URL is the org's My Domain; id and secret are of its External Client App. "
            "To try without an org: dc-assets demo"
        )
    credential = ClientCredentials(*(told[name] for name in names))
    return Login(credential, allowed_hosts=listed_hosts(told[ALLOWED_HOSTS]))
