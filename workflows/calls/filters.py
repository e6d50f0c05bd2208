"""Writes what operators filter commands by, when it changes and where it costs a write."""

from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeKey, SearchAttributeUpdate

from contract import names
from domain.commands.standing import (
    Attention,
    Standing,
    attention_for,
    goes_as_most,
    transaction_of,
)
from domain.model.command import Command, State
from domain.model.states import stands_out

OUTCOME = SearchAttributeKey.for_keyword(names.OUTCOME_ATTRIBUTE)
STATE = SearchAttributeKey.for_keyword(names.STATE_ATTRIBUTE)
TRANSACTION = SearchAttributeKey.for_keyword(names.TRANSACTION_ATTRIBUTE)
ATTENTION = SearchAttributeKey.for_keyword_list(names.ATTENTION_ATTRIBUTE)


def show(command: Command, standing: Standing) -> None:
    """Makes the command found by where it stands, by its end and by what it needs."""
    known = workflow.info().typed_search_attributes
    before = Standing(known.get(STATE, Standing.WORKING.value))
    if goes_as_most(command, before, standing) and known.get(OUTCOME) is None:
        return
    updates: list[SearchAttributeUpdate[Any]] = []
    if standing is not before:
        updates.append(STATE.value_set(standing.value))
    outcome = command.outcome
    if command.state is State.DONE and outcome is not None:
        told = known.get(OUTCOME)
        if told != outcome.code.value and (told is not None or stands_out(outcome)):
            updates.append(OUTCOME.value_set(outcome.code.value))
    reasons = [reason.value for reason in attention_for(command, standing)]
    if reasons != list(known.get(ATTENTION, [])):
        updates.append(ATTENTION.value_set(reasons) if reasons else ATTENTION.value_unset())
    transaction = transaction_of(command)
    if updates and transaction and transaction != known.get(TRANSACTION):
        updates.append(TRANSACTION.value_set(transaction))
    if updates:
        workflow.upsert_search_attributes(updates)


def show_parked(*, parked: bool) -> None:
    """Makes a run of the callback workflow found while a post that it gave up on stays parked."""
    known = workflow.info().typed_search_attributes
    is_shown = bool(known.get(ATTENTION, []))
    if parked and not is_shown:
        workflow.upsert_search_attributes([ATTENTION.value_set([Attention.CALLBACK_PARKED.value])])
    elif is_shown and not parked:
        workflow.upsert_search_attributes([ATTENTION.value_unset()])
