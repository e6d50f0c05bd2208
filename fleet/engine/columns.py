"""How the columns and indexes of the fleet's tables are made, for both databases."""

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
    """An identifier that is always there."""
    return Column(name, ID, nullable=False, **kw)


def word(name: str, **kw: Any) -> Column[str]:
    """A word of another room, "" when there is none."""
    return Column(name, WORD, nullable=False, server_default="", **kw)


def text_column(name: str) -> Column[str]:
    """A text that is shown and never looked for, "" when there is none."""
    return Column(name, TEXT, nullable=False, server_default="")


def flag(name: str) -> Column[bool]:
    """False until it is set."""
    return Column(name, Boolean, nullable=False, server_default=text("false"))


def time_column(name: str, *, nullable: bool = False) -> Column[Any]:
    """An instant in UTC."""
    return Column(name, Instant, nullable=nullable)


def partial_index(name: str, *columns: str, where: str) -> Index:
    """An index on the rows of which `where` is true."""
    return Index(name, *columns, sqlite_where=text(where), postgresql_where=text(where))


def index_of_known(name: str, *columns: str) -> Index:
    """An index on the rows that have a value in the last column."""
    return partial_index(name, *columns, where=f"{columns[-1]} IS NOT NULL")
