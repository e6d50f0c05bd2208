"""OCPP 2.1: what `v2x` says, with this version's schemas and limits, and what 2.1 adds.

Of the new messages of a station those are taken note of that only tell something. Those that ask
for a service nobody here gives (settlements, VAT numbers, battery swaps, certificate chains) are
NotSupported, so that no station believes that its payment is in good hands.
"""

from collections.abc import Mapping

from domain import ocpp_words
from station_gateway.dialects import v2x
from station_gateway.dialects.mending import v2x as mending
from station_gateway.dialects.schemas import SchemaSet
from station_gateway.dialects.station_calls import readers

VERSION = "2.1"
SUBPROTOCOL = "ocpp2.1"
CAPABILITIES = ocpp_words.CAPABILITIES[VERSION]

ERRORS = v2x.ERRORS
ONE_EFFECT = v2x.ONE_EFFECT

_READERS: Mapping[str, readers.Reader] = {
    **v2x.READERS,
    **readers.notices(
        "ClosePeriodicEventStream",
        "NotifyDERAlarm",
        "NotifyDERStartStop",
        "NotifyPriorityCharging",
        "NotifyWebPaymentStarted",
        "OpenPeriodicEventStream",
        "PullDynamicScheduleUpdate",
        "ReportDERControl",
    ),
}
_SENT = frozenset({"NotifyPeriodicEventStream"})

SCHEMAS = SchemaSet("ocpp.v21", "Request", frozenset(_READERS), ERRORS, _SENT, mending.MENDERS)
REPORTS = mending.MENDERS.keys()
_SPEECH = v2x.Speech(
    VERSION,
    _READERS,
    token_types=v2x.token_types("DirectPayment", "EVCCID", "VIN"),
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
