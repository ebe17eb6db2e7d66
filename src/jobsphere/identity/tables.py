"""People in PostgreSQL."""

from sqlalchemy import Boolean, CheckConstraint, Column, DateTime, Index, Table, Text, Uuid, func, true

from jobsphere.schema import metadata

users = Table(
    "users",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("email", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("is_active", Boolean, nullable=False, server_default=true()),
    Column("created_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("email <> ''", name="email_is_given"),
    CheckConstraint("name <> ''", name="name_is_given"),
    CheckConstraint("role IN ('customer', 'contractor', 'admin')", name="role_is_known"),
)
# Ann@example.com and ann@example.com are one mailbox, so they are one person.
Index("users_email_key", func.lower(users.c.email), unique=True)
