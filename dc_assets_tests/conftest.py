"""Lets Python keep its bytecode while tests run, also where the environment says not to.

A run starts hundreds of interpreters: two workers, Dagster's services, commands. Without bytecode
each of them compiles the product and its tests anew.
"""

from __future__ import annotations

import os
import sys

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
