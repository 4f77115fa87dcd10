"""Inputs from the field, each with the right value as the fact of its test."""
