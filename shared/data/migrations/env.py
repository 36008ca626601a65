"""What Alembic runs: the migrations, in the transaction of the connection that it was given."""

from alembic import context

from shared.data.schema import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    version_table=VERSION_TABLE,
    transactional_ddl=True,  # of SQLite too: `engines` begins each transaction itself
)
with context.begin_transaction():
    context.run_migrations()
