"""The store in SQL: one schema and one set of statements, in the subset that SQLite and
PostgreSQL share; `sqlite` runs them on an embedded file, `postgres` on a server for many nodes.

To add a table: a migration in `migrations/versions`, its statements beside the verbs that use
them in a module here, the verbs in `watchword.ports`, and cases in the conformance suite. A verb
that reads before it decides says what must not change meanwhile: see `statements`.
"""
