# SPDX-License-Identifier: AGPL-3.0-or-later
"""What is kept. One schema for SQLite and PostgreSQL; docs/data-model.md tells the life of every row.

No table has a time finer than a tick of the public count, and none has anything about a visitor.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
)

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pk",
        "fk": "%(table_name)s_%(column_0_name)s_fk",
        "uq": "%(table_name)s_%(column_0_name)s_uq",
    }
)

call = Table(
    "call",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("slug", String(40), nullable=False, unique=True, comment="its name in addresses"),
    Column("salt", LargeBinary(16), nullable=False, comment="random; separates its voices' ids from others'"),
    Column("loaded_on", Date, nullable=False),
    Column("closed_on", Date, comment="null while the call takes voices"),
    Column("revision", Integer, nullable=False, comment="raised by every change, so that workers read it again"),
    # Else a new call could get the id of a deleted one, and from a worker that has not noticed also its voices.
    # PostgreSQL gives no number twice by itself.
    sqlite_autoincrement=True,
)

call_text = Table(
    "call_text",
    metadata,
    Column("call_id", ForeignKey("call.id"), primary_key=True),
    Column("lang", String(35), primary_key=True, comment="BCP 47"),
    Column("source", Text, nullable=False, comment="the bundle's Markdown file as it was loaded"),
)

voice = Table(
    "voice",
    metadata,
    # No foreign key: the group commit joins the call itself, and a check a row would double its cost.
    Column("call_id", Integer, primary_key=True),
    Column("id", LargeBinary(16), primary_key=True, comment="derived from the voice code, which is not kept"),
    Column("kind", SmallInteger, nullable=False, comment="1 me too, 2 I stand with you, 0 withdrawn"),
    sqlite_with_rowid=False,  # a row number would keep the order in which people came
)

tally = Table(
    "tally",
    metadata,
    Column("call_id", ForeignKey("call.id"), primary_key=True),
    Column("kind", SmallInteger, primary_key=True),
    Column("shard", SmallInteger, primary_key=True, comment="which writer adds here, so that two never wait"),
    Column("number", BigInteger, nullable=False, comment="voices that stand: added by a tap, taken by a withdrawal"),
)

release = Table(
    "release",
    metadata,
    Column("call_id", ForeignKey("call.id"), primary_key=True),
    Column("kind", SmallInteger, primary_key=True),
    Column("tick", BigInteger, primary_key=True, comment="when this number was published; Unix seconds"),
    Column("number", BigInteger, comment="what the public saw; null: too few to show"),
)

publication = Table(
    "publication",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False, comment="always 1"),
    Column("tick", BigInteger, nullable=False, comment="the last tick whose numbers were published"),
)

server_key = Table(
    "server_key",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("value", LargeBinary, nullable=False, comment="random; signs places in the waiting line only"),
)
