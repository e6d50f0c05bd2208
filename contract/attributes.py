"""The search attributes that a command's workflow is started with."""

from collections.abc import Collection
from typing import Any

from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

from contract import names
from domain.commands.standing import Standing, transaction_of
from domain.model.command import Command

STATION = SearchAttributeKey.for_keyword(names.STATION_ATTRIBUTE)
KIND = SearchAttributeKey.for_keyword(names.KIND_ATTRIBUTE)
TENANT = SearchAttributeKey.for_keyword(names.TENANT_ATTRIBUTE)
OUTCOME = SearchAttributeKey.for_keyword(names.OUTCOME_ATTRIBUTE)
STATE = SearchAttributeKey.for_keyword(names.STATE_ATTRIBUTE)
TRANSACTION = SearchAttributeKey.for_keyword(names.TRANSACTION_ATTRIBUTE)
ATTENTION = SearchAttributeKey.for_keyword_list(names.ATTENTION_ATTRIBUTE)
LABELS = SearchAttributeKey.for_keyword_list(names.LABELS_ATTRIBUTE)


def keywords_of(command: Command) -> dict[str, str]:
    """What a command is found by from its start, without its labels."""
    transaction = transaction_of(command)
    return {
        names.STATION_ATTRIBUTE: command.station,
        names.KIND_ATTRIBUTE: command.kind.value,
        names.TENANT_ATTRIBUTE: command.tenant,
        names.STATE_ATTRIBUTE: Standing.WORKING.value,
        **({names.TRANSACTION_ATTRIBUTE: transaction} if transaction else {}),
    }


def attributes_of(command: Command, indexed: Collection[str] = ()) -> TypedSearchAttributes:
    """What a command is found by from its start. indexed: the keys of the labels to find it by."""
    pairs: list[SearchAttributePair[Any]] = [
        SearchAttributePair(SearchAttributeKey.for_keyword(name), value)
        for name, value in keywords_of(command).items()
    ]
    labels = [f"{key}={value}" for key, value in command.labels.items() if key in indexed]
    if labels:
        pairs.append(SearchAttributePair(LABELS, labels))
    return TypedSearchAttributes(pairs)
