"""Recipes of the published systems, one YAML file each."""
