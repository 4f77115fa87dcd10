"""Signs in by the login that the sf CLI already has: for a first try on a person's own machine.

Since version 2.136 (May 2026) ``sf org display`` shows no token any more, and
``sf org auth show-access-token`` does (github.com/forcedotcom/cli issue 3560). Both renew the
session first if sf can.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self, cast

from dc_assets.core.errors import ConfigError
from dc_assets.salesforce.causes import USER_INFO_PATH
from dc_assets.salesforce.http import Host
from dc_assets.salesforce.sign_in_answers import OrgToken, UserInfo

PROGRAM = "sf"
ANSWER_WITHIN_S = 120.0
DISPLAY = ("org", "display")
SHOW_TOKEN = ("org", "auth", "show-access-token")
SESSION = re.compile(r"00D\w{12,15}![.\w]+")
"""How an access token looks; what stands in the place of a hidden one does not."""

MESSAGE_CHARS_MAX = 200


@dataclass(frozen=True, slots=True)
class CliLogin:
    """A login of the sf CLI, under the alias or username by which sf knows the org.

    Attributes:
        login_url: the org's own address, as sf knows it.
        shows_token: whether this sf is old and ``sf org display`` holds the token.
    """

    org: str
    login_url: str
    username: str
    shows_token: bool = False

    @classmethod
    def of(cls, org: str) -> Self:
        """Ask sf which org an alias or a username stands for.

        Raises:
            ConfigError: sf is missing, knows no such org, or does not answer.
        """
        shown = _answer(DISPLAY, org)
        url = str(shown.get("instanceUrl") or "").rstrip("/")
        username = str(shown.get("username") or "")
        if not url:
            raise ConfigError(f"sf org display names no instance URL of {org}. {_sign_in(org)}")
        return cls(org, url, username, shows_token=_session_in(shown) != "")

    @property
    def told(self) -> str:
        """What signs in."""
        return f"login of the sf CLI for {self.org} at {self.login_url}, as {self.username}"

    def granted(self, host: Host) -> OrgToken:
        """Let sf renew and show its token, and ask the org whose it is.

        Raises:
            ConfigError: sf has none.
            RejectedRequest: the org does not take it any more.
        """
        token = _session_in(_answer(DISPLAY if self.shows_token else SHOW_TOKEN, self.org))
        if not token:
            raise ConfigError(
                f"sf shows no access token of {self.org}. Update it (sf update), or: "
                f"{_sign_in(self.org)}"
            )
        bearer = {"Authorization": f"Bearer {token}"}
        whose = host.ask("GET", USER_INFO_PATH, UserInfo, headers=bearer)
        return OrgToken(access_token=token, instance_url=self.login_url, id=whose.sub)


def _sign_in(org: str) -> str:
    return f"Sign in again: sf org login web --alias {org}"


def _session_in(shown: Mapping[str, object]) -> str:
    found = SESSION.fullmatch(str(shown.get("accessToken") or ""))
    return found[0] if found else ""


def _answer(command: tuple[str, ...], org: str) -> Mapping[str, object]:
    """Return what sf answers to a command about an org.

    Raises:
        ConfigError: it is not there, does not end, or fails; no token stands in the sentence.
    """
    program = shutil.which(PROGRAM)
    if program is None:
        raise ConfigError(
            "SF_CLI_ORG is set, and there is no program sf on the PATH. Install the Salesforce CLI "
            "(npm install --global @salesforce/cli), or sign in another way: dc-assets settings."
        )
    said = f"{PROGRAM} {' '.join(command)}"
    try:
        done = subprocess.run(  # noqa: S603 - a list of arguments, no shell; the org is one of them
            [program, *command, f"--target-org={org}", "--json"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=ANSWER_WITHIN_S,
            check=False,
        )
        answer: object = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        raise ConfigError(
            f"{said} did not end in {ANSWER_WITHIN_S:.0f} s. Check that it works by hand."
        ) from None
    except (OSError, ValueError):
        raise ConfigError(
            f"{said} --json gave no JSON. Check that it works by hand; sf update brings the "
            "newest version."
        ) from None
    found = cast("dict[str, object]", answer) if isinstance(answer, dict) else {}
    result = found.get("result")
    if done.returncode == 0 and isinstance(result, dict):
        return cast("dict[str, object]", result)
    raise ConfigError(_failed(said, org, found))


def _failed(said: str, org: str, answer: Mapping[str, object]) -> str:
    """Return the sentence for a command of sf that failed."""
    name, message = str(answer.get("name") or ""), str(answer.get("message") or "no reason")
    if name in NOT_KNOWN:
        return (
            f"sf is not signed in at an org called {org}. Sign in: sf org login web --alias "
            f"{org}, or set SF_CLI_ORG to one that sf org list shows."
        )
    words = " ".join(SESSION.sub("(token)", message).split())[:MESSAGE_CHARS_MAX]
    return f"{said} failed: {words.rstrip('.')}. {_sign_in(org)}"


NOT_KNOWN = frozenset({"NamedOrgNotFoundError", "NoAuthInfoFound", "NoOrgFound"})
"""Names of sf's errors for an org that it has no login of."""
