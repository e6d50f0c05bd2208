"""Who goes first in Temporal's task queues, and that tenants take turns there.

Where tasks wait for a worker, Temporal hands out a lower number first. Among equal numbers it takes
turns between the fairness keys, which are tenants here: one tenant's burst does not hold up the
others. The activities of a workflow and its later runs inherit both.

    1  a stop, an unlock           (0 in the rules of the kind: see `CommandRules.priority`)
    2  a start, a reservation made or cancelled
    3  a reset; Temporal's default, which workflows have that were started without a priority
    4  what keeps a reservation
    5  what posts callbacks
"""

from collections.abc import Mapping

from temporalio.common import Priority

from contract import names
from domain.commands.table import COMMANDS
from domain.model.specs import Kind

RESERVATION_PRIORITY = 4
CALLBACK_PRIORITY = 5

_FIRST_OF_COMMANDS, _LAST_OF_COMMANDS = 1, 3
_LONGEST_KEY = 64
"""Temporal refuses a start whose fairness key has more bytes. Names of tenants are not longer."""

_OF_KINDS = {
    kind.value: min(_FIRST_OF_COMMANDS + rules.priority, _LAST_OF_COMMANDS)
    for kind, rules in COMMANDS.items()
}
_OF_WORKFLOWS = {
    names.RESERVATION_WORKFLOW: RESERVATION_PRIORITY,
    names.CALLBACK_WORKFLOW: CALLBACK_PRIORITY,
    names.EVENT_POSTS_WORKFLOW: CALLBACK_PRIORITY,
}


def command_priority(kind: Kind, tenant: str) -> Priority:
    """The priority of a command's workflow and of its frames."""
    return Priority(_OF_KINDS[kind.value], _fairness_key(tenant))


def start_priority(workflow: str, attributes: Mapping[str, str]) -> Priority:
    """The priority of a workflow that a wake-up starts.

    workflow: its type. attributes: its search attributes, which name the tenant, and the kind of a
    command. A kind that this version does not know gets Temporal's default.
    """
    of_kind = _OF_KINDS.get(attributes.get(names.KIND_ATTRIBUTE, ""))
    tenant = attributes.get(names.TENANT_ATTRIBUTE, "")
    return Priority(_OF_WORKFLOWS.get(workflow, of_kind), _fairness_key(tenant))


def _fairness_key(tenant: str) -> str:
    return tenant.encode()[:_LONGEST_KEY].decode(errors="ignore")
