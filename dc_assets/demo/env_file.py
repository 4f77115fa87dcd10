"""`env.sh`: the settings of a running demo, for a shell in another terminal."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

ENV_FILE = "env.sh"

_HEAD = """\
# Points dc-assets and Dagster at an emulated org that runs now. Holds a secret of that org.
"""


def write_env_file(folder: Path, settings: Mapping[str, str]) -> Path:
    """Write settings as a POSIX shell reads them, for their owner alone, and return the file.

    A terminal in which the virtual environment is not active finds `dc-assets` by its PATH.
    """
    file = folder / ENV_FILE
    programs = shlex.quote(str(Path(sys.executable).parent))
    exports = [f"export {name}={shlex.quote(value)}" for name, value in settings.items()]
    text = "\n".join([*exports, f'export PATH="$PATH":{programs}', ""])
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as sink:
        sink.write(_HEAD + text)
    return file


def how_to_use(file: Path, *commands: str) -> str:
    """Return the sentence that tells of the file, to be typed as it stands."""
    then = ", ".join(f"dc-assets {command}" for command in commands)
    return f"In another terminal: source {shlex.quote(str(file))}, then {then}"
