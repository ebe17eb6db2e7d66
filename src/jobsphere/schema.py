"""What every folder's ``tables.py`` builds on: the metadata, and rules that PostgreSQL keeps by itself."""

from typing import Any, Literal

from sqlalchemy import Connection, MetaData, event

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
        "ck": "%(table_name)s_%(constraint_name)s",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    }
)


def install(*statements: str) -> None:
    """Run this SQL once all tables are made (functions and triggers, in the order they are declared)."""

    @event.listens_for(metadata, "after_create")
    def _run(_target: MetaData, connection: Connection, **_: Any) -> None:
        for statement in statements:
            connection.exec_driver_sql(statement)


def append_only(table: str, *columns: str, each: Literal["row", "statement"] = "row") -> None:
    """Make PostgreSQL refuse to remove rows of ``table``, or to change them, whoever asks.

    With ``columns`` only these are fixed and the others may change. ``each`` statement also refuses what would
    touch no row, and costs nothing for each row whose other columns change.
    """
    update = f"UPDATE OF {', '.join(columns)}" if columns else "UPDATE"
    install(
        f"CREATE TRIGGER refuse_change BEFORE {update} OR DELETE ON {table} "
        f"FOR EACH {each} EXECUTE FUNCTION refuse_change()",
        f"CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
        # ALWAYS: also in a session that pretends to be a replica.
        f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER refuse_change",
        f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER refuse_truncate",
    )


install(
    """
    CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION '% of % is refused: its rows are kept as they were written', TG_OP, TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation', HINT = 'A correction is a new row.';
    END $$
    """
)
