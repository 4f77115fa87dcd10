"""``python -m dc_assets.emulator``."""

import signal

from dc_assets.emulator.command import main

if __name__ == "__main__":
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # started in the background of a shell
        signal.signal(signal.SIGINT, signal.default_int_handler)
    main()
