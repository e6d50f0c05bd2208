"""One module per OCPP version: the only place of the gateway where OCPP's words are known.

`DIALECTS` is in the order of preference for a station that offers several subprotocols.
"""

from collections.abc import Mapping

from station_gateway.dialects import v16, v21, v201
from station_gateway.dialects.interface import Dialect

DIALECTS: Mapping[str, Dialect] = {dialect.SUBPROTOCOL: dialect for dialect in (v21, v201, v16)}
"""By websocket subprotocol."""
