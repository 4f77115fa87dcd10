"""What Dagster loads: the specs of the loads folder become definitions, nothing is decided here."""

import logging

import dagster as dg

from dc_assets.core.asserts import refuse_without_asserts
from dc_assets.ledger.owner_only import keep_new_files_private
from dc_assets.load.spec_files import read_folder
from dc_assets.orchestration.loads import definitions_of
from dc_assets.orchestration.placing import LoadOptions
from dc_assets.orchestration.resources import SalesforceResource
from dc_assets.wiring.settings import loads_folder, unknown_settings

refuse_without_asserts()
keep_new_files_private()
for _sentence in unknown_settings():
    logging.getLogger("dc_assets").warning(_sentence)

defs = dg.Definitions.merge(
    definitions_of(read_folder(loads_folder()), LoadOptions(), know_all=True),
    dg.Definitions(
        resources={"salesforce": SalesforceResource()},
        executor=dg.in_process_executor,  # a process for each step only costs time
    ),
)
