"""Registers the search attributes that operators filter commands by in the Temporal web UI."""

from datetime import timedelta

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import (
    AddSearchAttributesRequest,
    ListSearchAttributesRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from contract.names import (
    ATTENTION_ATTRIBUTE,
    KIND_ATTRIBUTE,
    LABELS_ATTRIBUTE,
    OUTCOME_ATTRIBUTE,
    STATE_ATTRIBUTE,
    STATION_ATTRIBUTE,
    TENANT_ATTRIBUTE,
    TRANSACTION_ATTRIBUTE,
)

_KEYWORD = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
_KEYWORDS = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD_LIST

ATTRIBUTES = {
    STATION_ATTRIBUTE: _KEYWORD,
    KIND_ATTRIBUTE: _KEYWORD,
    TENANT_ATTRIBUTE: _KEYWORD,
    OUTCOME_ATTRIBUTE: _KEYWORD,
    STATE_ATTRIBUTE: _KEYWORD,
    TRANSACTION_ATTRIBUTE: _KEYWORD,
    ATTENTION_ATTRIBUTE: _KEYWORDS,
    LABELS_ATTRIBUTE: _KEYWORDS,
}
"""The type of each. An SQL-backed namespace has ten of Keyword and three of KeywordList."""

_TYPE_NAMES = {_KEYWORD: "Keyword", _KEYWORDS: "KeywordList"}

_RPC_TIMEOUT = timedelta(seconds=10)


class RegistrationFailed(Exception):
    """The search attributes could not be registered; the message says what an operator can do."""


async def register_search_attributes(client: Client) -> None:
    """Makes sure that the namespace knows our search attributes. Safe to repeat and to race.

    Raises:
        RegistrationFailed: this process may not register them, or a name has another type.
    """
    try:
        missing = await _missing(client)
        if missing:
            await _add(client, missing)
    except RPCError as error:
        raise RegistrationFailed(_advice(client.namespace, error)) from error


async def search_attributes_work(client: Client) -> bool:
    """Whether the server takes our search attributes. It may refuse new ones for a minute.

    Raises:
        RPCError: the server cannot be asked.
    """
    query = " AND ".join(f"{name} = 'nothing'" for name in ATTRIBUTES)
    try:
        await client.count_workflows(query, rpc_timeout=_RPC_TIMEOUT)
    except RPCError as error:
        if error.status is RPCStatusCode.INVALID_ARGUMENT:
            return False
        if error.status is not RPCStatusCode.UNIMPLEMENTED:  # by Temporal's test server
            raise
    return True


async def _missing(client: Client) -> list[str]:
    try:
        known = await client.operator_service.list_search_attributes(
            ListSearchAttributesRequest(namespace=client.namespace), timeout=_RPC_TIMEOUT
        )
    except RPCError as error:
        if error.status is RPCStatusCode.UNIMPLEMENTED:
            return list(ATTRIBUTES)  # Temporal's test server can add, but not list
        raise
    for name, wanted in ATTRIBUTES.items():
        if known.custom_attributes.get(name, wanted) != wanted:
            raise RegistrationFailed(
                f"search attribute {name} of namespace {client.namespace!r} is not a "
                f"{_TYPE_NAMES[wanted]}: "
                f"remove it with 'temporal operator search-attribute remove --name {name}'"
            )
    return [name for name in ATTRIBUTES if name not in known.custom_attributes]


async def _add(client: Client, missing: list[str]) -> None:
    try:
        await client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(
                namespace=client.namespace,
                search_attributes={name: ATTRIBUTES[name] for name in missing},
            ),
            timeout=_RPC_TIMEOUT,
        )
    except RPCError as error:
        if error.status is not RPCStatusCode.ALREADY_EXISTS:
            raise


def _advice(namespace: str, error: RPCError) -> str:
    commands = "; ".join(
        f"temporal operator search-attribute create --namespace {namespace} "
        f"--name {name} --type {_TYPE_NAMES[wanted]}"
        for name, wanted in ATTRIBUTES.items()
    )
    return (
        f"cannot register search attributes in namespace {namespace!r} "
        f"({error.status.name}: {error.message}). An operator can do it once: {commands}"
    )
