"""What Dagster loads: the specs of the loads folder become definitions, nothing is decided here."""

import logging

from dc_assets.core.asserts import refuse_without_asserts
from dc_assets.ledger.owner_only import keep_new_files_private
from dc_assets.load.spec_files import read_folder
from dc_assets.orchestration.loads import definitions_of
from dc_assets.wiring.settings import loads_folder, unknown_settings

refuse_without_asserts()
keep_new_files_private()
for _sentence in unknown_settings():
    logging.getLogger("dc_assets").warning(_sentence)

defs = definitions_of(read_folder(loads_folder()))
