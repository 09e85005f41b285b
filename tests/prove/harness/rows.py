"""What a proof asks its database."""

from typing import Any

from psycopg.rows import dict_row


class Asking:
    """A world with a connection ``database``. Rows come as dictionaries."""

    __slots__ = ()
    database: Any

    def rows(self, query: str, **parameters: Any) -> list[dict[str, Any]]:
        with self.database.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(query.encode(), parameters).fetchall()

    def one(self, query: str, **parameters: Any) -> dict[str, Any]:
        """The only row. Raises ValueError when there are others, or none."""
        (row,) = self.rows(query, **parameters)
        return row
