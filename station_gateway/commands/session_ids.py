"""OCPP's id of the session that a stop ends, as it is known when the stop is written.

Behind another back end (CSMS) a 1.6 session has the id that this one gave, and may have none when
the stop is asked for. A stop waits for it (`domain.commands.sending`); the frame names what is
known by then. A station may have several sessions without an id, so none is guessed. A station that
is served here alone may itself say -1 for a session that nobody gave an id.
"""

from dataclasses import replace

from contract.commands import SendFrameInput
from domain.model.specs import StopSpec
from domain.ocpp_words import told_id
from fleet import transactions
from fleet.database import Database


class WithoutId(Exception):
    """No frame can name the session. may_come: its back end may still give it an id."""

    def __init__(self, *, may_come: bool) -> None:
        super().__init__("the session has no id")
        self.may_come = may_come


async def with_session_id(
    db: Database, request: SendFrameInput, *, relayed: bool
) -> SendFrameInput:
    """The request with the id of its session. relayed: another back end gives the ids.

    Raises: WithoutId, DatabaseUnavailable.
    """
    spec, row = request.stop, None
    if spec is None:
        return request
    if spec.found_transaction is not None:
        async with db.read() as tx:
            row = await transactions.get(tx, name=spec.found_transaction)
    if row is not None and row.id_taken:  # the station would end the other session
        raise WithoutId(may_come=False)
    if told_id(spec.found_ocpp_transaction_id):
        return request
    if row is not None and told_id(row.ocpp_transaction_id):
        return replace(request, stop=_naming(spec, row.ocpp_transaction_id))
    reported = row is not None and not row.observed_only
    if relayed or reported:
        raise WithoutId(may_come=reported)
    return request


def _naming(spec: StopSpec, id: str) -> StopSpec:
    return replace(spec, found_ocpp_transaction_id=id)
