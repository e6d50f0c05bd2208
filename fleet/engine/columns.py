"""The columns that tables are made of, and the metadata that holds every table."""

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, MetaData, text

from fleet.engine.values import ID_LIMIT, TEXT_LIMIT, WORD_LIMIT, Instant, name_type

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

ID = name_type(ID_LIMIT)
WORD = name_type(WORD_LIMIT)
TEXT = name_type(TEXT_LIMIT)
SERIAL = BigInteger().with_variant(Integer, "sqlite")


def id_column(name: str, **kw: Any) -> Column[str]:
    """An identifier."""
    return Column(name, ID, nullable=False, **kw)


def word_column(name: str, **kw: Any) -> Column[str]:
    """A word of a fixed vocabulary, "" when there is none."""
    return Column(name, WORD, nullable=False, server_default="", **kw)


def text_column(name: str) -> Column[str]:
    """Descriptive text, "" when there is none."""
    return Column(name, TEXT, nullable=False, server_default="")


def flag_column(name: str) -> Column[bool]:
    """A boolean, false when it is not said."""
    return Column(name, Boolean, nullable=False, server_default=text("false"))


def time_column(name: str, *, nullable: bool = False) -> Column[Any]:
    """An instant."""
    return Column(name, Instant, nullable=nullable)


def partial_index(name: str, *columns: str, where: str) -> Index:
    """An index over the rows that `where` names."""
    return Index(name, *columns, sqlite_where=text(where), postgresql_where=text(where))
