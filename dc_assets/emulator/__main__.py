"""``python -m dc_assets.emulator``."""

from dc_assets.emulator.command import main

if __name__ == "__main__":
    main(prog_name="dc-assets emulator")
