"""Specs in YAML: what is wrong is said with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from dc_assets.core.errors import ConfigError
from dc_assets.load.spec_files import read_folder, read_spec, spec_file

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
    ("name: things", "name: \x00", 1, "special characters"),
    ("name: things", "name: &a things", 1, "anchors and aliases are not read"),
    ("columns:", "columns: &a [*a]\nmore:", 8, "anchors and aliases are not read"),
    ("name: things", "name: !!python/name:os.system things", 1, "tags are not read"),
    ("name: things", "name: !!str things", 1, "tags are not read"),
    ("name: things", "name: !ours things", 1, "tags are not read"),
    ("name: things", f"name: {'[' * 5_000}", 1, "at most 20 deep"),
    ("name: things", f"name: {'{a: ' * 5_000}", 1, "at most 20 deep"),
    ("window: 4", f"window: {'9' * 5_000}", 15, "is too large for a number"),
    ("window: 4", "window: 0x10", 15, "profile.window: .*valid integer"),
    ("window: 4", "window: 010", 15, "profile.window: .*valid integer"),
    ("window: 4", "window: 1:30", 15, "profile.window: .*valid integer"),
    ("window: 4", "exclusive_user: yes", 15, r"valid boolean \(write true or false\)"),
    ("window: 4", "window: 4\n  window: 5", 16, "window stands twice"),
    ("window: 4", "window: 4\nname: again", 16, "name stands twice"),
    ("window: 4", "<<: { window: 5 }", 15, "profile.<<: no such setting"),
    ("window: 4", "? [a]\n  : 5", 15, "the name of a setting is a word"),
    ("window: 4", "window: 4\n---\nname: other", 16, "but found another document"),
    ("  scheme: 1\n", "  schema: 1\n", 12, "schema: no such setting; did you mean scheme"),
    ("target:\n", "taget:\n", 5, "taget: no such setting; did you mean target"),
    ("Title__c }", "Title__c, kind: text }", 10, "kind: no such setting; there is: source"),
    ("name: things", 'name: "\\UFFFFFFFF"', 1, "cannot be read"),
    ("name: things", f"%YAML 1.{'9' * 5_000}\n---\nname: things", 1, "cannot be read"),
    ("  window: 4", "  row_ladder_s: [-1]", 15, "row_ladder_s.0: .*greater than 0"),
    ("  window: 4", "  row_ladder_s: [.inf]", 15, "row_ladder_s.0: .*valid number"),
    ("  window: 4", "  row_ladder_s: [.nan]", 15, "row_ladder_s.0: .*valid number"),
    ("  window: 4", "  row_ladder_s: [1.0e999]", 15, "too large for a number"),
    ("profile:\n  window: 4", "limits:\n  silence_s_max: 0", 15, "greater than 0"),
    ("profile:\n  window: 4", "limits:\n  job_wait_s_max: 1000000.0", 15, "less than or equal"),
    ("profile:\n  window: 4", "limits:\n  hours: 10:00-10:00", 14, "at the same time"),
    ("profile:\n  window: 4", "limits:\n  hours: 10:00-24:00", 15, "limits.hours: .*pattern"),
    ("profile:\n  window: 4", "refresh:\n  cron: at two", 15, "refresh.cron: 'at two' is no cron"),
    ("profile:\n  window: 4", "refresh:\n  cron: 0 24 * * *", 15, "there is no hour 24"),
    ("  key: Key__c\n", "  key: Key__c\n  where: 1=1) OR (1=1\n", 5, "source.where: the bracket"),
    ("object: Thing__c", "object: Thing__c\n  scope: Name = 'a", 7, "target.scope: the quote '"),
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


def test_what_is_no_plain_number_stays_text(file: Path) -> None:
    """Ids are text, also when an older YAML would read base 60, octal, a truth or a time."""
    bounds = ("010", "1:30", "1e3", "2026-01-31", "2026-01-31T10:00:00Z", "no", "yes")
    text = VALID.replace("[2026-01-31, b2026]", f"[{', '.join(bounds)}]")
    file.write_text(text, encoding="utf-8")
    assert read_spec(file).partitions.upper_bounds == bounds


def test_a_byte_order_mark_is_no_part_of_a_spec(file: Path) -> None:
    """Editors on Windows write one."""
    file.write_bytes(b"\xef\xbb\xbf" + VALID.encode())
    assert read_spec(file).name == "things"


@pytest.mark.parametrize("text", ["", "# nothing\n", "- a\n- b\n", "just text"])
def test_a_file_that_is_no_mapping_is_refused(file: Path, text: str) -> None:
    """The sentence says how a spec begins."""
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match="line 1: a load spec is a mapping"):
        read_spec(file)


def test_a_file_that_is_not_utf_8_is_refused(file: Path) -> None:
    """Text in another encoding would load wrong names."""
    file.write_bytes(b"name: things\nsource: \xff\xfe")
    with pytest.raises(ConfigError, match="line 2: not UTF-8"):
        read_spec(file)
    file.write_text(VALID, encoding="utf-16")
    with pytest.raises(ConfigError, match="line 1: not UTF-8"):
        read_spec(file)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """A folder with the name of a spec is no spec."""
    (tmp_path / "odd.yaml").mkdir()
    [sentence] = read_folder(tmp_path).broken.values()
    assert sentence == f"{tmp_path / 'odd.yaml'} cannot be read: Is a directory."


@pytest.mark.parametrize("folder", [".", "nowhere"])
def test_a_folder_without_specs_says_which_setting_to_change(tmp_path: Path, folder: str) -> None:
    """An empty folder and a missing one are the same mistake."""
    with pytest.raises(ConfigError, match="in DC_ASSETS_LOADS, or"):
        read_folder(tmp_path / folder)


def test_a_folder_that_cannot_be_looked_into_says_why(tmp_path: Path) -> None:
    """Such as a name that is too long for the disk."""
    with pytest.raises(ConfigError, match=r"File name too long\. Set DC_ASSETS_LOADS"):
        read_folder(tmp_path / ("x" * 2_000))


def test_two_specs_that_share_a_name_are_both_broken(file: Path) -> None:
    """The name is the name of the asset, and nobody can say which of them is meant."""
    other = file.with_name("other.yaml")
    other.write_text("# a copy\n" + file.read_text(encoding="utf-8"), encoding="utf-8")
    folder = read_folder(file.parent)
    assert folder.specs == {}
    assert folder.broken == {
        file: f"{file}, line 1: another spec in this folder is called things too: other.yaml.",
        other: f"{other}, line 2: another spec in this folder is called things too: things.yaml.",
    }


def test_a_broken_spec_takes_no_other_down(file: Path) -> None:
    """The others are read, and found by their names, in whatever order the files stand."""
    broken = file.with_name("a.yaml")
    broken.write_text("name: a\nsource: [\n", encoding="utf-8")
    folder = read_folder(file.parent)
    assert [spec.name for spec in folder.specs.values()] == ["things"]
    assert list(folder.broken) == [broken]
    assert folder.broken[broken].startswith(f"{broken}, line 3: ")
    assert spec_file(file.parent, "things") == file


def test_specs_come_in_the_order_of_their_files(file: Path) -> None:
    """The order of definitions does not depend on the disk."""
    text = file.read_text(encoding="utf-8").replace("name: things", "name: aaa")
    file.with_name("z.yaml").write_text(text, encoding="utf-8")
    assert [spec.name for spec in read_folder(file.parent).specs.values()] == ["things", "aaa"]
