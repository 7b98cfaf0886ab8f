"""`make cluster`: several nodes behind a proxy, with PostgreSQL, as processes of this machine.

To look at and to test; not part of the package that is shipped. The proxy runs with the very files
of this folder's parent that an installation uses.
"""
