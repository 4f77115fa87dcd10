"""An asset in Dagster is launched only if it loads what this shell would."""

from __future__ import annotations

import pytest

from dc_assets.cli.same_place import asset_in
from dc_assets.core.errors import ConfigError
from dc_assets.core.spec import LoadSpec
from dc_assets.wiring.dagster_api import Webserver
from dc_assets.wiring.dagster_instance import PublishedLoad
from dc_assets.wiring.place import LOAD, place_of
from dc_assets_tests.cli.in_process import environment_is
from dc_assets_tests.fakes.specs import KEY, small_spec

SQL = {"url": "$WAREHOUSE", "table": "things"}
HERE, THERE = "postgresql://me:s3cret@here/dc", "postgresql://me:s3cret@there/dc"


class OneLoad(Webserver):
    """A webserver of one load, as its code location tells of it."""

    def __init__(self, spec: LoadSpec) -> None:
        super().__init__("http://127.0.0.1:3000")
        self._told = PublishedLoad("things_in_core", {LOAD: spec.name, **place_of(spec, "")})

    def loads(self) -> list[PublishedLoad]:
        """Return its only one."""
        return [self._told]


def test_another_database_behind_the_same_variable_is_refused() -> None:
    """Its rows would land, and others would be compared; neither password is shown."""
    spec = small_spec(source={"sql": SQL, "key": KEY, "parent": "ParentKey__c"})
    with environment_is({"WAREHOUSE": THERE}):
        dagster = OneLoad(spec)
        assert asset_in(dagster, spec) == "things_in_core"
    with environment_is({"WAREHOUSE": HERE}), pytest.raises(ConfigError) as caught:
        asset_in(dagster, spec)
    dagster.close()
    assert "postgresql://there:5432/dc; this shell: postgresql://here:5432/dc" in str(caught.value)
    assert "s3cret" not in str(caught.value)
