"""What Alembic runs to apply revisions: always on the connection, and in the transaction, that ``upgrade`` opened."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    version_table="alembic_version",
    version_table_schema="econsent",
)
with context.begin_transaction():
    context.run_migrations()
