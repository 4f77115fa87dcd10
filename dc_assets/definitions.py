"""What Dagster loads: the specs of the loads folder become definitions, nothing is decided here."""

from dc_assets.ledger.owner_only import keep_new_files_private
from dc_assets.load.spec_files import read_folder
from dc_assets.orchestration.loads import definitions_of
from dc_assets.wiring.settings import loads_folder, refuse_without_asserts

refuse_without_asserts()
keep_new_files_private()

defs = definitions_of(read_folder(loads_folder()))
