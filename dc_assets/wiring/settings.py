"""Every setting of the environment: its name, type and meaning, and where its value was found.

This is the one place of the product that reads the environment. A secret may stand in a file
instead, which `SF_CLIENT_SECRET_FILE` and its like name: so orchestrators hand secrets over.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, Self, cast

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)

from dc_assets.core.addresses import without_login
from dc_assets.core.api_version import TESTED_VERSION
from dc_assets.core.errors import ConfigError
from dc_assets.core.write_policy import HEARTBEAT_S, LEASE_S

PACKAGED_LOADS = Path(__file__).parent.parent / "loads"
PREFIX, FILE = "DC_ASSETS_", "_FILE"
HEARTBEATS_A_LEASE_MIN = 3

DEFAULT = "default"


def _name_of(field: str) -> str:
    return field.upper() if field.startswith("sf_") else f"{PREFIX}{field.upper()}"


def _positive(value: object) -> object:
    """Refuse what is no positive number; pydantic's own words would not say what to write."""
    try:
        number = float(str(value))
    except ValueError:
        number = 0.0
    if not 0 < number < math.inf:
        raise ValueError(f"is a positive number, not {str(value)!r}.")
    return number


Positive = Annotated[float, BeforeValidator(_positive)]


LONG_REQUESTS_MAX = 25
"""Requests of 20 s or longer that an org takes at once (Salesforce Developer Limits)."""


def _few(value: object) -> object:
    """Refuse what is no number of requests that any org takes at once."""
    text = str(value).strip()
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= LONG_REQUESTS_MAX):
        raise ValueError(f"is a whole number from 1 to {LONG_REQUESTS_MAX}, not {str(value)!r}.")
    return int(text)


FewQueries = Annotated[int, BeforeValidator(_few)]


class Settings(BaseModel):
    """The settings of one process; an empty variable is as good as none.

    A field of the type `SecretStr` is shown nowhere, and may stand in a file.
    """

    model_config = ConfigDict(alias_generator=_name_of, frozen=True, hide_input_in_errors=True)

    sf_login_url: str = Field(
        default="", description="the org's My Domain, https://….my.salesforce.com"
    )
    sf_client_id: str = Field(
        default="", description="consumer key of the org's External Client App"
    )
    sf_client_secret: SecretStr = Field(
        default=SecretStr(""), description="its consumer secret: signs in by client credentials"
    )
    sf_username: str = Field(
        default="", description="user of the org: signs in by JWT bearer, with the private key"
    )
    sf_private_key: SecretStr = Field(
        default=SecretStr(""),
        description="PEM text of the key whose certificate the app has: for JWT bearer",
    )
    sf_jwt_audience: str = Field(
        default="", description="of JWT bearer; else login or test, by the login URL"
    )
    sf_cli_org: str = Field(
        default="", description="alias or username in the sf CLI: signs in by its login"
    )
    sf_api_version: str = Field(
        default=TESTED_VERSION, description="version of Salesforce's REST and Bulk API"
    )
    allowed_hosts: str = Field(
        default="",
        description="hosts outside *.salesforce.com and *.force.com that may get a secret",
    )
    data: Path = Field(
        default_factory=lambda: Path.home() / ".dc_assets",
        description="folder of spool, snapshots and ledger file",
    )
    loads: Path = Field(
        default=PACKAGED_LOADS,
        description="folder of the load specs, or of a Dagster project's definitions",
    )
    ledger_url: SecretStr = Field(
        default=SecretStr(""),
        description="a PostgreSQL ledger; else a SQLite file in the data folder",
    )
    lease_s: Positive = Field(
        default=LEASE_S, description="seconds that a silent run keeps its partition"
    )
    heartbeat_s: Positive = Field(
        default=HEARTBEAT_S, description="seconds between two signs of life of a run"
    )
    long_queries_max: FewQueries = Field(
        default=3,
        description="long queries that all runs may ask an org at once; a developer org takes five",
    )
    time_scale: Positive = Field(
        default=1.0,
        description="how fast polls and waits pass; for an emulator on this machine only",
    )
    dagster_url: SecretStr = Field(
        default=SecretStr(""),
        description="the Dagster webserver, for `dc-assets run` and for links",
    )
    smtp_url: SecretStr = Field(
        default=SecretStr(""), description="switches notifications by mail on"
    )
    mail_from: str = Field(default="", description="sender of notifications, one address")
    mail_to: str = Field(default="", description="their recipients, with commas between")
    webhook_url: SecretStr = Field(default=SecretStr(""), description="switches the webhook on")
    templates: Path | None = Field(
        default=None, description="folder of notification templates of your own"
    )
    log: Literal["text", "json"] = Field(
        default="text",
        description="how events of a run are written: sentences, or JSON for machines",
    )

    @model_validator(mode="after")
    def _lease_outlives_heartbeats(self) -> Self:
        if self.lease_s < HEARTBEATS_A_LEASE_MIN * self.heartbeat_s:
            raise ValueError(
                f"DC_ASSETS_LEASE_S ({self.lease_s:g}) must be at least three times "
                f"DC_ASSETS_HEARTBEAT_S ({self.heartbeat_s:g}): one late heartbeat must not cost a "
                "run its partition."
            )
        return self

    def texts(self) -> Mapping[str, str]:
        """Return every setting as a text by its name, "" if it is not set; secrets are bare."""
        return {_name_of(field): _text(getattr(self, field)) for field in type(self).model_fields}


