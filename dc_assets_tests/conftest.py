"""Lets Python keep its bytecode while tests run, and no test fail because the machine is busy.

A run starts hundreds of interpreters: two workers, Dagster's services, commands. Without bytecode
each of them compiles the product and its tests anew, also where the environment says so.
"""

from __future__ import annotations

import os
import sys

from hypothesis import settings

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

settings.register_profile("busy machine", deadline=None)
settings.load_profile("busy machine")
