"""Migrations go forward only; each is tested on a filled database of the version before."""