def _read_secret(name: str, file: Path) -> str:
    """Return the text of a file without the line end; what it holds is in no error."""
    if os.environ.get(name):
        raise ConfigError(f"{name} and {name}{FILE} are both set. Unset one of them.")
    try:
        text = file.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise ConfigError(
            f"{name}{FILE} names a file that cannot be read: {reason}. Check path and permissions."
        ) from None
    if not text:
        raise ConfigError(f"{name}{FILE} names an empty file. Write the secret into it.")
    return text


def secret_files() -> Mapping[str, Path]:
    """Return the files that hold secrets, by the variables that name them."""
    named = {name: os.environ.get(name) for name in file_names()}
    return {name: Path(file) for name, file in named.items() if file}


def read_settings() -> Settings:
    """Read the settings as they are now.

    Raises:
        ConfigError: a value cannot be; the sentence names the setting.
    """
    try:
        return Settings.model_validate({**_secrets_in_files(), **_given()})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
    raise ConfigError(_sentence(dict(first)))


def _given() -> Mapping[str, str]:
    """Return the settings that the environment itself holds; no .env of a working directory."""
    every = map(_name_of, Settings.model_fields)
    return {name: value for name in every if (value := os.environ.get(name))}


def _secrets_in_files() -> Mapping[str, str]:
    """Return the secrets of the files that variables such as `SF_CLIENT_SECRET_FILE` name."""
    files = {name.removesuffix(FILE): file for name, file in secret_files().items()}
    return {name: _read_secret(name, file) for name, file in files.items()}


def _sentence(error: Mapping[str, Any]) -> str:
    name = "".join(str(part) for part in error["loc"])
    context: Mapping[str, Any] = error.get("ctx") or {}
    if "error" in context:
        return f"{name} {context['error']}".strip()
    return f"{name} is {context.get('expected', 'of another kind')}, not {error['input']!r}."


def _text(value: object) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, float):
        return f"{value:g}"
    return "" if value is None else str(value)


@dataclass(frozen=True, slots=True)
class SettingLine:
    """One setting, as it may be shown.

    Attributes:
        value: for a secret only whether it is set.
        origin: `default`, `environment`, or the variable that names the file.
    """

    name: str
    value: str
    origin: str
    meaning: str


def setting_lines(settings: Settings) -> Sequence[SettingLine]:
    """Return every setting with its value and where it was found, without a secret."""
    return [
        SettingLine(
            name=_name_of(field),
            value=_shown(getattr(settings, field)),
            origin=_origin(_name_of(field)),
            meaning=about.description or "",
        )
        for field, about in type(settings).model_fields.items()
    ]


def _shown(value: object) -> str:
    if isinstance(value, SecretStr):
        return "(set, not shown)" if value.get_secret_value() else ""
    return without_login(_text(value)) if "://" in _text(value) else _text(value)


def _origin(name: str) -> str:
    if os.environ.get(name):
        return "environment"
    return f"{name}{FILE}" if os.environ.get(f"{name}{FILE}") else DEFAULT


def names() -> Sequence[str]:
    """Return the variables that are read, those that name the file of a secret too."""
    return [*map(_name_of, Settings.model_fields), *file_names()]


def file_names() -> Sequence[str]:
    """Return the variables that name the file of a secret."""
    fields = Settings.model_fields.items()
    return [f"{_name_of(name)}{FILE}" for name, one in fields if one.annotation is SecretStr]


def unknown_settings() -> Sequence[str]:
    """Return a sentence for each variable that is named like a setting and is none."""
    known = names()
    return [
        f"{name} is no setting{_meant(name, known)} dc-assets settings lists them."
        for name in sorted(os.environ)
        if name.startswith(PREFIX) and name not in known
    ]


def _meant(name: str, known: Sequence[str]) -> str:
    own = [one.removeprefix(PREFIX) for one in known if one.startswith(PREFIX)]
    close = get_close_matches(name.removeprefix(PREFIX), own, n=1)
    return f": did you mean {PREFIX}{close[0]}?" if close else "."


def data_folder() -> Path:
    """Return the folder of ledger, spool and receipts: `DC_ASSETS_DATA`, or ~/.dc_assets."""
    return read_settings().data.absolute()


def loads_folder() -> Path:
    """Return the folder of the load specs: `DC_ASSETS_LOADS`, or the packaged one."""
    return read_settings().loads.absolute()


def ledger_url() -> str:
    """Return `DC_ASSETS_LEDGER_URL`, or a SQLite file in the data folder. It is never printed."""
    return read_settings().ledger_url.get_secret_value() or f"sqlite:///{data_folder()}/ledger.db"


def database_url(named: str) -> str:
    """Return the URL of a source's database: that of a file, or what a variable holds.

    Raises:
        ConfigError: the variable is not set, and neither is the one that names its file.
    """
    if not named.startswith("$"):
        return named
    name = named.removeprefix("$")
    file = os.environ.get(f"{name}{FILE}")
    url = _read_secret(name, Path(file)) if file else os.environ.get(name)
    if not url:
        raise ConfigError(
            f"{name} is not set, and source.sql.url of a spec reads the URL of a database from it. "
            f"Set it, or {name}{FILE} to the path of a file that holds it."
        )
    return url


def text_of_dagster(value: object) -> str:
    """Return a text of dagster.yaml, which may stand in a variable: ``{"env": NAME}``.

    Raises:
        ConfigError: that variable is not set here.
    """
    if not isinstance(value, Mapping):
        return str(value or "")
    name = str(cast("Mapping[str, object]", value).get("env"))
    if not (text := os.environ.get(name)):
        raise ConfigError(f"{name} is not set here, and dagster.yaml reads from it.")
    return text


def has_dagster_home() -> bool:
    """Tell whether Dagster's own variable names a home; what is in it is Dagster's business."""
    return bool(os.environ.get("DAGSTER_HOME"))
