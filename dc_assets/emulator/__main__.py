"""``python -m dc_assets.emulator``."""

import os
import signal

from dc_assets.emulator.command import main
from dc_assets.emulator.owned import OWNER_ONLY

if __name__ == "__main__":
    os.umask(OWNER_ONLY)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # started in the background of a shell
        signal.signal(signal.SIGINT, signal.default_int_handler)
    main(prog_name="dc-assets emulator")
