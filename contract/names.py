"""Every name that Temporal sees, once: workflows, activities, queues, signals, attributes.

Histories hold these names, so none of them ever changes.
"""

from domain.model.specs import Kind

COMMAND_WORKFLOW = "RemoteCommandWorkflow"
"""Of commands that were started before each kind had a type of its own."""

RESERVATION_WORKFLOW = "ReservationWorkflow"
CALLBACK_WORKFLOW = "CallbackWorkflow"
BOOKING_WORKFLOW = "BookingWorkflow"
EVENT_POSTS_WORKFLOW = "EventPostsWorkflow"

COMMANDS_QUEUE = "evcommand-commands"
CALLBACKS_QUEUE = "evcommand-callbacks"

SUBMIT_UPDATE = "submit"
CANCEL_UPDATE = "cancel"
CHANGE_UPDATE = "change"
WAKE_SIGNAL = "wake"
STORY_QUERY = "story"

PREPARE_COMMAND = "prepare_command"
SETTLE_SEND = "settle_send"
WEIGH_EVIDENCE = "weigh_evidence"
RECORD_CHANGE = "record_change"
WEIGH_RESERVATION = "weigh_reservation"
CHANGE_RESERVATION = "change_reservation"
CARRY_BOOKING = "carry_booking"
SEND_FRAME = "send_frame"
ASK_STATION = "ask_station"
NEXT_CALLBACK = "next_callback"
SETTLE_CALLBACK = "settle_callback"
POST_CALLBACK = "post_callback"
NEXT_EVENT = "next_event"
SETTLE_EVENT = "settle_event"
POST_EVENT = "post_event"
SHARE_TAKEN = "ShareTaken"  # the type of the error by which a broker hands a post back

STATION_ATTRIBUTE = "EvStation"
KIND_ATTRIBUTE = "EvKind"
TENANT_ATTRIBUTE = "EvTenant"
OUTCOME_ATTRIBUTE = "EvOutcome"
STATE_ATTRIBUTE = "EvState"
TRANSACTION_ATTRIBUTE = "EvTransaction"
ATTENTION_ATTRIBUTE = "EvAttention"
LABELS_ATTRIBUTE = "EvLabels"


def command_workflow(kind: Kind) -> str:
    """The workflow type of a kind of command, as "StartSession"."""
    return "".join(word.capitalize() for word in kind.value.split("_"))


def command_workflow_id(tenant: str, request_id: str) -> str:
    """The workflow id of a command: the same request of the same tenant is the same workflow."""
    return f"command/{tenant}/{request_id}"


def reservation_workflow_id(tenant: str, reservation: str) -> str:
    """The workflow id of a reservation, for every run of its workflow."""
    return f"reservation/{tenant}/{reservation}"


def booking_workflow_id(tenant: str, booking: str) -> str:
    """The workflow id of a booking, for every run of its workflow."""
    return f"booking/{tenant}/{booking}"


def callback_workflow_id(tenant: str, command: str) -> str:
    """The workflow id of a command's callbacks: one id for all runs keeps the posts in order."""
    return f"callback/{tenant}/{command}"


def event_posts_workflow_id(tenant: str, subject: str, thread: str) -> str:
    """The workflow id of the posts of one resource's events to one credential (`thread`)."""
    return f"events/{tenant}/{subject}/{thread}"


def gateway_queue(gateway_id: str) -> str:
    """The task queue of one gateway process. Only this process holds its stations' sockets."""
    return f"gateway:{gateway_id}"
