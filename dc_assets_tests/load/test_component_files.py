"""Loads in the defs.yaml files of a Dagster project, as commands read them."""

from __future__ import annotations

from pathlib import Path
from textwrap import indent

import pytest

from dc_assets.core.errors import ConfigError
from dc_assets.load.spec_files import line_of, read_folder, read_spec, spec_file, write_ranges
from dc_assets_tests.load.test_spec_files import VALID

HEAD = "type: dc_assets.SalesforceLoad\nattributes:\n  group_name: crm\n"
DEFS = HEAD + indent(VALID, "  ")
OTHER = "type: dagster.FunctionComponent\nattributes: &here { of: *here }\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a defs.yaml with a load, two folders below the folder of definitions."""
    path = tmp_path / "crm" / "things" / "defs.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(DEFS, encoding="utf-8")
    return path


def test_loads_of_components_are_found_at_any_depth(file: Path, tmp_path: Path) -> None:
    """By the folder of definitions; files of other components and of caches are left alone."""
    for folder in ("other", ".venv", "__pycache__"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "defs.yaml").write_text(OTHER if folder == "other" else DEFS)
    found = read_folder(tmp_path)
    assert {place: spec.name for place, spec in found.specs.items()} == {file: "things"}
    assert found.broken == {}
    assert spec_file(tmp_path, "things") == file


def test_a_component_may_name_a_spec_file(file: Path, tmp_path: Path) -> None:
    """Several may stand in one file; a spec that also lies in the folder is read once."""
    documents = [HEAD + f"  spec: {name}\n" for name in ("../a.yaml", "b.yaml")]
    for place, name in ((tmp_path / "crm" / "a.yaml", "a"), (file.with_name("b.yaml"), "b")):
        place.write_text(VALID.replace("name: things", f"name: {name}"), encoding="utf-8")
    file.write_text("---\n".join([*documents, "type: dagster.FunctionComponent\n"]))
    found = read_folder(tmp_path)
    assert [spec.name for spec in found.specs.values()] == ["a", "b"]
    assert found.broken == {}
    assert [spec.name for spec in read_folder(file.parent).specs.values()] == ["b", "a"]
    assert sorted(s.name for s in read_folder(tmp_path / "crm").specs.values()) == ["a", "b"]


MISTAKES = [
    ("    window: 4\n", "    windows: 4\n", 18, "profile.windows: no such setting; did you mean"),
    ("  group_name: crm\n", "  group_nme: crm\n", 3, "group_nme: .*did you mean group_name"),
    ("object: Thing__c", "object: '{{ env.X }}'", 9, "target.object: a template is read in opt"),
    ("Title__c }", "'{% if x %}' }", 13, "columns.1.target: a template is read in options only"),
    ("  name: things\n", "  spec: a.yaml\n", 5, "source belongs into a.yaml, which spec names"),
    ("  name: things\n", "  spec: [a.yaml]\n", 4, "spec is the path of a spec file"),
    (DEFS, HEAD + "  spec: a.yaml\n  pol: x\n", 5, "pol: no such setting; there is: spec"),
    (DEFS, HEAD + "  spec: '{{ x }}.yaml'\n", 4, "spec is the path of a spec file"),
    (DEFS, f"{DEFS}---\n{DEFS}", 22, "one defs.yaml holds one load that is written out"),
    (DEFS, "type: dc_assets.SalesforceLoad\n", 1, "a load spec is a mapping"),
    ("  group_name: crm\n", "  group_name: &a crm\n", 3, "anchors and aliases are not read"),
    ("  name: things\n", "", 3, "name: Field required"),
]


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake[3])
def test_a_mistake_is_named_with_its_line(
    file: Path, tmp_path: Path, mistake: tuple[str, str, int, str]
) -> None:
    """As in a spec file, and no less strict."""
    right, wrong, line, reason = mistake
    text = DEFS.replace(right, wrong)
    assert text != DEFS
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=rf"defs\.yaml, line {line}: {reason}"):
        raise ConfigError(*read_folder(tmp_path).broken.values())


def test_a_load_of_another_type_is_refused_in_dagster_too(file: Path) -> None:
    """A class of one's own would run loads that no command finds."""
    file.write_text(DEFS.replace("dc_assets.SalesforceLoad", "shop.Load"), encoding="utf-8")
    with pytest.raises(ConfigError, match="line 1: no load is written out under the type dc_ass"):
        read_spec(file)


def test_bounds_are_written_into_a_defs_yaml(file: Path) -> None:
    """`plan` replaces them where they stand; findings are told by the line of the setting."""
    write_ranges(file, scheme=2, upper_bounds=["c", "d"])
    assert read_spec(file).partitions.upper_bounds == ("c", "d")
    text = file.read_text(encoding="utf-8")
    assert text.startswith(HEAD)
    assert text.splitlines()[line_of(file, ("partitions", "upper_bounds")) :][0] == "      - c"


def test_two_components_with_one_name_are_both_broken(file: Path, tmp_path: Path) -> None:
    """Each sentence says where the other one is."""
    other = tmp_path / "again" / "defs.yaml"
    other.parent.mkdir()
    other.write_text(DEFS, encoding="utf-8")
    assert read_folder(tmp_path).broken[file] == (
        f"{file}, line 4: another spec in this folder is called things too: {other}."
    )


def test_a_spec_may_be_called_defs(tmp_path: Path) -> None:
    """What tells a file of Dagster's is its type, which no spec has."""
    (tmp_path / "defs.yaml").write_text(VALID, encoding="utf-8")
    assert [spec.name for spec in read_folder(tmp_path).specs.values()] == ["things"]
