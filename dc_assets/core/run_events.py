"""What a run tells its operator while it works: events with names and fields, as one table.

The sentence of an event is made of its fields, so people and machines are told the same. Which of
them people are notified of, afterwards and by mail, is another matter: `core.events`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from string import Formatter
from typing import Any, Literal

Level = Literal["debug", "info", "warning"]

ALWAYS = ("event", "level", "message", "spec", "run_id", "partition", "load_id")
"""Fields of every event; where one does not apply, it is empty."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of event.

    Attributes:
        meaning: one line for docs/events.md.
        sentence: what people read, with fields in braces.
        more: fields that are for machines only.
        level: debug is not shown to people at a terminal.
    """

    meaning: str
    sentence: str
    more: tuple[str, ...] = ()
    level: Level = "info"

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields of the kind's own, each once: those of the sentence, then the others."""
        named = (part for _, part, _, _ in Formatter().parse(self.sentence) if part)
        return tuple(dict.fromkeys([*named, *self.more]))


KINDS: Mapping[str, Kind] = {
    "rows_selected": Kind("the rows of a partition are read", "{rows:,} rows are selected"),
    "snapshot_taken": Kind(
        "what a partition of a load with snapshot overwrites is saved; its first row is not sent",
        "{rows:,} records that the load overwrites are saved",
    ),
    "snapshot_empty": Kind(
        "a partition of a load with snapshot overwrites no record; its first row is not sent",
        "nothing to save: the load overwrites no record",
    ),
    "partition_sent_before": Kind(
        "every row of a partition was sent before, and its checks are asked",
        "every row was sent in load {load:.8}, so nothing is read or sent again. What sends rows: "
        "--changed (rows that differ), --missing, --new-load (all)",
    ),
    "load_begun_again": Kind(
        "a partition whose rows were sent begins a new load",
        "its rows were sent in load {before:.8}; a new load of it begins",
    ),
    "sample_grows": Kind(
        "a later stage of a canary sends rows of a partition that no stage sent before",
        "the sample grows: {rows:,} more rows",
    ),
    "partition_waits": Kind(
        "another load or run holds what this one needs", "{cause} Waiting.", level="warning"
    ),
    "partition_held_up": Kind(
        "a partition has waited a minute for other runs; the next such wait is told after two",
        "has waited {wait_s:.0f} s for other runs: {why} (in flight: {others})",
    ),
    "partition_freed": Kind("the end of that", "goes on after {wait_s:.0f} s for other runs"),
    "job_settled": Kind(
        "one ingest job ended and each of its rows has an outcome",
        "job {job_id} is {state}: {landed:,} of {rows:,} rows landed, {refused:,} refused, "
        "{retried:,} go again",
        more=("batch_id", "lane", "attempt", "locked", "total_s", "active_s"),
        level="debug",
    ),
    "jobs_settled": Kind(
        "several ingest jobs ended since the last line of Dagster's log about one",
        "{jobs:,} more jobs ended: {landed:,} of {rows:,} rows landed, {refused:,} refused, "
        "{retried:,} go again",
        level="debug",
    ),
    "job_gone": Kind(
        "the org dropped a job or its results",
        "the org holds nothing of job {job_id} any more: its {rows:,} rows go again",
        level="warning",
    ),
    "job_given_up": Kind(
        "a job ran longer than limits.job_wait_s_max",
        "job {job_id} did not end in time and is {state} now",
        level="warning",
    ),
    "deletion_runs": Kind(
        "a job that deletes records has run for a minute, and again for twice that time, and so on",
        "job {job_id}, which deletes {rows:,} records, has run for {runs_s:.0f} s",
    ),
    "deletion_not_aborted": Kind(
        "such a job ran longer than limits.job_wait_s_max, and its abort was refused or lost",
        "job {job_id} has run for {runs_s:.0f} s, and the org does not abort it: {cause}",
        level="warning",
    ),
    "parents_landed": Kind(
        "rows whose parents are rows of the load are tried again",
        "{rows:,} rows name parents that the org lacked, and rows landed since: they go again",
    ),
    "parents_to_come": Kind(
        "rows are left until other partitions of the load have landed",
        "{rows:,} rows name parents that the org lacks and another partition may bring: run it, "
        "then this one again",
        level="warning",
    ),
    "parents_missing": Kind(
        "nothing of the load can bring the parents of rows",
        "{rows:,} rows name parents that neither the org has nor the load brings: they are refused",
        level="warning",
    ),
    "batch_rescued": Kind(
        "a batch that a dead run left in flight is taken over",
        "took over batch {batch_id:.8} ({rows:,} rows, {state}) that a dead run left",
        more=("of_partition", "job_id"),
    ),
    "batch_resolved": Kind(
        "the org was asked what became of a batch in doubt",
        "batch {batch_id:.8} is known again: {outcome}",
        more=("instead",),
    ),
    "batch_waits": Kind(
        "a call of a batch gave no usable answer; the org is asked again later",
        "{cause}; batch {batch_id:.8} waits {wait_s:.0f} s",
        more=("doubts", "error"),
        level="warning",
    ),
    "call_retried": Kind(
        "a call that changes nothing twice is made again",
        "{cause}; {asked} is tried again in {wait_s:.1f} s, attempt {attempt} of {attempts_max}",
        level="warning",
    ),
    "rate_limit_waits": Kind(
        "a host said with its last answer that it takes no more calls for a time",
        "{host} takes no more calls for {wait_s:.0f} s (its limits: {limits})",
        level="warning",
    ),
    "target_reading_waits": Kind(
        "another run reads the whole target, because its ids do not sort as the org sorts",
        "waits for another run that reads the whole target",
    ),
    "long_query_waits": Kind(
        "as many long queries of ours run in the org as DC_ASSETS_LONG_QUERIES_MAX allows",
        "{most} long queries of ours run in the org: waits for one of them to end",
    ),
    "source_retried": Kind(
        "the stream of the source broke",
        "{cause}; reading on behind {behind!r} in {wait_s:.1f} s",
        level="warning",
    ),
    "range_read_on": Kind(
        "the source gave fewer rows than it counts",
        "{rows:,} rows were read, the source counts {counted:,}: asking again behind the last key",
        level="warning",
    ),
    "range_read_again": Kind(
        "reading on did not help",
        "{rows:,} rows were read, the source counts {counted:,}: reading the range again "
        "(round {round} of {rounds_max})",
        level="warning",
    ),
    "paused": Kind("a budget or the hours of the spec", "pauses: {why}", more=("pause_s",)),
    "resumed": Kind("the end of a pause", "resumes after the pause"),
    "stopped": Kind(
        "a run sends nothing more; what is in flight is settled",
        "sends nothing more: {cause}",
        more=("error",),
        level="warning",
    ),
    "stop_taken_back": Kind("the run config after_stop", "took back the order to stop"),
    "stop_overridden": Kind(
        "the spec does not fit its org or source or its parents are not complete, and a person "
        "said why to send all the same",
        "sends although the plan says STOP ({cause}), because: {reason}",
        level="warning",
    ),
    "orphan_aborted": Kind(
        "a job that a lost call made", "aborted job {job_id}: open, without rows, and in no ledger"
    ),
    "orphan_left": Kind(
        "a job that a lost call may have made",
        "job {job_id} is open and in no ledger; it holds no rows of ours and the org drops it "
        "after 24 hours (profile.exclusive_user: true lets us abort it)",
        level="warning",
    ),
    "orphans_unknown": Kind(
        "the list of open jobs cannot be read",
        "{cause}; Open jobs were not looked through, the org drops them after 24 hours",
        level="warning",
    ),
    "allowance_unknown": Kind(
        "the org does not say what is left of its day",
        "{cause}; what is left of the org's day is not known",
        level="warning",
    ),
    "ledger_away": Kind(
        "the ledger does not answer, and the run may bear it for a while",
        "the ledger {place} is away ({cause}); waits up to {wait_s:.0f} s",
        level="warning",
    ),
    "ledger_back": Kind("the end of that", "the ledger {place} answers again"),
    "rows_lost": Kind("the spool lacks rows", "{cause}", level="warning"),
    "rows_read_again": Kind(
        "rows that the spool lacks are planned anew",
        "{rows:,} rows without an outcome were read again from the source: {cause}",
        level="warning",
    ),
    "sample_unfinished": Kind("rows of a canary are pending", "{cause}", level="warning"),
    "picture_failed": Kind(
        "the plot of a materialization",
        "the picture of the jobs cannot be drawn: {cause}",
        level="warning",
    ),
}


@dataclass(frozen=True, slots=True)
class RunEvent:
    """One event; no field of it holds a secret or a value of a row.

    Attributes:
        fields: those of its kind, by name; an error stands there as its sentence.
    """

    name: str
    fields: Mapping[str, Any]
    partition: str = ""
    load_id: str = ""
    spec: str = ""
    run_id: str = ""

    def __post_init__(self) -> None:
        assert set(self.fields) == set(KINDS[self.name].fields), f"the table has no such {self!r}"

    def __str__(self) -> str:
        sentence = KINDS[self.name].sentence.format(**self.fields)
        return f"{self.partition}: {sentence}" if self.partition else sentence

    @property
    def level(self) -> Level:
        """How urgent it is."""
        return KINDS[self.name].level

    def for_machines(self) -> Mapping[str, Any]:
        """Return all fields by name, those of `ALWAYS` first."""
        told = (self.name, self.level, str(self), self.spec, self.run_id)
        first = (*told, self.partition, self.load_id)
        return {**dict(zip(ALWAYS, first, strict=True)), **self.fields}


Note = Callable[[RunEvent], None]
"""Takes an event; it may come from any thread."""


def unheard(event: RunEvent) -> None:
    """Drop an event: of a call on which nobody waits."""
