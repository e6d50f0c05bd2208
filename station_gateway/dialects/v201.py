"""OCPP 2.0.1: what `v2x` says, with this version's schemas and limits."""

from domain import ocpp_words
from station_gateway.dialects import v2x
from station_gateway.dialects.mending import v2x as mending
from station_gateway.dialects.schemas import SchemaSet

VERSION = "2.0.1"
SUBPROTOCOL = "ocpp2.0.1"
CAPABILITIES = ocpp_words.CAPABILITIES[VERSION]

ERRORS = v2x.ERRORS
ONE_EFFECT = v2x.ONE_EFFECT
SCHEMAS = SchemaSet("ocpp.v201", "Request", frozenset(v2x.READERS), ERRORS, menders=mending.MENDERS)
REPORTS = mending.MENDERS.keys()

# fmt: off
CONNECTOR_TYPES = frozenset({
    "cCCS1", "cCCS2", "cG105", "cTesla", "cType1", "cType2", "s309-1P-16A", "s309-1P-32A",
    "s309-3P-16A", "s309-3P-32A", "sBS1361", "sCEE-7-7", "sType2", "sType3", "Other1PhMax16A",
    "Other1PhOver16A", "Other3Ph", "Pan", "wInductive", "wResonant", "Undetermined", "Unknown",
})
# fmt: on
"""ConnectorEnumType; 2.1 made it free text."""

_SPEECH = v2x.Speech(
    VERSION,
    v2x.READERS,
    token_types=v2x.token_types(),
    connector_types=CONNECTOR_TYPES,
)

check_call = SCHEMAS.check_call
take_call = SCHEMAS.take_call
mend_call = SCHEMAS.mend_call
subject_of = mending.subject_of
check_send = SCHEMAS.check_send
check_answer = SCHEMAS.check_answer
take_answer = SCHEMAS.take_answer

COMMANDS = _SPEECH.commands()
ask_boot = v2x.ask_boot
get_connection_timeout = v2x.get_connection_timeout
read_connection_timeout = v2x.read_connection_timeout
set_password = _SPEECH.set_password
read_set_password = v2x.read_set_password

read_call = _SPEECH.read_call
reply = _SPEECH.reply
