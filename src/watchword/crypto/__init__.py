"""Bytes in, bytes out: nothing in this room reads a clock or a network, or knows an account."""
