"""``python -m dc_assets.emulator``."""

import os
import signal


def _end(number: int, _: object) -> None:
    """End with one line; a folder that was made for this process goes with it."""
    os.write(2, b"emulator: interrupted\n")
    raise SystemExit(128 + number)


if __name__ == "__main__":
    for _number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(_number, _end)  # also if ignored: started in the background of a shell

    # Polars gives memory back twice a second; to get it again is a tenth of the work of a load.
    os.environ.setdefault("_RJEM_MALLOC_CONF", "dirty_decay_ms:10000,muzzy_decay_ms:10000")

    from dc_assets.emulator.command import main
    from dc_assets.emulator.owned import OWNER_ONLY

    os.umask(OWNER_ONLY)
    main(prog_name="dc-assets emulator")
