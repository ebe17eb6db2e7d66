"""What was asked and told of things that wait for long, in PostgreSQL."""

from sqlalchemy import Column, DateTime, Integer, Table, Text
from sqlalchemy import text as sql

from jobsphere.schema import metadata

obligations = Table(
    "obligations",
    metadata,
    # deposit:<id>; no foreign key, since things of several tables are in it.
    Column("subject", Text, primary_key=True),
    # In which state it was; in another one it begins anew.
    Column("state", Text, nullable=False),
    Column("tries", Integer, nullable=False, server_default=sql("0")),
    Column("next_ask_at", DateTime(timezone=True)),
    Column("alerted_at", DateTime(timezone=True)),
)
