"""Node and its clients: installed by ``.ci/run foreign`` into a folder outside the tree."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HOME_VARIABLE = "DC_ASSETS_FOREIGN_HOME"
TIMEOUT_S = 120
CLI = "@salesforce/cli/bin/run.js"
QUIET = {
    "SF_AUTOUPDATE_DISABLE": "true",
    "SF_DISABLE_TELEMETRY": "true",
    "SF_SKIP_NEW_VERSION_CHECK": "true",
    "SF_USE_GENERIC_UNIX_KEYCHAIN": "true",
    "SF_USE_PROGRESS_BAR": "false",
}
"""What keeps the sf CLI from looking for updates, a keychain or a statistician."""


@dataclass(frozen=True)
class Ran:
    """What a program said and how it ended."""

    code: int
    out: str
    error: str

    def json(self) -> Any:  # noqa: ANN401  whatever the program prints
        """Its output as JSON."""
        assert self.out, self.error
        return json.loads(self.out)


@dataclass(frozen=True)
class Node:
    """Node 22 and the packages beside it; programs get a home of their own."""

    modules: Path
    home: Path

    def script(self, text: str, *arguments: str) -> Ran:
        """Run a module that may import the packages."""
        file = self.home / "script.mjs"
        file.write_text(text, encoding="utf-8")
        link = self.home / "node_modules"
        if not link.exists():
            link.symlink_to(self.modules)
        return self._run([str(file), *arguments], {})

    def sf(self, *arguments: str, **variables: str) -> Ran:
        """Run a command of the sf CLI."""
        return self._run([str(self.modules / CLI), *arguments], {**QUIET, **variables})

    def _run(self, arguments: list[str], variables: Mapping[str, str]) -> Ran:
        done = subprocess.run(
            [str(self.modules / "node" / "bin" / "node"), *arguments],
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.home),
                "LANG": "C.UTF-8",
                "NODE_COMPILE_CACHE": str(self.modules.parent / "compiled"),
                **variables,
            },
            cwd=self.home,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)


def installed(package: str) -> Path | None:
    """The folder of the packages, if Node and this package are there."""
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dc-assets-foreign"
    modules = Path(os.environ.get(HOME_VARIABLE) or default) / "node_modules"
    is_there = (modules / "node/bin/node").exists() and (modules / package).exists()
    return modules.resolve() if is_there else None
