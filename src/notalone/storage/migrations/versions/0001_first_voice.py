# SPDX-License-Identifier: AGPL-3.0-or-later
"""Calls, voices, their tally and what was published of it."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "call",
        sa.Column("id", sa.Integer),
        sa.Column("slug", sa.String(40), nullable=False),
        sa.Column("salt", sa.LargeBinary(16), nullable=False),
        sa.Column("loaded_on", sa.Date, nullable=False),
        sa.Column("closed_on", sa.Date),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="call_pk"),
        sa.UniqueConstraint("slug", name="call_slug_uq"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "call_text",
        sa.Column("call_id", sa.Integer),
        sa.Column("lang", sa.String(35)),
        sa.Column("source", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("call_id", "lang", name="call_text_pk"),
        sa.ForeignKeyConstraint(["call_id"], ["call.id"], name="call_text_call_id_fk"),
    )
    op.create_table(
        "voice",
        sa.Column("call_id", sa.Integer),
        sa.Column("id", sa.LargeBinary(16)),
        sa.Column("kind", sa.SmallInteger, nullable=False),
        sa.PrimaryKeyConstraint("call_id", "id", name="voice_pk"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "tally",
        sa.Column("call_id", sa.Integer),
        sa.Column("kind", sa.SmallInteger),
        sa.Column("shard", sa.SmallInteger),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("call_id", "kind", "shard", name="tally_pk"),
        sa.ForeignKeyConstraint(["call_id"], ["call.id"], name="tally_call_id_fk"),
    )
    op.create_table(
        "release",
        sa.Column("call_id", sa.Integer),
        sa.Column("kind", sa.SmallInteger),
        sa.Column("tick", sa.BigInteger),
        sa.Column("number", sa.BigInteger),
        sa.PrimaryKeyConstraint("call_id", "kind", "tick", name="release_pk"),
        sa.ForeignKeyConstraint(["call_id"], ["call.id"], name="release_call_id_fk"),
    )
    publication = op.create_table(
        "publication",
        sa.Column("id", sa.SmallInteger, autoincrement=False),
        sa.Column("tick", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="publication_pk"),
    )
    op.bulk_insert(publication, [{"id": 1, "tick": 0}])
    op.create_table(
        "server_key",
        sa.Column("name", sa.String(40)),
        sa.Column("value", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("name", name="server_key_pk"),
    )
