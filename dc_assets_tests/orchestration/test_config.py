"""What the launchpad shows of the run config: the same everywhere, and each field explained."""

from __future__ import annotations

from typing import Any

import dagster as dg
import pytest

from dc_assets.definitions import defs

ASSET = "opportunities_in_core"
LOGIN = {"login_url": "http://127.0.0.1:1", "client_id": "an id", "client_secret": "a secret"}
RESOURCES = {"salesforce": {"config": LOGIN}}


def fields_of(schema: Any, path: str = "") -> dict[str, Any]:  # noqa: ANN401 - Dagster's schema
    """Return every field of a config schema, those inside others too, by its path."""
    found: dict[str, Any] = {}
    for name, one in getattr(schema, "fields", {}).items():
        found[f"{path}{name}"] = one
        found |= fields_of(one.config_type, f"{path}{name}.")
    return found


def op_config(job: dg.JobDefinition) -> dict[str, Any]:
    """Return the fields of the asset's own config in a job."""
    schema: Any = job.run_config_schema.config_type
    config = schema.fields["ops"].config_type.fields[ASSET].config_type.fields["config"]
    return fields_of(config.config_type)


def jobs() -> list[dg.JobDefinition]:
    """Return the job of backfills, and those that schedules and sensors start."""
    repository = defs.get_repository_def()
    return [
        one
        for one in repository.get_all_jobs()
        if dg.AssetKey(ASSET) in one.asset_layer.executable_asset_keys
    ]


def test_every_field_has_a_description() -> None:
    """Also those that are added later: this asks Dagster, not a list."""
    for one in jobs():
        fields = op_config(one)
        assert fields
        nameless = [name for name, field in fields.items() if not (field.description or "").strip()]
        assert nameless == [], one.name


def test_backfill_and_schedule_have_the_same_schema() -> None:
    """What can be set in the UI can be set by everybody else."""
    names = {one.name: sorted(op_config(one)) for one in jobs()}
    assert len(names) > 1
    assert len({tuple(fields) for fields in names.values()}) == 1, names


@pytest.mark.parametrize("mode", ["full", "missing", "changed", "replay"])
def test_what_the_command_line_launches_is_valid(mode: str) -> None:
    """Every mode, with and without the overrides of `dc-assets run`."""
    for more in ({}, {"batch_rows_max": 500, "window": 3, "snapshot": True}):
        config = {"mode": mode, "resume": True, **more}
        for one in jobs():
            run_config = {"ops": {ASSET: {"config": config}}, "resources": RESOURCES}
            assert dg.validate_run_config(one, run_config)
