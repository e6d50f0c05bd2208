"""The dialects by OCPP version, oldest first, and the schemas that judge what they write."""

from collections.abc import Mapping
from types import ModuleType

from station_gateway.dialects import v16, v21, v201
from station_gateway.dialects.interface import Dialect
from station_gateway.dialects.schemas import SchemaSet

MODULES: Mapping[str, ModuleType] = {"1.6": v16, "2.0.1": v201, "2.1": v21}
DIALECTS: Mapping[str, Dialect] = {"1.6": v16, "2.0.1": v201, "2.1": v21}
PACKAGES = {"1.6": "ocpp.v16", "2.0.1": "ocpp.v201", "2.1": "ocpp.v21"}


def schemas_of(dialect: Dialect) -> SchemaSet:
    """The standard's own schemas of a version."""
    schemas = MODULES[dialect.VERSION].SCHEMAS
    assert isinstance(schemas, SchemaSet)
    return schemas
