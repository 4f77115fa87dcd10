"""A project of somebody who uses Dagster, made from nothing, with our wheel in its environment."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import yaml

ROOT = Path(__file__).parents[2]

PYPROJECT = """
[project]
name = "shop"
version = "0.1.0"

[tool.dg]
directory_type = "project"

[tool.dg.project]
root_module = "shop"
"""

DEFINITIONS = """
from pathlib import Path

import dagster as dg
from dc_assets import SalesforceResource

@dg.definitions
def defs():
    return dg.Definitions.merge(
        dg.load_from_defs_folder(path_within_project=Path(__file__).parent),
        dg.Definitions(
            executor=dg.multiprocess_executor.configured({"max_concurrent": 2}),
            resources={"salesforce": SalesforceResource()},
        ),
    )
"""

REPORT = """
import dagster as dg

PARTITIONS = dg.StaticPartitionsDefinition(["r1-01", "r1-02"])

@dg.asset(partitions_def=PARTITIONS, deps=["opportunities_in_core"])
def their_report() -> None: ...

their_nightly = dg.define_asset_job(
    "their_nightly", selection=dg.AssetSelection.assets("their_report").upstream()
)
"""

INSTANCE = """
telemetry: { enabled: false }
run_retries: { enabled: true, max_retries: 2, retry_on_asset_or_op_failure: false }
"""

WORKSPACE = """
load_from:
  - python_module: { module_name: shop.definitions, location_name: shop }
"""


@dataclass(frozen=True)
class ForeignProject:
    """The folder of a project, and the Python of its environment."""

    folder: Path
    python: Path
    environment: Mapping[str, str]

    @classmethod
    def from_nothing(cls, folder: Path, environment: Mapping[str, str]) -> Self:
        """Write the project, and install our wheel into an environment of its own.

        All other packages are those of whoever runs the test: the wheel is what is tried.
        """
        written = {
            "pyproject.toml": PYPROJECT,
            "src/shop/__init__.py": "",
            "src/shop/definitions.py": DEFINITIONS,
            "src/shop/defs/report.py": REPORT,
            "home/dagster.yaml": INSTANCE,
            "home/workspace.yaml": WORKSPACE,
        }
        for name, text in written.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
        python = folder / ".venv" / "bin" / "python"
        made = cls(folder, python, {**environment, "DAGSTER_HOME": str(folder / "home")})
        made.ran(sys.executable, "-m", "venv", ".venv")
        made.ran(python, "-m", "pip", "wheel", "-q", "--no-deps", "-w", "wheels", ROOT)
        [wheel] = (folder / "wheels").glob("*.whl")
        made.ran(python, "-m", "pip", "install", "-q", "--no-deps", wheel)
        places = [str(folder / "src"), sysconfig.get_path("purelib")]
        [site] = (folder / ".venv" / "lib").glob("python*/site-packages")
        (site / "others.pth").write_text("\n".join(places), encoding="utf-8")
        return made

    @property
    def home(self) -> Path:
        """Its Dagster instance."""
        return self.folder / "home"

    @property
    def defs(self) -> Path:
        """Its folder of definitions."""
        return self.folder / "src" / "shop" / "defs"

    def place(self, load: Mapping[str, Any]) -> None:
        """Write a load as a component."""
        file = self.defs / "opportunities" / "defs.yaml"
        file.parent.mkdir(exist_ok=True)
        content = {"type": "dc_assets.SalesforceLoad", "attributes": dict(load)}
        file.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")

    def dg(self, *arguments: str) -> str:
        """Run `dg` of the project's environment."""
        return self.ran(self.python, "-m", "dagster_dg_cli.cli", *arguments)

    def ran(self, *command: str | Path) -> str:
        """Run a program in the project's folder, and return what it said.

        Raises:
            AssertionError: it failed.
        """
        done = subprocess.run(
            [str(word) for word in command],
            cwd=self.folder,
            env={**self.environment, "PATH": f"{self.python.parent}{os.pathsep}{os.defpath}"},
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout
