"""Whatever stands in a spec file: it is read, or refused in one sentence with file and line."""

from __future__ import annotations

from pathlib import Path

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dc_assets.core.errors import ConfigError
from dc_assets.core.spec import LoadSpec
from dc_assets.load.spec_files import read_spec
from dc_assets_tests.fakes.specs import content

GOOD = yaml.safe_dump(
    content(
        limits={"hours": "22:00-06:00", "silence_s_max": 60.0},
        refresh={"cron": "0 2 * * *", "modified": "Changed__c"},
        profile={"window": 4, "row_ladder_s": [1.0, 2.0]},
    ),
    sort_keys=False,
)
SPLICES = [
    *(
        "&a ",
        "*a",
        "!!python/object:os.system ",
        "!x ",
        "<<: *a\n",
        "---\n",
        "...\n",
        "%YAML 1.9\n",
    ),
    *("[" * 60, "{a: " * 60, "9" * 5_000, "1:30", "0o17", ".inf", ".nan", "1.0e999", "-1", "yes"),
    *("\x00", "\ufeff", "\u2028", "\x85", "\t", '"\\UFFFFFFFF"', '"\\ud800"', "? ", "| ", "'", '"'),
    *("): (", "#", "2026-01-31", "null", "~", "''"),
]
bounded = settings(
    max_examples=150,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def read_or_refuse(file: Path, raw: bytes) -> None:
    """Read a spec; fail unless what is refused is refused in one short sentence."""
    file.write_bytes(raw)
    try:
        read_spec(file)
    except ConfigError as error:
        said = str(error)
        assert said.startswith(f"{file}, line ")
        assert said.isprintable()
        assert len(said) < len(str(file)) + 600


def spliced(text: str, places: list[tuple[int, int, str]]) -> str:
    """Return a text with some stretches replaced."""
    for start, length, splice in places:
        at = start % (len(text) + 1)
        text = text[:at] + splice + text[at + length :]
    return text


@bounded
@given(
    st.lists(
        st.tuples(st.integers(0, 2_000), st.integers(0, 6), st.sampled_from(SPLICES)),
        min_size=1,
        max_size=3,
    )
)
def test_a_good_spec_with_pieces_of_yaml_in_it(
    tmp_path: Path, places: list[tuple[int, int, str]]
) -> None:
    """Every feature of YAML at every place."""
    read_or_refuse(tmp_path / "f.yaml", spliced(GOOD, places).encode("utf-8", "surrogatepass"))


@bounded
@given(st.lists(st.tuples(st.integers(0, 2_000), st.integers(0, 255)), min_size=1, max_size=4))
def test_a_good_spec_with_other_bytes(tmp_path: Path, changes: list[tuple[int, int]]) -> None:
    """As a broken disk or a wrong editor leaves it."""
    raw = bytearray(GOOD.encode())
    for at, byte in changes:
        raw[at % len(raw)] = byte
    read_or_refuse(tmp_path / "f.yaml", bytes(raw))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=6,
)
PLACES: list[tuple[str, str | None]] = [
    *((top, None) for top in LoadSpec.model_fields),
    *((top, name) for top in ("source", "target", "partitions") for name in content()[top]),
    ("limits", "hours"),
    ("limits", "silence_s_max"),
    ("limits", "rows_a_day_max"),
    ("profile", "row_ladder_s"),
    ("refresh", "cron"),
    ("refresh", "look_every_s"),
    ("source", "where"),
    ("target", "scope"),
    ("checks", "outgrown_factor"),
]


@bounded
@given(st.sampled_from(PLACES), VALUES)
def test_a_good_spec_with_any_value_of_a_setting(
    tmp_path: Path, place: tuple[str, str | None], value: object
) -> None:
    """Of every type and size."""
    top, name = place
    spec = content()
    spec[top] = value if name is None else {**spec.get(top, {}), name: value}
    text = yaml.safe_dump(spec, sort_keys=False, allow_unicode=True)
    read_or_refuse(tmp_path / "f.yaml", text.encode("utf-8", "surrogatepass"))
