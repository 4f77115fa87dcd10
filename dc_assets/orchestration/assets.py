"""One partitioned asset for each load spec; its body is a shell."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import dagster as dg
from dagster._check import CheckError
from pydantic import Field

from dc_assets.core.printable import markdown_code
from dc_assets.core.run_events import RunEvent
from dc_assets.core.spec import LoadSpec
from dc_assets.load.store import LoadRequest
from dc_assets.orchestration.failures import in_one_sentence
from dc_assets.orchestration.lineage import source_key, target_columns
from dc_assets.orchestration.placing import (
    LOADS_GROUP,
    PlacedLoad,
    loads_in,
    refuse_namesakes,
)
from dc_assets.orchestration.resources import salesforce_of

BY_CONDITION = "dagster/from_automation_condition"
"""Tag of the runs that Dagster 1.13 launches by a condition (`AUTOMATION_CONDITION_TAG`)."""


class LoadConfig(dg.Config):
    """Run config of a load; the launchpad shows these fields. The ids come from the partition."""

    mode: Literal["full", "missing", "changed", "replay"] = Field(
        default="full",
        description="full: every row of the partition is sent. missing: exactly the rows that the "
        "target lacks. changed: those, and the rows whose values differ. replay: exactly the rows "
        "whose latest outcome is a dead letter",
    )
    resume: bool = Field(
        default=False,
        description="Leave a partition as it is if all its rows were sent, and ask its checks; "
        "without it a partition that is checked begins a new load, in which its rows are selected "
        "again. What is unfinished is resumed either way",
    )
    partition_keys: list[str] = Field(
        default_factory=list,
        description="The partitions that a load begun by this run is about; those of its backfill "
        "if left empty",
    )
    after_stop: bool = Field(
        default=False,
        description="Take back an operator's order to stop (dc-assets stop) that is older than "
        "this launch; without it a run of a stopped load fails at once",
    )
    anyway: str = Field(
        default="",
        description="Why to send although the spec does not fit its org or source, which a plan "
        "tells; the ledger keeps the reason. Without it such a run fails before a row is sent",
    )
    production: bool = Field(
        default=False,
        description="The load may write to a production org; the ledger keeps it with the load. "
        "Without it a run that begins one there fails before a row is sent",
    )
    snapshot: bool = Field(
        default=False,
        description="First save the mapped fields of the records that the partition overwrites, "
        "for dc-assets restore; a load that began without it fails before a row is sent",
    )
    batch_rows_max: int | None = Field(
        default=None, description="Rows in one ingest job, at most; instead of the spec's"
    )
    window: int | None = Field(
        default=None,
        description="Jobs in flight over all partitions, for a load that is planned by this run",
    )

    def applied_to(self, spec: LoadSpec) -> LoadSpec:
        """Return the spec with the overrides of this run."""
        overrides = self.model_dump(include={"batch_rows_max", "window"}, exclude_none=True)
        return spec.with_profile(overrides)


def refreshing(spec: LoadSpec) -> LoadConfig:
    """Return what a refresh asks for; nobody is there to ask, so the spec says which org it may."""
    return LoadConfig(mode="changed", production=spec.target.org_id is not None)


def config_of(given: LoadConfig, spec: LoadSpec, tags: Mapping[str, str]) -> LoadConfig:
    """Return the config of a run: what an automation condition launches has none, and refreshes.

    A person who launches such a run again may give it one; the tag stays with it.
    """
    return refreshing(spec) if BY_CONDITION in tags and given == LoadConfig() else given


def partitions_of(spec: LoadSpec) -> dg.StaticPartitionsDefinition:
    """Return the partitions of a spec: one short key for each id range."""
    return dg.StaticPartitionsDefinition(list(spec.ranges))


def load_asset(placed: PlacedLoad) -> dg.AssetsDefinition:
    """Make the asset of one load.

    It has no `backfill_policy`: with one, Dagster 1.13 stores check results without a partition.
    """
    spec, options = placed.spec, placed.options

    @dg.asset(
        key=placed.asset_key,
        deps=[source_key(spec.source), *map(_wholly_before, placed.parents)],
        partitions_def=partitions_of(spec),
        code_version=spec.spec_hash[:12],  # of another spec, a green partition is outdated
        pool=options.pool,
        group_name=options.group_name or LOADS_GROUP,
        owners=options.owners,
        tags=options.tags,
        automation_condition=options.automation_condition,
        required_resource_keys={options.resource_key},
        kinds={"salesforce"},
        description=f"Rows of {markdown_code(spec.source.place)} as "
        f"{markdown_code(spec.target.object)} records, "
        f"{'updated' if spec.target.operation == 'update' else 'upserted'} by "
        f"{markdown_code(spec.target.external_id)}.",
        metadata={
            "ranges": dg.MetadataValue.md(
                "\n".join(
                    f"- {markdown_code(key)}: {markdown_code(str(id_range))}"
                    for key, id_range in spec.ranges.items()
                )
            ),
            **target_columns(spec),
            **placed.metadata,
        },
    )
    def asset(context: dg.AssetExecutionContext, config: LoadConfig) -> dg.MaterializeResult[Any]:
        from dc_assets.orchestration.progress import metadata_of, progress_told

        config = config_of(config, spec, context.run.tags)
        applied = config.applied_to(spec)
        with in_one_sentence():
            refuse_namesakes(placed, _loads_beside(context))
        with (
            in_one_sentence(),
            salesforce_of(context.resources, options).open(
                applied, run_id=context.run.run_id, log=context.log, mode=config.mode
            ) as opened,
        ):
            if config.after_stop and opened.loads.go_on(given_before=_launched_at(context)):
                opened.ports.note(RunEvent("stop_taken_back", {}, context.partition_key))
            with progress_told(context, opened):
                loaded = opened.load(context.partition_key, _request(context, config, placed))
            return dg.MaterializeResult(metadata=metadata_of(opened, loaded))

    return asset


def _loads_beside(context: dg.AssetExecutionContext) -> Sequence[PlacedLoad]:
    """Return the loads of the code location; none where a test executes a job in its process."""
    try:
        return loads_in(context.repository_def)
    except CheckError:
        return ()


def _wholly_before(parent: PlacedLoad) -> dg.AssetDep:
    """Return the dependency on all partitions of a parent: any row may name any of its records."""
    return dg.AssetDep(parent.asset_key, partition_mapping=dg.AllPartitionMapping())


def _request(
    context: dg.AssetExecutionContext, config: LoadConfig, placed: PlacedLoad
) -> LoadRequest:
    """Return what was asked for: a run and its retries are one launch."""
    return LoadRequest(
        is_new=not config.resume,
        partition_keys=config.partition_keys or _of_backfill(context),
        launch=context.run.root_run_id or context.run.run_id,
        anyway=config.anyway,
        production=config.production,
        snapshot=config.snapshot,
        parents=[parent.spec for parent in placed.parents],
    )


def _of_backfill(context: dg.AssetExecutionContext) -> Sequence[str]:
    """Return the partitions of the run's backfill; none if it has none, or Dagster does not say."""
    backfill_id = context.run.tags.get("dagster/backfill")
    backfill = context.instance.get_backfill(backfill_id) if backfill_id else None
    data = None if backfill is None else backfill.asset_backfill_data
    if data is None:
        return ()
    subset = data.target_subset.partitions_subsets_by_asset_key.get(context.asset_key)
    return () if subset is None else sorted(subset.get_partition_keys())


def _launched_at(context: dg.AssetExecutionContext) -> float:
    """Return when somebody launched this run, or the run that it retries, seconds since 1970.

    An order to stop that was given later is not taken back by a retry of an earlier launch.
    """
    first = context.run.root_run_id or context.run.run_id
    record = context.instance.get_run_record_by_id(first)
    return record.create_timestamp.timestamp() if record else 0.0
