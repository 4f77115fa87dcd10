"""The page for people with a Dagster project: its blocks are one project, and it loads."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from dc_assets_tests.cli.in_process import environment_is

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "dagster.md").read_text(encoding="utf-8")
BLOCKS = dict(
    re.findall(r"^```(?:yaml|python)\n# (.+?)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
)
"""The text of each block of Python or YAML, by its first line, a remark that says what it is."""
RUN_CONFIG = "run config of crm/opportunities_in_core"
PROJECT = """
[tool.dg]
directory_type = "project"
[tool.dg.project]
root_module = "acme"
"""

# Dagster 1.13 reads every defs.yaml by what pydantic calls deprecated, and itself beta.
pytestmark = [
    pytest.mark.filterwarnings("ignore:`parse_obj_as` is deprecated"),
    pytest.mark.filterwarnings("ignore:.* is currently in beta"),
]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Write every block that names a file of the reader's project."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "pyproject.toml").write_text(PROJECT, encoding="utf-8")
    for name, text in BLOCKS.items():
        if name.startswith(("acme/", "tests/")):
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
    for package in ("acme", "acme/defs"):
        (folder / package / "__init__.py").touch()
    sys.path.insert(0, str(folder))
    yield folder
    sys.path.remove(str(folder))
    for name in [name for name in sys.modules if name.partition(".")[0] == "acme"]:
        del sys.modules[name]


@pytest.fixture(scope="module")
def repository(project: Path) -> dg.RepositoryDefinition:
    """Load the project as Dagster does."""
    return dg.load_from_defs_folder(path_within_project=project).get_repository_def()


def test_each_block_says_what_it_is() -> None:
    """None is left out: the first line names a file of the project, or what else it is."""
    assert len(BLOCKS) == len(re.findall(r"^```(?:yaml|python)$", PAGE, re.MULTILINE))
    rest = [name for name in BLOCKS if not name.startswith(("acme/", "tests/"))]
    assert sorted(rest) == ["dagster.yaml", RUN_CONFIG]


def test_the_project_of_the_page_loads(repository: dg.RepositoryDefinition) -> None:
    """Three loads by three ways, with the assets and the job of the reader; sensors once."""
    keys = {key.to_user_string() for key in repository.assets_defs_by_key}
    loads = {"crm/opportunities_in_core", "crm/accounts_in_core", "crm/products_in_core"}
    assert keys >= loads | {"pipeline_report"}
    sensors = [one.name for one in repository.sensor_defs]
    assert (sensors.count("reaper"), sensors.count("notifier")) == (1, 1)


def test_the_test_of_the_page_passes(project: Path) -> None:
    """As the reader would run it."""
    spec = importlib.util.spec_from_file_location("page", project / "tests" / "test_loads.py")
    assert spec is not None
    assert spec.loader is not None
    page = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(page)
    page.test_the_load_has_its_place()


def test_the_run_config_of_the_page_is_taken(repository: dg.RepositoryDefinition) -> None:
    """Under the name of the step, with its prefix."""
    job = repository.get_job("crm__opportunities_refresh")
    config: Mapping[str, Any] = yaml.safe_load(BLOCKS[RUN_CONFIG])
    with environment_is({"SF_CLIENT_ID": "id", "SF_CLIENT_SECRET": "secret"}):
        assert dg.validate_run_config(job, config)


def test_the_instance_of_the_page_is_ours() -> None:
    """What it says of dagster.yaml is what we run with ourselves."""
    ours = yaml.safe_load((ROOT / "dagster.yaml").read_text(encoding="utf-8"))
    told = yaml.safe_load(BLOCKS["dagster.yaml"])
    ours["concurrency"] = {"pools": ours["concurrency"]["pools"]}
    ours["run_monitoring"] = {name: ours["run_monitoring"][name] for name in told["run_monitoring"]}
    assert told == {name: ours[name] for name in told}
