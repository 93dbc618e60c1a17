# SPDX-License-Identifier: AGPL-3.0-or-later
"""Alembic runs this. The connection, inside its transaction, comes from storage/database.py."""

from alembic import context

from notalone.storage.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
