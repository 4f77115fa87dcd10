"""The composition root that Dagster loads: specs become assets and checks, nothing is decided."""

import logging

import dagster as dg

from dc_assets.core.asserts import refuse_without_asserts
from dc_assets.ledger.owner_only import keep_new_files_private
from dc_assets.load.spec_files import read_specs
from dc_assets.orchestration.assets import load_asset
from dc_assets.orchestration.audit import audit_asset
from dc_assets.orchestration.checks import load_checks
from dc_assets.orchestration.refresh import refresh_of
from dc_assets.orchestration.resources import SalesforceResource
from dc_assets.orchestration.sensors import notifier, reaper
from dc_assets.wiring.settings import loads_folder, unknown_settings

refuse_without_asserts()
keep_new_files_private()
for _sentence in unknown_settings():
    logging.getLogger("dc_assets").warning(_sentence)

_specs = read_specs(loads_folder())
_jobs, _sensors, _schedules = zip(*(refresh_of(spec) for spec in _specs), strict=True)

defs = dg.Definitions(
    assets=[make(spec) for spec in _specs for make in (load_asset, audit_asset)],
    asset_checks=[load_checks(spec) for spec in _specs],
    sensors=[reaper(_specs), notifier(_specs), *_sensors],
    jobs=_jobs,
    schedules=_schedules,
    resources={"salesforce": SalesforceResource()},
    executor=dg.in_process_executor,  # one step and its checks: a process for each only costs time
)
