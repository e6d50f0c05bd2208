"""Which callback a new command gets: its own, its caller's, or none."""

from broker.access.caller import Caller
from broker.callbacks.urls import forbidden
from broker.errors import Reason, Refusal, bad_field
from broker.settings import BrokerSettings
from domain.callback_events import wants_commands
from domain.model.command import Callback, CallbackEvents
from fleet import callbacks
from fleet.engine.statements import Tx


async def chosen_callback(
    tx: Tx, caller: Caller, given: Callback | None, settings: BrokerSettings
) -> Callback | None:
    """The callback of a new command. The command keeps it, so that it is looked up only once.

    Raises: Refusal (INVALID_REQUEST) for a URL that these settings forbid;
        (CALLBACK_SECRET_MISSING) when a URL is given and there is nothing to sign with.
    """
    if given is not None:
        check_allowed("options.callback.url", given.url, settings)
    owner = await callbacks.endpoint(tx, caller.tenant, caller.name)
    if given is not None:
        if owner is None or owner.secret is None:
            raise secret_missing()
        return given
    if owner is None or owner.secret is None or not owner.url:
        return None
    if not wants_commands(owner.event_types or ()):
        return None
    return Callback(owner.url, CallbackEvents(owner.events), default=True)


def check_allowed(field: str, url: str, settings: BrokerSettings) -> None:
    """Refuse a well-formed URL that must not be posted to.

    Raises: Refusal (INVALID_REQUEST), unless the settings allow private receivers.
    """
    wrong = "" if settings.callback_allow_private else forbidden(url)
    if wrong:
        raise bad_field(Reason.INVALID_REQUEST, field, wrong)


def secret_missing() -> Refusal:
    """The refusal of a callback that nothing can sign."""
    return Refusal(
        Reason.CALLBACK_SECRET_MISSING,
        "This credential has no secret to sign callbacks with. Call RotateCallbackSecret, give the "
        "secret to the receiver, and repeat the request.",
    )
