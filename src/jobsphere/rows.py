"""Many rows with one statement: PostgreSQL gets one array for each column, and takes them apart again."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Table, TableValuedAlias, bindparam, column, func
from sqlalchemy.dialects.postgresql import ARRAY


def rows_of(table: Table, *names: str) -> TableValuedAlias:
    """Rows that come with the call, to select from: columns named and typed as those of ``table``.

    The statement is executed with ``arrays`` of them. However many they are, it is the same statement.
    """
    columns = [column(name, table.c[name].type) for name in names]
    # Not by the name of their column: that one SQLAlchemy gives to values of its own.
    sent = [bindparam(f"sent_{one.name}", type_=ARRAY(one.type)) for one in columns]
    return func.unnest(*sent).table_valued(*columns).render_derived(name="sent")


def arrays(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """``rows``, one or more with the same names, as the parameters that ``rows_of`` asks for."""
    return {f"sent_{name}": [row[name] for row in rows] for name in rows[0]}
