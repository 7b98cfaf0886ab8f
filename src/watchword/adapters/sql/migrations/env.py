"""How Alembic runs the migrations: on the connection that it is given, or as a script."""

from alembic import context

connection = context.config.attributes.get("connection")
if connection is None:
    context.configure(dialect_name="postgresql", transactional_ddl=False)
    context.run_migrations()
else:
    context.configure(connection=connection, target_metadata=None, transactional_ddl=True)
    with context.begin_transaction():
        context.run_migrations()
