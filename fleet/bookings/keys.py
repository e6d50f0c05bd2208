"""How the rows of pools, policies and bookings are found: by tenant and name."""

from typing import Any

from sqlalchemy import Table, and_, bindparam


def is_named(table: Table) -> Any:
    """Whether a row is that of the tenant and the name in `key_of`."""
    return and_(table.c.tenant == bindparam("of_tenant"), table.c.name == bindparam("of_name"))


def key_of(tenant: str, name: str) -> dict[str, str]:
    """The values of `is_named`."""
    return {"of_tenant": tenant, "of_name": name}
