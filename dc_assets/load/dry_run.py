"""Everything up to the first job: read, sort into lanes, encode, write the payloads to disk."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dc_assets.core.errors import ConfigError
from dc_assets.core.phases import Phase
from dc_assets.core.spec import LoadSpec
from dc_assets.frames.csv_codec import encode
from dc_assets.load.extract import extract
from dc_assets.load.plan import make_plan
from dc_assets.load.ports import Ports, RangeRun
from dc_assets.load.read_range import with_records
from dc_assets.load.regroup import lanes_of
from dc_assets.load.store import RangeTicket

TICKET_LOAD = "dry-run"
"""Stands for a load that no ledger knows."""


@dataclass(frozen=True, slots=True)
class DryRun:
    """What a load of one partition would send.

    Attributes:
        refused_by_code: rows that could not be sent, by reason.
    """

    folder: Path
    selected: int
    jobs: int
    payload_bytes: int
    refused_by_code: Mapping[str, int]


def dry_run(spec: LoadSpec, partition_key: str, ports: Ports, folder: Path) -> DryRun:
    """Write the payload of every job of a partition below a folder, and open none.

    Raises:
        ConfigError: the folder cannot be written.
    """
    ticket = RangeTicket(TICKET_LOAD, partition_key, fence=0, phase=Phase.READING)
    ports.spool.drop_pages(ticket)
    run = RangeRun(spec, ticket, make_plan(spec, ports.source, ports.described), ports)
    selected = extract(run)
    run = with_records(run)
    jobs = payload_bytes = 0
    refused: Counter[str] = Counter()
    _fresh(folder)
    for lane, parts, dead_letters in lanes_of(run):
        refused.update(letter.code for letter in dead_letters)
        for number, part in enumerate(parts, start=1):
            payload = encode(part, spec, with_keys=run.writes_keys)
            _write(folder / f"lane-{lane:03d}-job-{number:04d}.csv", payload)
            jobs, payload_bytes = jobs + 1, payload_bytes + len(payload)
    ports.spool.drop_pages(ticket)
    return DryRun(folder, selected, jobs, payload_bytes, refused)


def _fresh(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)


def _write(path: Path, payload: bytes) -> None:
    try:
        path.write_bytes(payload)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}. Make room.") from error
