"""A load as a component: what a defs.yaml of a Dagster project says becomes its definitions.

The load is read from the text of the file as commands read it; Dagster's templates are for the
options. Why: `docs/adr/0060-a-load-is-a-component.md`.
"""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Self

import dagster as dg
from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler, WithJsonSchema
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from dc_assets.core.errors import ConfigError
from dc_assets.core.spec import LoadSpec
from dc_assets.load.component_files import OPTIONS, SPEC, Written, loads_named_in
from dc_assets.load.spec_files import read_spec, spec_of
from dc_assets.orchestration.loads import definitions_of_one
from dc_assets.orchestration.placing import LoadOptions, PlacedLoad
from dc_assets.orchestration.scaffolding import SalesforceLoadScaffolder

_DEFAULT = LoadOptions()

Condition = Annotated[
    dg.AutomationCondition[Any] | str | None,
    WithJsonSchema({"type": ["string", "null"], "title": "Automation Condition"}),
]


class Attributes(BaseModel):
    """What stands under attributes: options with types, and the settings of a load as they are."""

    model_config = ConfigDict(extra="allow", arbitrary_types_allowed=True)

    spec: str | None = Field(
        default=None,
        description="Spec file of the load, seen from this folder, instead of its settings here",
    )
    resource_key: str = Field(
        default=_DEFAULT.resource_key,
        description="Key of the dc_assets.SalesforceResource that runs and sensors of the load use",
    )
    key_prefix: list[str] | str = Field(
        default=[],
        description="Stands before the keys of the assets, and before the names of job, sensor and "
        "schedule",
    )
    group_name: str | None = Field(
        default=None, description="Group of load and audit; without it `loads` and `audits`"
    )
    owners: list[str] | str = Field(
        default=[], description="Owners of the asset: mail addresses, or team:name"
    )
    tags: dict[str, str] | str = Field(default={}, description="Tags of the asset")
    automation_condition: Condition = Field(
        default=None,
        description="When Dagster loads a partition by itself, such as "
        "'{{ dg.AutomationCondition.eager() }}'",
    )
    pool: str = Field(default=_DEFAULT.pool, description="Pool that the runs of the load share")

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler, /
    ) -> JsonSchemaValue:
        """Add the settings of a spec, in the words of the spec's own model."""
        schema = handler.resolve_ref_schema(handler(core_schema))
        load = handler.resolve_ref_schema(handler(LoadSpec.__pydantic_core_schema__))
        schema["properties"] = {**load["properties"], **schema["properties"]}
        schema["additionalProperties"] = False
        schema["if"] = {"not": {"required": [SPEC]}}
        schema["then"] = {"required": load["required"]}
        return schema


@dg.scaffold_with(SalesforceLoadScaffolder)
@dataclass(frozen=True)
class SalesforceLoad(dg.Component, dg.Resolvable):
    """A load of an object into Salesforce: asset, checks, audit, refresh and what watches them.

    The attributes are the settings of a load spec, or `spec` with the name of a spec file, and how
    the load stands in the project. The project gives a `dc_assets.SalesforceResource`.
    """

    spec: LoadSpec
    options: LoadOptions = _DEFAULT

    @classmethod
    def get_spec(cls) -> dg.ComponentTypeSpec:
        """Name the kinds of definitions that a load has."""
        return dg.ComponentTypeSpec(produces=["asset", "asset_check", "job", "sensor", "schedule"])

    @classmethod
    def model(cls) -> type[BaseModel]:
        """Return the model of the attributes, whose schema `dg` and the UI show."""
        return Attributes

    @classmethod
    def load(cls, attributes: BaseModel | None, context: dg.ComponentLoadContext) -> Self:
        """Make the load of a defs.yaml.

        Raises:
            ConfigError: it is none; the sentence names file and line.
        """
        try:
            return super().load(attributes or Attributes(), context)
        except ConfigError as error:  # our frames say nothing to who wrote the file
            raise ConfigError(str(error)) from None

    @classmethod
    def resolve_from_model(cls, context: dg.ResolutionContext, model: BaseModel) -> Self:
        """Make the load that some attributes are."""
        attributes = Attributes.model_validate(model)
        return cls(_spec_of(context, attributes), _options_of(context, attributes))

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Return what Dagster has to know; parents may be loads of other components.

        Raises:
            ConfigError: the load has no place in the order of loads, or no name of its own.
        """
        others = context.component_tree.get_all_components(of_type=SalesforceLoad)
        loads = others if self in others else [*others, self]
        counted = Counter(one.spec.name for one in loads)
        if counted[self.spec.name] > 1:
            raise ConfigError(
                f"Two components are loads called {self.spec.name}. Give one another name: the "
                "ledger knows a load by it."
            )
        placed = [PlacedLoad(one.spec, one.options) for one in loads]
        return definitions_of_one(self.spec.name, placed)


def _spec_of(context: dg.ResolutionContext, model: Attributes) -> LoadSpec:
    """Read the load from the text of its file; without one the attributes are all there is."""
    tree = context.source_position_tree
    if tree is None:
        if model.spec is not None:
            return read_spec(Path(model.spec))
        return spec_of(Written(Path("attributes"), model.model_extra, None, OPTIONS))
    file = Path(tree.position.filename)
    loads_named_in(file)
    return read_spec(file if model.spec is None else file.parent / model.spec)


def _options_of(context: dg.ResolutionContext, model: Attributes) -> LoadOptions:
    given = {name: getattr(model, name) for name in OPTIONS if name in model.model_fields_set}
    found: dict[str, Any] = {
        name: context.at_path(name).resolve_value(value) for name, value in given.items()
    }
    for name in ("key_prefix", "owners"):
        if isinstance(found.get(name), str):
            found[name] = [found[name]]
    if isinstance(found.get("automation_condition"), str):
        raise ConfigError(
            f"automation_condition is {found['automation_condition']!r}, and no condition. Write "
            "it as a template, such as '{{ dg.AutomationCondition.eager() }}'."
        )
    return LoadOptions(**found)
