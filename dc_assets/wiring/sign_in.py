"""Chooses how to sign in at the org, by which settings are set."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from dc_assets.core.api_version import API_VERSION, version_of
from dc_assets.core.errors import ConfigError
from dc_assets.salesforce.credentials import ClientCredentials, Credential, Login
from dc_assets.salesforce.jwt_bearer import JwtBearer
from dc_assets.salesforce.origins import ALLOWED_HOSTS, listed_hosts
from dc_assets.salesforce.sf_cli import CliLogin
from dc_assets.wiring.settings import read_settings

URL, APP, SECRET = "SF_LOGIN_URL", "SF_CLIENT_ID", "SF_CLIENT_SECRET"
USER, KEY, AUDIENCE = "SF_USERNAME", "SF_PRIVATE_KEY", "SF_JWT_AUDIENCE"
CLI = "SF_CLI_ORG"

Told = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Way:
    """One way to sign in.

    Attributes:
        name: as people call it.
        marks: settings of this way alone; one of them chooses it.
        needed: settings that all must be set.
        optional: what may be set besides.
        help: said when one of the needed is missing.
    """

    name: str
    marks: Sequence[str]
    needed: Sequence[str]
    optional: Sequence[str]
    help: str
    credential: Callable[[Told], Credential]


def _by_secret(told: Told) -> Credential:
    return ClientCredentials(told[URL], told[APP], told[SECRET])


def _by_signature(told: Told) -> Credential:
    return JwtBearer(told[URL], told[APP], told[USER], told[KEY], told[AUDIENCE])


def _by_sf(told: Told) -> Credential:
    return CliLogin.of(told[CLI])


BY_SECRET = Way(
    name="client credentials",
    marks=(SECRET,),
    needed=(URL, APP, SECRET),
    optional=(),
    help="SF_LOGIN_URL is the org's My Domain; id and secret are of its External Client App (or "
    "SF_USERNAME and SF_PRIVATE_KEY for JWT bearer, or SF_CLI_ORG alone for a login of sf).",
    credential=_by_secret,
)
BY_SIGNATURE = Way(
    name="JWT bearer",
    marks=(USER, KEY, AUDIENCE),
    needed=(URL, APP, USER, KEY),
    optional=(AUDIENCE,),
    help="For JWT bearer, SF_LOGIN_URL is the org's My Domain, SF_CLIENT_ID the consumer key of "
    "its External Client App, SF_USERNAME the user, SF_PRIVATE_KEY (or SF_PRIVATE_KEY_FILE) the "
    "key of the app's certificate.",
    credential=_by_signature,
)
BY_SF = Way(
    name="the login of the sf CLI",
    marks=(CLI,),
    needed=(CLI,),
    optional=(),
    help="",
    credential=_by_sf,
)
WAYS = (BY_SF, BY_SIGNATURE, BY_SECRET)
SIGN_IN_SETTINGS = (URL, APP, SECRET, USER, KEY, AUDIENCE, CLI)


def is_sign_in_set() -> bool:
    """Tell whether the settings name a way to sign in, complete or not."""
    told = read_settings().texts()
    return any(told[name] for name in SIGN_IN_SETTINGS)


def login_from_environment(**given: str) -> Login:
    """Read the settings of the org; what is ``given`` by the name of its setting wins.

    Raises:
        ConfigError: one is missing, or they do not belong together.
    """
    told = _told(read_settings().texts(), {name: text for name, text in given.items() if text})
    way = _way(told)
    _refuse_pages(told[URL])
    hosts, version = listed_hosts(told[ALLOWED_HOSTS]), version_of(told[API_VERSION])
    return Login(way.credential(told), allowed_hosts=hosts, api_version=version)


def _told(settings: Told, given: Told) -> Told:
    """Return what is given over what is set; who gives a way does without settings of others."""
    way = next((one for one in WAYS if any(name in given for name in one.marks)), None)
    others = set(SIGN_IN_SETTINGS) - {*way.needed, *way.optional} if way else set[str]()
    return {**settings, **dict.fromkeys(others, ""), **given}


def _way(told: Told) -> Way:
    """Return the one way whose settings are set.

    Raises:
        ConfigError: settings of two ways are, or some of a way are not.
    """
    way = next((one for one in WAYS if any(told[name] for name in one.marks)), BY_SECRET)
    odd = [n for n in SIGN_IN_SETTINGS if told[n] and n not in {*way.needed, *way.optional}]
    if odd:
        chosen = next(name for name in way.marks if told[name])
        raise ConfigError(
            f"{chosen} and {_listed(odd)} are set together. {chosen} is for {way.name}, which does "
            f"without {_listed(odd)}. Unset the one or the other."
        )
    missing = [name for name in way.needed if not told[name]]
    if missing:
        raise ConfigError(
            f"{_listed(missing)} {'is' if len(missing) == 1 else 'are'} not set. {way.help} "
            "To try without an org: dc-assets demo"
        )
    return way


PAGES = re.compile(
    r"(?:https://)?([a-z0-9.-]+)\.(?:lightning\.force|my\.salesforce-setup)\.com/?.*", re.IGNORECASE
)
"""Addresses of Lightning and of Setup, as a browser shows them."""


def _refuse_pages(url: str) -> None:
    """Refuse the address that a person sees in the browser: no program can sign in there.

    Raises:
        ConfigError: it is one; the sentence names the one to take.
    """
    if found := PAGES.fullmatch(url.strip()):
        raise ConfigError(
            "SF_LOGIN_URL is the address of pages for people. Set it to the org's My Domain: "
            f"https://{found[1]}.my.salesforce.com"
        )


def _listed(names: Sequence[str]) -> str:
    return " and ".join(names)
