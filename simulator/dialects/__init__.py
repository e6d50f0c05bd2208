"""The words of each OCPP version, from the side of the station. Pure."""

from collections.abc import Mapping
from types import MappingProxyType

from simulator.dialects.messages import DialectFactory
from simulator.dialects.v16 import V16
from simulator.dialects.v21 import V21
from simulator.dialects.v201 import V201

DIALECTS: Mapping[str, DialectFactory] = MappingProxyType({"1.6": V16, "2.0.1": V201, "2.1": V21})
"""The dialects by OCPP version."""
