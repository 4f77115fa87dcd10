"""Proof on a whole emulated org: what the checks catch, what values, keys and objects survive."""
