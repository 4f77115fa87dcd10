"""``python -m dc_assets.emulator``."""

import os

from dc_assets.emulator.command import main
from dc_assets.emulator.owned import OWNER_ONLY

if __name__ == "__main__":
    os.umask(OWNER_ONLY)
    main(prog_name="dc-assets emulator")
