"""Programs that write rows of one folder into an emulated org: ours, its peers, a bare loop.

Each is a program of its own, so that what is measured is one process from its start to its end. On
its last line it tells as JSON how many rows landed and which CPU seconds it took behind its
imports.
"""
