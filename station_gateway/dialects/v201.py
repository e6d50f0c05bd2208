"""OCPP 2.0.1: what `v2x` says, with this version's schemas and limits."""

from station_gateway.dialects import v2x
from station_gateway.schemas import SchemaSet

VERSION = "2.0.1"
SUBPROTOCOL = "ocpp2.0.1"
EXTENDED_FRAMES = False

ERRORS = v2x.ERRORS
ANSWERS = v2x.ANSWERS
SCHEMAS = SchemaSet("ocpp.v201", "Request", frozenset(v2x.READERS), ERRORS)
_SPEECH = v2x.Speech(VERSION, v2x.READERS, id_token_chars=36, token_types=v2x.token_types())

check_call = SCHEMAS.check_call
check_send = SCHEMAS.check_send
check_answer = SCHEMAS.check_answer

start = _SPEECH.start
stop = _SPEECH.stop
ask = v2x.ask
read_asked = v2x.read_asked
get_connection_timeout = v2x.get_connection_timeout
read_connection_timeout = v2x.read_connection_timeout
read_answer = v2x.read_answer

read_call = _SPEECH.read_call
reply = _SPEECH.reply
