"""Signed access tokens that any service can check, over sessions on a server that end at once."""

__version__ = "0.1.0"
