"""Tables of the ledger, and the two rules that the database itself enforces.

One unfinished load of a mode per partition (`range_state.open_as`), and one batch in flight per
(org, parent object, lane): two unique indexes. So a lane is leased exactly while a batch of it is
in flight, and no lease can outlive its batch (`docs/adr/0005-a-batch-in-flight-is-the-lease.md`).
"""

from __future__ import annotations

from sqlalchemy import (
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    event,
    text,
)
from sqlalchemy.engine import Connection
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

SCHEMA_VERSION = 9

metadata = MetaData()

ledger_version = Table("ledger_version", metadata, Column("version", Integer, primary_key=True))

load = Table(
    "load",
    metadata,
    Column("load_id", String(32), primary_key=True),
    Column("spec_name", String(64), nullable=False),
    Column("spec_hash", String(64), nullable=False),
    Column("org_id", String(32), nullable=False),
    Column("mode", String(16), nullable=False),
    Column("state", String(16), nullable=False, doc="open, done or superseded"),
    Column("opened_at", Float, nullable=False),
    Column("finished_at", Float),
    Column("stopped_at", Float, doc="when an operator ordered the load to stop"),
    Column("lane_scope", String(96), doc="org and parent object whose children the load writes"),
    Column("window_cut_at", Float, doc="when the window was last halved"),
    Column("spec_json", Text, doc="the spec as it was when the load began"),
    Column("versions", Text, doc="JSON: versions of the programs that began the load"),
    Column("anyway", Text, doc="why it was sent although the spec did not fit org or source"),
    Column("production_at", Float, doc="when somebody said that it may write to a production org"),
    Column(
        "with_snapshot",
        Integer,
        nullable=False,
        server_default=text("0"),
        doc="1: what its rows overwrite is saved before",
    ),
    Column("planner", Text, doc="owner that makes the plan"),
    Column("planner_until", Float, nullable=False, server_default=text("0")),
)
plan = Table(
    "plan",
    metadata,
    Column("load_id", String(32), ForeignKey("load.load_id"), primary_key=True),
    Column("lanes_shared", Integer, nullable=False),
    Column("hot_parents", Text, nullable=False, doc="JSON: see LaneMap.of_kept"),
    Column("window_jobs", Integer, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("ambiguous_keys", Text, nullable=False, doc="JSON list"),
    Column("made_at", Float, nullable=False),
)

range_state = Table(
    "range_state",
    metadata,
    Column("load_id", String(32), ForeignKey("load.load_id"), primary_key=True),
    Column("partition_key", String(32), primary_key=True),
    Column("phase", String(16), nullable=False, doc="see core.phases"),
    Column("owner", Text),
    Column("fence", Integer, nullable=False),
    Column("lease_until", Float, nullable=False),
    Column("selected", Integer),
    Column("started_at", Float),
    Column("finished_at", Float, doc="when its last row had an outcome"),
    Column("checked_at", Float, doc="when all checks had looked at what was sent"),
    Column("open_as", String(160), doc="org/spec/mode/partition while it is unfinished"),
    Column("launches", Text, doc="JSON list: launches that took part, by their root runs"),
    Column("source_state", Text, doc="source cursor or fingerprint, seen before rows were read"),
    Column(
        "proved_at",
        Float,
        doc="when every check of the partition agreed after the load, refused rows or not",
    ),
    Column("cleaned_at", Float, doc="when cleanup last began to delete records of its partition"),
    Column("cleaned_rows", Integer, doc="how many it deleted since the partition was written"),
    Column("paused_until", Float, doc="until when its run sends nothing by itself, if it does so"),
    Column("paused_why", Text),
)

Index("one_unfinished_range", range_state.c.open_as, unique=True)

snapshot = Table(
    "snapshot",
    metadata,
    Column("load_id", String(32), ForeignKey("load.load_id"), primary_key=True),
    Column("partition_key", String(32), primary_key=True),
    Column("path", Text, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("taken_at", Float, nullable=False),
    Column("spec_json", Text, nullable=False, doc="the spec that writes the file back"),
    Column("restored_at", Float, doc="when the org was seen to be as the file says"),
)

scheme_bounds = Table(
    "scheme_bounds",
    metadata,
    Column("spec_name", String(64), primary_key=True),
    Column("scheme", Integer, primary_key=True),
    Column("bounds", Text, nullable=False, doc="JSON list: the upper bounds of its first load"),
)

pinned_org = Table(
    "pinned_org",
    metadata,
    Column("spec_name", String(64), primary_key=True),
    Column("org_id", String(32), nullable=False, doc="the org that the loads of the spec go to"),
    Column("host", Text, nullable=False, doc='as it was seen last, like kind; "" if never'),
    Column("kind", String(80), nullable=False, doc="see core.organization"),
    Column("pinned_at", Float, nullable=False),
)

batch = Table(
    "batch",
    metadata,
    Column("batch_id", String(32), primary_key=True),
    Column("load_id", String(32), ForeignKey("load.load_id"), nullable=False),
    Column("partition_key", String(32), nullable=False),
    Column(
        "lane_scope",
        String(96),
        nullable=False,
        doc="org and parent object that the lane belongs to",
    ),
    Column("lane", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("holder_key", String(32), doc="partition whose run drives the batch"),
    Column("holder_load", String(32)),
    Column("holder_fence", Integer),
    Column("job_id", String(32)),
    Column("ready_at", Float, nullable=False),
    Column(
        "waits",
        Integer,
        nullable=False,
        server_default=text("0"),
        doc="1: its rows wait for parents of the same load, tried at ready_at",
    ),
    Column("opening_at", Float, doc="null again when the create call is known to be over"),
    Column("uploaded_at", Float),
    Column("finished_at", Float),
    Column("landed", Integer, nullable=False, server_default=text("0")),
    Column("retried", Integer, nullable=False, server_default=text("0")),
    Column("locked", Integer, nullable=False, server_default=text("0"), doc="rows that met a lock"),
    Column("active_s", Float),
    Column("total_s", Float),
    Column("ended_at", Float, doc="when the job ended, by the org's clock"),
    Column("receipt_path", Text, doc="file of a version before 9 that was not read yet"),
    Column("receipt_sha256", String(64)),
    Column("cleaned_at", Float, doc="when the records that it created were deleted in the org"),
)
_in_flight = batch.c.state.in_(["opening", "open", "uploaded"])
_ONE_JOB_A_LANE = Index(
    "one_job_a_lane",
    batch.c.lane_scope,
    batch.c.lane,
    unique=True,
    sqlite_where=_in_flight,
)
Index("batch_by_range", batch.c.load_id, batch.c.partition_key, batch.c.state)

receipt = Table(
    "receipt",
    metadata,
    Column("batch_id", String(32), ForeignKey("batch.batch_id"), primary_key=True),
    Column("load_id", String(32), ForeignKey("load.load_id"), nullable=False),
    Column("content", LargeBinary, nullable=False, doc="Parquet: one line per row of the batch"),
    Column("sha256", String(64), nullable=False),
)
Index("receipt_by_load", receipt.c.load_id)

dead_letter = Table(
    "dead_letter",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("load_id", String(32), ForeignKey("load.load_id"), nullable=False),
    Column("partition_key", String(32), nullable=False),
    Column("external_id", Text, nullable=False),
    Column("code", String(80), nullable=False),
    Column("message", Text, nullable=False),
    Column("fields", Text, nullable=False),
    Column("row_json", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("refused_at", Float, nullable=False),
    Column("first_refused_at", Float, doc="when a load first refused this external id"),
    Column("run_id", Text, doc="run that wrote the letter"),
    Column("replayed_by", String(32), doc="load that sent the row again"),
)
Index("dead_letter_by_range", dead_letter.c.load_id, dead_letter.c.partition_key)
Index("dead_letter_by_key", dead_letter.c.external_id)

run_heartbeat = Table(
    "run_beat",
    metadata,
    Column("run_id", String(64), primary_key=True),
    Column("owner", Text, nullable=False),
    Column("lease_until", Float, nullable=False),
)

check_result = Table(
    "check_result",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("spec_name", String(64), nullable=False),
    Column("org_id", String(32), nullable=False),
    Column("partition_key", String(32), nullable=False),
    Column("load_id", String(32), doc="newest load of the partition when it was checked"),
    Column("check_name", String(120), nullable=False),
    Column("severity", String(16), nullable=False, doc="passed, warn, error or not asked"),
    Column("unexplained", Integer, nullable=False),
    Column("outcome", Text, nullable=False, doc="JSON: summary, counts, table, evidence, repair"),
    Column("run_id", Text, nullable=False),
    Column("checked_at", Float, nullable=False),
)
Index("check_result_by_range", check_result.c.spec_name, check_result.c.partition_key)

forecast = Table(
    "forecast",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("spec_name", String(64), nullable=False),
    Column("org_id", String(32), nullable=False),
    Column("made_at", Float, nullable=False),
    Column("content", Text, nullable=False, doc="JSON: what dc-assets plan told"),
)

org_use = Table(
    "org_use",
    metadata,
    Column("load_id", String(32), ForeignKey("load.load_id"), primary_key=True),
    Column("hour", Integer, primary_key=True, doc="hours since 1970"),
    Column("api_calls", Integer, nullable=False),
)

org_allowance = Table(
    "org_allowance",
    metadata,
    Column("org_id", String(32), primary_key=True),
    Column("api_calls_left", Integer),
    Column("daily_batches_left", Integer),
    Column("asked_at", Float, nullable=False),
)

long_query = Table(
    "long_query",
    metadata,
    Column("org_id", String(32), primary_key=True),
    Column("slot", Integer, primary_key=True, doc="from 1"),
    Column("token", String(32), nullable=False, doc="one query of one process"),
    Column("owner", Text, nullable=False),
    Column("lease_until", Float, nullable=False),
)

deletion_observation = Table(
    "deletion_observation",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("spec_name", String(64), nullable=False),
    Column("org_id", String(32), nullable=False),
    Column("partition_key", String(32), nullable=False),
    Column("observed_at", Float, nullable=False),
    Column("source_rows", Integer, nullable=False, doc="rows of the range, counted and read alike"),
    Column("rows", Integer, nullable=False, doc="rows that we landed and the source has no more"),
    Column("keys_sha256", String(64), nullable=False),
    Column("applied_at", Float, doc="when they were deleted in the org"),
)
Index(
    "deletion_observation_by_range",
    deletion_observation.c.spec_name,
    deletion_observation.c.partition_key,
)

notice = Table(
    "notice",
    metadata,
    Column("notice_key", String(160), primary_key=True, doc="the same event has the same key"),
    Column("kind", String(32), nullable=False),
    Column("spec_name", String(64), nullable=False),
    Column("facts", Text, nullable=False, doc="JSON for the templates; no secret, no row value"),
    Column("noticed_at", Float, nullable=False),
)

delivery = Table(
    "delivery",
    metadata,
    Column("notice_key", String(160), ForeignKey("notice.notice_key"), primary_key=True),
    Column("channel", String(16), primary_key=True, doc="mail or webhook"),
    Column("sent_at", Float, doc="when the channel had taken it"),
    Column("tries", Integer, nullable=False, server_default=text("0"), doc="how often refused"),
    Column("due_at", Float, doc="when it is tried again"),
    Column("answer", Text, doc="why it was refused; no secret"),
)

commit_mark = Table(
    "commit_mark",
    metadata,
    Column("session", String(32), primary_key=True, doc="one connection of one process"),
    Column("mark", String(32), nullable=False, doc="its last transaction that wrote something"),
    Column("marked_at", Float, nullable=False),
)

for _table in metadata.tables.values():
    if _table not in {batch, receipt} and _table.autoincrement_column is None:
        # Few short lines, found by their key: SQLite needs no second tree for it.
        _table.dialect_options["sqlite"]["with_rowid"] = False


@event.listens_for(metadata, "before_create")
def _partial_in_postgresql(_: MetaData, connection: Connection, **__: object) -> None:
    """Say it where such a ledger is made: `postgresql_where` imports that dialect at once."""
    if connection.dialect.name == "postgresql":
        _ONE_JOB_A_LANE.dialect_kwargs["postgresql_where"] = _in_flight


class epoch_now(FunctionElement[float]):  # noqa: N801 - SQL functions are written in lower case
    """The database's own clock, seconds since 1970: leases never compare clocks of two hosts."""

    inherit_cache = True
    type = Float()


@compiles(epoch_now, "sqlite")
def _sqlite_now(*_: object, **__: object) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(epoch_now, "postgresql")
def _postgresql_now(*_: object, **__: object) -> str:
    return "extract(epoch from clock_timestamp())::float8"
