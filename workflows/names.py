"""Every name that Temporal sees, once: workflows, activities, queues, signals, attributes."""

COMMAND_WORKFLOW = "RemoteCommandWorkflow"

COMMANDS_QUEUE = "evcommand-commands"

SUBMIT_UPDATE = "submit"
CANCEL_UPDATE = "cancel"
WAKE_SIGNAL = "wake"

PREPARE_COMMAND = "prepare_command"
SETTLE_SEND = "settle_send"
WEIGH_EVIDENCE = "weigh_evidence"
RECORD_CHANGE = "record_change"
SEND_FRAME = "send_frame"
ASK_STATION = "ask_station"

STATION_ATTRIBUTE = "EvStation"
KIND_ATTRIBUTE = "EvKind"
TENANT_ATTRIBUTE = "EvTenant"
OUTCOME_ATTRIBUTE = "EvOutcome"


def command_workflow_id(tenant: str, request_id: str) -> str:
    """The workflow id of a command: the idempotency key of its request."""
    return f"command/{tenant}/{request_id}"


def gateway_queue(gateway_id: str) -> str:
    """The task queue of one gateway process: only it holds its stations' sockets."""
    return f"gateway:{gateway_id}"
