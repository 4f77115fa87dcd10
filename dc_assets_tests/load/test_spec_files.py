"""Specs in YAML: what is wrong is said with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from dc_assets.core.errors import ConfigError
from dc_assets.load.spec_files import read_spec, read_specs

VALID = """\
name: things
source:
  object: Things__dlm
  key: Key__c
target:
  object: Thing__c
  external_id: External_ID__c
columns:
  - { source: Key__c, target: External_ID__c }
  - { source: Title__c, target: Title__c }
partitions:
  scheme: 1
  upper_bounds: [2026-01-31, b2026]
profile:
  window: 4
"""

MISTAKES = [
    ("  key: Key__c\n", "  key: [Key__c\n", 5, "expected"),
    ("  key: Key__c\n", "", 2, "source.key: Field required"),
    ("  window: 4\n", "  windows: 4\n", 15, "profile.windows: no such setting"),
    ("name: things", "name: 12", 1, r"name: .*\(put the value in quotes\)"),
    ("[2026-01-31, b2026]", "[1000, b]", 13, r"upper_bounds.0: .*\(put the value in quotes\)"),
    ("[2026-01-31, b2026]", "[b, a]", 11, "partitions: upper_bounds must ascend"),
    ("target: Title__c", "target: External_ID__c", 1, "target columns stand twice"),
    ("scheme: 1", "scheme: one", 12, "partitions.scheme"),
    ("window: 4", "window: 400", 15, "profile.window: .*less than or equal to 100"),
    ("Title__c }", "Title__c, type: money }", 10, "columns.1.type"),
    ("name: things", "name: \x07", 1, "special characters"),
    ("name: things", "\tname: things", 1, "cannot start any token"),
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return the place of a valid spec file."""
    path = tmp_path / "things.yaml"
    path.write_text(VALID, encoding="utf-8")
    return path


def test_a_spec_is_read_as_it_stands(file: Path) -> None:
    """A bound that looks like a date stays text."""
    spec = read_spec(file)
    assert (spec.name, spec.profile.window) == ("things", 4)
    assert spec.partitions.upper_bounds == ("2026-01-31", "b2026")


@pytest.mark.parametrize(("right", "wrong", "line", "reason"), MISTAKES)
def test_a_mistake_is_named_with_its_line(
    file: Path, right: str, wrong: str, line: int, reason: str
) -> None:
    """The sentence names the file, the line where the mistake stands, and what it is."""
    text = VALID.replace(right, wrong)
    assert text != VALID
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=rf"things\.yaml, line {line}: .*{reason}"):
        read_spec(file)


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "just text"])
def test_a_file_that_is_no_mapping_is_refused(file: Path, text: str) -> None:
    """The sentence says how a spec begins."""
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match="line 1: a load spec is a mapping"):
        read_spec(file)


def test_a_file_that_is_not_utf_8_is_refused(file: Path) -> None:
    """Text in another encoding would load wrong names."""
    file.write_bytes(b"name: \xff\xfe")
    with pytest.raises(ConfigError, match="not UTF-8"):
        read_spec(file)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """A folder with the name of a spec is no spec."""
    (tmp_path / "odd.yaml").mkdir()
    with pytest.raises(ConfigError, match=r"odd\.yaml cannot be read: Is a directory"):
        read_specs(tmp_path)


@pytest.mark.parametrize("folder", [".", "nowhere"])
def test_a_folder_without_specs_says_which_setting_to_change(tmp_path: Path, folder: str) -> None:
    """An empty folder and a missing one are the same mistake."""
    with pytest.raises(ConfigError, match="Set DC_ASSETS_LOADS"):
        read_specs(tmp_path / folder)


def test_two_specs_must_not_share_a_name(file: Path) -> None:
    """The name is the name of the asset, so it stands once."""
    file.with_name("other.yaml").write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(ConfigError, match="another spec in this folder is called things too"):
        read_specs(file.parent)


def test_specs_come_in_the_order_of_their_files(file: Path) -> None:
    """The order of definitions does not depend on the disk."""
    text = file.read_text(encoding="utf-8").replace("name: things", "name: aaa")
    file.with_name("z.yaml").write_text(text, encoding="utf-8")
    assert [spec.name for spec in read_specs(file.parent)] == ["things", "aaa"]
