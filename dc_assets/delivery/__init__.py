"""Tells people of loads, by mail and webhook: settings, templates, channels, delivery."""
