"""Moves millions of records from Salesforce Data Cloud to Salesforce Core and proves it.

For a Dagster project of your own these names are public, and change only by a deprecation:

- `build_load_defs` makes definitions of load specs: of files, or of `LoadSpec`s made in Python;
- `SalesforceLoad` is a load as the component of a defs.yaml;
- `SalesforceResource` is the org that both take, under a key of your choice.

They are imported when they are asked for. Everything else may change with any version.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dc_assets.core.spec import LoadSpec
    from dc_assets.orchestration.component import SalesforceLoad
    from dc_assets.orchestration.loads import build_load_defs
    from dc_assets.orchestration.resources import SalesforceResource

__all__ = ["LoadSpec", "SalesforceLoad", "SalesforceResource", "build_load_defs"]

_PLACES = {
    "LoadSpec": "dc_assets.core.spec",
    "SalesforceLoad": "dc_assets.orchestration.component",
    "SalesforceResource": "dc_assets.orchestration.resources",
    "build_load_defs": "dc_assets.orchestration.loads",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
    """Import a public name when it is first asked for: the commands need no Dagster."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - for those who ask only

    return getattr(import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    """Name what is public: component registries look here."""
    return [*globals(), *_PLACES]
