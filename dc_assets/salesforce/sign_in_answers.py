"""The shapes of answers to who signs in: tokens, whose they are, and versions that are served."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field, StringConstraints

from dc_assets.salesforce.answers import NUMBER_MAX, Answer, Secret, Text


def _lifetime_s(value: object) -> float | None:
    """Return how long something lasts; what is no such time is as good as none."""
    try:
        seconds = float(str(value))
    except ValueError:
        return None
    return seconds if 0 < seconds < NUMBER_MAX else None


Seconds = Annotated[float | None, BeforeValidator(_lifetime_s)]


class OrgToken(Answer):
    """The answer of a login.

    Attributes:
        scope: with blanks between; "" if whoever gave the token does not say.
    """

    access_token: Secret
    instance_url: Annotated[str, Field(min_length=1, max_length=2048)]
    id: str
    scope: Text = ""


class ServedVersion(Answer):
    """One line of the list of API versions."""

    version: Annotated[str, StringConstraints(strict=True, pattern=r"^[0-9]{1,3}\.[0-9]$")]


class TenantToken(Answer):
    """The answer of a token exchange."""

    access_token: Secret
    instance_url: Annotated[str, Field(min_length=1, max_length=2048)]
    expires_in: Seconds = None


class UserInfo(Answer):
    """Who a session belongs to."""

    sub: str
