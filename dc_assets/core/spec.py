"""The load spec: everything that is particular to one object, validated.

A spec is one YAML file in the loads folder. It names things of Data Cloud and of the org; no
module of the product does.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, Self, get_args

from pydantic import BaseModel, Field, model_validator

from dc_assets.core.ladders import ROW_LADDER_S
from dc_assets.core.lanes import BATCH_ROWS_MAX, WINDOW_DEFAULT
from dc_assets.core.ranges import IdRange, partition_ranges
from dc_assets.core.source_spec import DEFAULT_DATA_SPACE, Part, SourceSpec
from dc_assets.core.spec_texts import SOQL, CronLine, Name, Target
from dc_assets.core.target_fields import TargetPath

ColumnType = Literal[
    "text",
    "picklist",
    "multipicklist",
    "number",
    "currency",
    "percent",
    "boolean",
    "date",
    "datetime",
    "reference",
]
NUMBERS = frozenset({"number", "currency", "percent"})
NullPolicy = Literal["null", "unchanged"]
BlankPolicy = Literal["keep", "strip", "exact"]
Operation = Literal["upsert", "update"]

WAIT_S_MAX = 604_800
"""A week: nothing that is waited for here takes longer."""

YEAR_S = 31_536_000

Wait = Annotated[float, Field(gt=0, le=WAIT_S_MAX)]

TUNED = ("after", "profile", "limits", "checks", "refresh", "time_zone")
"""Parts of a spec that may change while a load is unfinished."""


class TargetSpec(Part):
    """Where the rows go."""

    object: Name = Field(description="API name of the object in the org")
    external_id: Name = Field(description="External id field that the upsert matches by")
    scope: SOQL | None = Field(
        default=None,
        description="SOQL condition that says which records are ours: the others are not compared",
    )
    operation: Operation = Field(
        default="upsert",
        description="upsert: a row without a record creates one. update: it is refused, and no "
        "record is ever created",
    )
    org_id: str | None = Field(
        default=None,
        pattern=r"^00D[A-Za-z0-9]{12}(?:[A-Za-z0-9]{3})?$",
        description="Id of the one org that the loads may go to; without it that of the first load",
    )


class ColumnSpec(Part):
    """One column on its way: source name, target name, type."""

    source: Name
    target: Target
    type: ColumnType = "text"
    when_null: NullPolicy = Field(
        default="null",
        description="null: clear the field in the org. unchanged: leave it as it is",
    )
    blanks: BlankPolicy = Field(
        default="keep",
        description="keep: send blanks around a value, and do not compare them: an org may drop "
        "them. strip: drop them before it is sent. exact: send and compare them",
    )
    scale: int | None = Field(
        default=None, ge=0, le=18, description="Decimals that a number is rounded to"
    )

    @model_validator(mode="after")
    def _scale_of_a_number(self) -> Self:
        if self.scale is not None and self.type not in NUMBERS:
            raise ValueError(f"scale is for numbers; {self.target} is {self.type}")
        return self

    @property
    def path(self) -> TargetPath:
        """The target, taken apart."""
        return TargetPath.of(self.target)


class PartitionsSpec(Part):
    """How the ids are cut into Dagster partitions."""

    scheme: int = Field(ge=1, le=999, description="Raise it when the bounds change")
    upper_bounds: tuple[Name, ...] = Field(
        description="Last id of each partition but the last one, which is open above"
    )

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        for lower, upper in zip(self.upper_bounds, self.upper_bounds[1:], strict=False):
            if lower >= upper:
                raise ValueError(f"upper_bounds must ascend, but {lower!r} stands before {upper!r}")
        return self


class ChecksSpec(Part):
    """What the asset checks compare besides counts and keys."""

    values: Literal["all", "sample", "none"] = Field(
        default="all",
        description="Compare the mapped fields of all rows, of a sample, or of none",
    )
    sample_rows: int = Field(
        default=1_000, ge=1, le=100_000, description="Rows of a partition that a sample holds"
    )
    outgrown_factor: float = Field(
        default=2.0,
        gt=1,
        description="A partition that has so many times the rows of the middle one is warned of",
    )

    distributions: tuple[Name, ...] = Field(
        default=(), description="Target fields whose value counts must agree"
    )


class ProfileSpec(Part):
    """How the writer treats the org. A change here never asks for a new load."""

    window: int = Field(default=WINDOW_DEFAULT, ge=1, le=100)
    batch_rows_max: int = Field(default=BATCH_ROWS_MAX, ge=1, le=BATCH_ROWS_MAX)
    row_ladder_s: tuple[Wait, ...] = Field(default=ROW_LADDER_S, max_length=20)
    exclusive_user: bool = Field(
        default=False,
        description="The org's integration user runs nothing else: stray Open jobs may be aborted",
    )


class LimitsSpec(Part):
    """When a run stops sending. A change here never asks for a new load."""

    failed_jobs_max: int = Field(
        default=5, ge=1, le=100, description="Jobs in a row that the org may end Failed or Aborted"
    )
    refused_share_max: float = Field(
        default=0.25, gt=0, le=1, description="Share of the rows that the org may refuse"
    )
    refused_after_rows: int = Field(
        default=5_000, ge=1, description="Rows with an outcome before the share counts"
    )
    api_calls_reserve: int = Field(
        default=1_000, ge=0, description="API calls of the day that are left to others"
    )
    daily_batches_reserve: int = Field(
        default=200, ge=0, description="Ingest batches of the day that are left to others"
    )
    job_wait_s_max: Wait = Field(
        default=7_200.0, description="A job that has not ended by then is aborted"
    )
    silence_s_max: Wait = Field(
        default=600.0, description="Seconds without one good answer of a host"
    )
    rows_a_day_max: int | None = Field(
        default=None, ge=1, description="Rows that all loads of the spec send in 24 hours"
    )
    api_calls_a_day_max: int | None = Field(
        default=None, ge=1, description="API calls that all loads of the spec make in 24 hours"
    )
    batches_a_day_max: int | None = Field(
        default=None, ge=1, description="Ingest jobs that all loads of the spec open in 24 hours"
    )
    hours: str | None = Field(
        default=None,
        pattern=r"^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$",
        description="Time of day in which rows are sent, such as 22:00-06:00; time_zone says where",
    )

    @model_validator(mode="after")
    def _some_hours(self) -> Self:
        if self.hours is not None:
            begin, end = self.hours.split("-")
            if begin == end:
                raise ValueError(
                    f"hours {self.hours} begin and end at the same time: leave hours out to send "
                    "all day, or correct one of the two"
                )
        return self


class RefreshSpec(Part):
    """How changes of the source are found and brought over, day by day."""

    modified: Name | None = Field(
        default=None,
        description="Source column with the time of a row's last change; without one, "
        "fingerprints of whole ranges are compared",
    )
    overlap_s: float = Field(
        default=3_600.0,
        ge=0,
        le=YEAR_S,
        description="Changes may show up so late behind newer ones",
    )
    look_every_s: int | None = Field(
        default=None,
        ge=1,
        le=YEAR_S,
        description="Seconds between two looks; 900 with a modification column, else 86,400",
    )
    retry_after_s: int = Field(
        default=600,
        ge=1,
        le=WAIT_S_MAX,
        description="Wait before a failed refresh is requested again; it doubles",
    )
    cron: CronLine = Field(
        default="0 2 * * *", description="When the schedule compares all partitions"
    )
    deletes: Literal["report", "apply"] = Field(
        default="report",
        description="Rows that we landed and the source has no more: report them only, or let "
        "dc-assets deletions delete them after a confirmation",
    )
    deletes_rows_max: int | None = Field(
        default=None,
        ge=1,
        description="Deletions of one partition, at most; 1,000 or 0.1 % of its rows if less",
    )

    @property
    def looks_every_s(self) -> int:
        """Seconds between two looks at the source."""
        if self.look_every_s is not None:
            return self.look_every_s
        return 900 if self.modified is not None else 86_400


class LoadSpec(Part):
    """One object's way from Data Cloud to the org."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")
    source: SourceSpec
    target: TargetSpec
    columns: tuple[ColumnSpec, ...] = Field(min_length=1)
    partitions: PartitionsSpec
    after: tuple[Name, ...] | None = Field(
        default=None,
        description="Loads that are complete before this one begins; without it those whose object "
        "a reference column leads to, and none if it is empty",
    )
    checks: ChecksSpec = ChecksSpec()
    profile: ProfileSpec = ProfileSpec()
    limits: LimitsSpec = LimitsSpec()
    refresh: RefreshSpec = RefreshSpec()
    time_zone: str = Field(
        default="UTC", description="IANA name of the zone of limits.hours and refresh.cron"
    )

    @model_validator(mode="after")
    def _columns_agree(self) -> Self:
        sources = [column.source for column in self.columns]
        targets = [column.target for column in self.columns]
        read = [column.path.queried for column in self.columns]
        for names, side in ((sources, "source"), (read, "target")):
            doubled = {name for name in names if names.count(name) > 1}
            if doubled:
                raise ValueError(f"{side} columns stand twice: {', '.join(sorted(doubled))}")
        if (self.source.key, self.target.external_id) not in set(
            zip(sources, targets, strict=True)
        ):
            raise ValueError(
                f"columns must map {self.source.key} to {self.target.external_id}: it is the key"
            )
        if self.source.parent is not None and self.source.parent not in sources:
            raise ValueError(f"columns must hold the parent column {self.source.parent}")
        unknown = sorted(set(self.checks.distributions) - set(targets))
        if unknown:
            raise ValueError(f"checks name target fields that no column has: {', '.join(unknown)}")
        if self.target.operation == "update" and self.refresh.deletes == "apply":
            raise ValueError(
                "refresh.deletes: apply deletes records of the load, and a load with "
                "target.operation: update creates none: leave one of the two out"
            )
        return self

    @property
    def targets(self) -> Sequence[str]:
        """The targets of all columns."""
        return [column.target for column in self.columns]

    @property
    def asset_name(self) -> str:
        """Name of the Dagster asset."""
        return f"{self.name}_in_core"

    @property
    def ranges(self) -> Mapping[str, IdRange]:
        """Id range of each partition key, in order."""
        return partition_ranges(self.partitions.scheme, self.partitions.upper_bounds)

    @property
    def parent_target(self) -> str | None:
        """Target field of the parent column, such as Parent.External_ID__c, if there is one."""
        if self.source.parent is None:
            return None
        return self.column(source=self.source.parent).target

    @property
    def spec_hash(self) -> str:
        """Digest of everything that decides which rows are sent and what they say.

        Everything else stays out: tuning a running load must not orphan it, and a load has its org
        already. A data space and an operation are part of it unless they are those that specs
        without the setting always meant.
        """
        identity = self.model_dump(mode="json", exclude=set(TUNED))
        del identity["target"]["org_id"]
        del identity["source"]["api"]  # it reads the same rows
        if self.target.operation == "upsert":
            del identity["target"]["operation"]
        if self.source.data_space == DEFAULT_DATA_SPACE:
            del identity["source"]["data_space"]
        if self.source.sql is None:
            del identity["source"]["sql"]
        return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:16]

    def with_profile(self, overrides: Mapping[str, object]) -> LoadSpec:
        """Return the spec with some settings of its profile replaced and checked."""
        profile = {**self.profile.model_dump(), **overrides}
        return self.model_copy(update={"profile": ProfileSpec.model_validate(profile)})

    def with_files(self, files: str) -> LoadSpec:
        """Return the spec with its source files at another path."""
        return self.model_copy(update={"source": self.source.model_copy(update={"files": files})})

    def column(self, *, source: str) -> ColumnSpec:
        """Return the column that reads a source name."""
        return next(column for column in self.columns if column.source == source)

    def source_of(self, target: str) -> str:
        """Return the source column of a target field."""
        return next(column.source for column in self.columns if column.target == target)


def settings_at(place: Sequence[int | str]) -> list[str]:
    """Return the names of the settings that a part of a spec may have; none for other places.

    >>> settings_at(["columns", 3])
    ['source', 'target', 'type', 'when_null', 'blanks', 'scale']
    """
    part: type[BaseModel] = LoadSpec
    for name in place:
        if isinstance(name, int):
            continue
        field = part.model_fields.get(name)
        kinds = () if field is None else (field.annotation, *get_args(field.annotation))
        inner = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]
        if not inner:
            return []
        [part] = inner
    return list(part.model_fields)


def check_name(field: str) -> str:
    """Turn a target field's name into the name of its distribution check.

    >>> check_name("StatusName"), check_name("Parent.External_ID__c")
    ('status_name_distribution_matches', 'parent_external_id__c_distribution_matches')
    """
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", field).replace(".", "_")
    return re.sub(r"[^a-z0-9_]", "_", spaced.lower()) + "_distribution_matches"
