"""Every name that Temporal sees, once: workflows, activities, queues, signals, attributes."""

COMMAND_WORKFLOW = "RemoteCommandWorkflow"
RESERVATION_WORKFLOW = "ReservationWorkflow"
CALLBACK_WORKFLOW = "CallbackWorkflow"

COMMANDS_QUEUE = "evcommand-commands"
CALLBACKS_QUEUE = "evcommand-callbacks"

SUBMIT_UPDATE = "submit"
CANCEL_UPDATE = "cancel"
CHANGE_UPDATE = "change"
WAKE_SIGNAL = "wake"

PREPARE_COMMAND = "prepare_command"
SETTLE_SEND = "settle_send"
WEIGH_EVIDENCE = "weigh_evidence"
RECORD_CHANGE = "record_change"
WEIGH_RESERVATION = "weigh_reservation"
CHANGE_RESERVATION = "change_reservation"
SEND_FRAME = "send_frame"
ASK_STATION = "ask_station"
NEXT_CALLBACK = "next_callback"
SETTLE_CALLBACK = "settle_callback"
POST_CALLBACK = "post_callback"

STATION_ATTRIBUTE = "EvStation"
KIND_ATTRIBUTE = "EvKind"
TENANT_ATTRIBUTE = "EvTenant"
OUTCOME_ATTRIBUTE = "EvOutcome"


def command_workflow_id(tenant: str, request_id: str) -> str:
    """The workflow id of a command: the idempotency key of its request."""
    return f"command/{tenant}/{request_id}"


def reservation_workflow_id(tenant: str, reservation: str) -> str:
    """The workflow id of a reservation's life: the same for every run of it."""
    return f"reservation/{tenant}/{reservation}"


def callback_workflow_id(tenant: str, command: str) -> str:
    """The workflow id of a command's posts: the same for every run, so that they keep an order."""
    return f"callback/{tenant}/{command}"


def gateway_queue(gateway_id: str) -> str:
    """The task queue of one gateway process: only it holds its stations' sockets."""
    return f"gateway:{gateway_id}"
