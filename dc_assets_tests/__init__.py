"""Tests of dc_assets; doubles are in `fakes`."""
