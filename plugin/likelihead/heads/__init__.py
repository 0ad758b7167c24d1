"""Heads: modules that map features to a distribution."""
