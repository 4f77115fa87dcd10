"""What stands on this machine: settings, specs, credential, data folder, ledger."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from dc_assets.core.errors import ConfigError
from dc_assets.core.examination import Seen, not_asked, ok, red, refused, warned
from dc_assets.ledger.database import Database
from dc_assets.ledger.guard import OrgGuard
from dc_assets.ledger.look import look_at
from dc_assets.ledger.owner_only import is_open_to_others, open_to_others
from dc_assets.ledger.tables import SCHEMA_VERSION
from dc_assets.salesforce.origins import checked_url
from dc_assets.wiring.doctor.mounts import network_mount
from dc_assets.wiring.doctor.subject import Subject, opened
from dc_assets.wiring.settings import (
    DEFAULT,
    data_folder,
    ledger_url,
    read_settings,
    secret_files,
    setting_lines,
    unknown_settings,
)
from dc_assets.wiring.sign_in import login_from_environment

GB = 1_000_000_000
ROOM_BYTES_RED, ROOM_BYTES_WARN = 200_000_000, 5 * GB
"""A spool of two million rows takes about 1 GB, their receipts 50 MB at most."""


def settings(subject: Subject) -> Iterator[Seen]:
    """Read every setting; a name that is none is told, for it does nothing."""
    found = read_settings()
    subject.seen.settings = found
    lines = setting_lines(found)
    told = [one.name for one in lines if one.origin != DEFAULT]
    yield ok(f"{len(told)} of {len(lines)} are set: {', '.join(told) or 'none'}")
    for sentence in unknown_settings():
        text, _, remedy = sentence.partition(". ")
        yield warned(f"{text.rstrip('.')}.", remedy or "Correct or unset it.")
    for name, file in secret_files().items():
        if is_open_to_others(file):
            yield warned(
                f"{name}: others on this machine can read {file}, which holds a secret.",
                f"chmod 600 {file}",
            )


def specs(subject: Subject) -> Iterator[Seen]:
    """Read the load specs; with one load named, the other files do not matter."""
    names = ", ".join(one.name for one in subject.specs)
    if subject.load is not None:
        yield ok(f"{subject.load.name}, {len(subject.load.columns)} columns")
    elif subject.specs:
        yield ok(f"{len(subject.specs)}: {names}")
    else:
        yield warned("There is no load spec yet.", "Write one: dc-assets init --help")
    for complaint in subject.complaints:
        told = refused(ConfigError(complaint))
        yield warned(told.text, told.remedy) if subject.load is not None else told


def credential(subject: Subject) -> Iterator[Seen]:
    """Choose how to sign in, by the settings alone."""
    login = login_from_environment()
    checked_url(login.login_url, login.allowed_hosts)
    subject.seen.login = login
    yield ok(login.credential.told)


def folder(_subject: Subject) -> Iterator[Seen]:
    """Look at the data folder: who may look into it, what kind of disk, how much room."""
    place = data_folder()
    there = next(path for path in (place, *place.parents) if path.exists())
    if not there.is_dir():
        yield red(f"{there} is no folder.", "Set DC_ASSETS_DATA to a folder.")
        return
    if (reason := _unwritable(there)) is not None:
        yield red(f"{there} {reason}.", f"Give our user {there}, or set DC_ASSETS_DATA elsewhere.")
        return
    if wide := open_to_others(place):
        text, _, remedy = wide.rpartition(": ")
        yield warned(f"{text}.", remedy)
    if mount := network_mount(there):
        yield warned(
            f"{place} lies on a network file system ({mount}).",
            "Take a disk of this machine: SQLite's locks do not hold over a network, and each host "
            "keeps the rows that it sends.",
        )
    yield _room(place, there)


def _unwritable(place: Path) -> str | None:
    """Return why nothing can be written into a folder, by its mode; nothing is written to see."""
    return None if os.access(place, os.W_OK | os.X_OK) else "cannot be written by our user"


def _room(place: Path, there: Path) -> Seen:
    free = shutil.disk_usage(there).free
    mode = f"mode {stat.S_IMODE(place.stat().st_mode):o}" if place.exists() else "not made yet"
    text = f"{place}, {mode}, {free / GB:,.1f} GB free"
    remedy = "Make room, or set DC_ASSETS_DATA to a larger disk: rows wait there to be sent."
    if free < ROOM_BYTES_RED:
        return red(f"{text}.", remedy)
    return warned(f"{text}.", remedy) if free < ROOM_BYTES_WARN else ok(text)


def ledger(subject: Subject) -> Iterator[Seen]:
    """Look at the ledger; one that is not there or older is made or raised by the first run."""
    seen = look_at(ledger_url())
    if seen.version is None:
        yield ok(f"{seen.place} is not there yet: the first run makes it")
    elif seen.version > SCHEMA_VERSION:
        yield red(
            f"{seen.place} has schema version {seen.version}, and this program knows "
            f"{SCHEMA_VERSION}.",
            "Install the newer dc-assets that wrote it.",
        )
    elif not seen.is_ours:
        yield warned(
            f"{seen.place} has schema version {seen.version}; the next run raises it to "
            f"{SCHEMA_VERSION}.",
            "Keep a copy of it first: docs/upgrade.md.",
        )
    else:
        subject.seen.ledger = Database(ledger_url())
        subject.cleanup.callback(subject.seen.ledger.close)
        journal = f", journal {seen.journal}" if seen.journal else ""
        yield ok(f"{seen.place}, schema version {seen.version}{journal}")
    if seen.file is None and seen.version is not None:
        return
    if seen.file is not None and (mount := network_mount(seen.file.parent)):
        yield warned(
            f"The ledger's file lies on a network file system ({mount}).",
            "Keep it on a disk of this machine, or take PostgreSQL for several hosts.",
        )


def pinned_org(subject: Subject) -> Iterator[Seen]:
    """Compare the org with the one that the loads of each spec go to."""
    here = opened(subject.seen.organization)
    if subject.seen.ledger is None:
        yield not_asked("No load has begun: the first one pins its org.")
        return
    for spec in subject.specs:
        OrgGuard(subject.seen.ledger, spec, here).refuse_other()
    yield ok(f"the loads of {', '.join(s.name for s in subject.specs) or 'no spec'} may go there")
