"""Runs the module or the script that its arguments name, as `python` does.

So one warm server, which has imported what several programs need, is enough for all of them.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.argv.pop(0)
    if Path(sys.argv[0]).is_absolute():
        runpy.run_path(sys.argv[0], run_name="__main__")
    else:
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
