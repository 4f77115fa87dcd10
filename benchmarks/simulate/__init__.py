"""The ways of the earlier system to write, beside ours, on a modelled org with locks."""
