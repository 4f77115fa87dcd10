"""Where runs of Dagster are carried out: the launchers that `dc-assets home` can write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import version
from typing import Any, cast

from dc_assets.core.errors import ConfigError

DEFAULT = "default"
START_TIMEOUT_S = 120

RUN_VARIABLES = (
    *("SF_LOGIN_URL", "SF_CLIENT_ID", "SF_CLIENT_SECRET_FILE"),
    *("DC_ASSETS_DATA", "DC_ASSETS_LOADS", "DC_ASSETS_LEDGER_URL_FILE"),
)
"""What a container of a run is given by name; Dagster asks that the daemon has each of them."""


def _env(name: str) -> Mapping[str, str]:
    return {"env": name}


@dataclass(frozen=True, slots=True)
class Launcher:
    """One way to carry out runs.

    Attributes:
        package: what `pip install` brings the class; of the version of dagster-postgres.
        config: its config; an address is the name of a variable, because what stands in
            dagster.yaml can be read in the process list.
        start_timeout_s: a run that has not begun by then is failed by Dagster.
        reason: why it takes longer than on the host of the code location.
    """

    module: str
    name: str
    package: str
    config: Mapping[str, object] = field(default_factory=dict[str, object])
    start_timeout_s: int = START_TIMEOUT_S
    reason: str = ""


LAUNCHERS: Mapping[str, Launcher] = {
    DEFAULT: Launcher("dagster", "DefaultRunLauncher", "dagster"),
    "celery": Launcher(
        # The package `dagster_celery` has the class too, and with it every run fails unexplained.
        module="dagster_celery.launcher",
        name="CeleryRunLauncher",
        package="dagster-celery[redis]",
        config={
            "broker": _env("DAGSTER_CELERY_BROKER_URL"),
            "backend": _env("DAGSTER_CELERY_BACKEND_URL"),
            # Two instances that share a broker and a queue carry out each other's runs.
            "default_queue": _env("DAGSTER_CELERY_QUEUE"),
        },
        start_timeout_s=3600,
        reason="a run that waits in the broker for a free worker counts as starting",
    ),
    "docker": Launcher(
        module="dagster_docker",
        name="DockerRunLauncher",
        package="dagster-docker",
        config={
            "image": _env("DAGSTER_RUN_IMAGE"),
            "network": _env("DAGSTER_RUN_NETWORK"),
            "env_vars": RUN_VARIABLES,
            "container_kwargs": {
                "volumes": (
                    "dc_assets_data:/var/lib/dc_assets",
                    "dc_assets_home:/srv/dagster",
                    "/etc/dc_assets/loads:/etc/dc_assets/loads:ro",
                    "/etc/dc_assets/secrets:/run/secrets:ro",
                )
            },
        },
    ),
    "k8s": Launcher(
        module="dagster_k8s",
        name="K8sRunLauncher",
        package="dagster-k8s",
        config={
            "job_image": _env("DAGSTER_RUN_IMAGE"),
            "job_namespace": _env("DAGSTER_K8S_NAMESPACE"),
            "service_account_name": _env("DAGSTER_K8S_SERVICE_ACCOUNT"),
            "instance_config_map": _env("DAGSTER_K8S_INSTANCE_CONFIG_MAP"),
            "env_config_maps": ("dc-assets",),
            "env_secrets": ("dc-assets",),
        },
        start_timeout_s=600,
        reason="a pod may wait for a node",
    ),
    "ecs": Launcher(
        module="dagster_aws.ecs",
        name="EcsRunLauncher",
        package="dagster-aws",
        config={
            "use_current_ecs_task_config": True,  # variables and secrets are those of the daemon
            "run_resources": {"cpu": "512", "memory": "1024"},
        },
        start_timeout_s=600,
        reason="a task may wait for capacity",
    ),
}


def run_launcher(launcher: Launcher, variables: Sequence[str] = ()) -> Mapping[str, object]:
    """Return the block of dagster.yaml; `variables` are more that a container of a run needs."""
    config: dict[str, object] = {key: _plain(value) for key, value in launcher.config.items()}
    if "env_vars" in config:
        config["env_vars"] = [*RUN_VARIABLES, *variables]
    block: dict[str, object] = {"module": launcher.module, "class": launcher.name}
    return {**block, "config": config} if config else block


def _plain(value: object) -> object:
    """Return what YAML writes: dicts and lists."""
    if isinstance(value, Mapping):
        items = cast("Mapping[str, object]", value).items()
        return {key: _plain(inner) for key, inner in items}
    return list(cast("tuple[object, ...]", value)) if isinstance(value, tuple) else value


def check_launcher(block: Mapping[str, Any]) -> str:
    """Hold a block against the config of its class; nothing is reached, no variable is read.

    Returns:
        Nothing, or a sentence when the class is not installed here and so nothing was compared.

    Raises:
        ConfigError: the class is not in its module, or does not take this config.
    """
    from dagster._config import validate_config  # noqa: PLC0415 - slow, needed here alone

    module, name = str(block.get("module")), str(block.get("class"))
    try:
        found: Any = getattr(import_module(module), name)
    except ModuleNotFoundError:
        return f"run_launcher was not checked: {module} is not installed here.{_bringer(module)}"
    except AttributeError:
        raise ConfigError(
            f"run_launcher of dagster.yaml names {name}, and {module} has no such class."
        ) from None
    config: object = block.get("config") or {}
    outcome: Any = validate_config(found.config_type(), config)
    if not outcome.success:
        told = "; ".join(str(error.message) for error in outcome.errors)
        raise ConfigError(f"run_launcher of dagster.yaml does not fit {name}: {told}")
    return ""


def _bringer(module: str) -> str:
    """Name the command that installs a launcher of the table; Dagster's packages share versions."""
    packages = [one.package for one in LAUNCHERS.values() if one.module == module]
    return "".join(
        f' pip install "{one}=={version("dagster-postgres")}" brings it, on every host; then give '
        "this command again."
        for one in packages
    )
