"""Tests of the model of an org and of the policies that meet it."""
