"""CallbackService: where news are posted, what signs them, and what became of each delivery."""

from datetime import timedelta
from typing import Any

from evcommand.v1 import callback_service_pb2 as pb
from evcommand.v1 import callback_service_pb2_grpc as pb_grpc

from broker.audit.changes import record_change
from broker.auth import check_one_of, current_caller
from broker.backend import Backend
from broker.callbacks import validate
from broker.callbacks.choosing import check_allowed, secret_missing
from broker.callbacks.convert import (
    delivery_out,
    event_out,
    resource_in,
    settings_out,
    state_in,
)
from broker.callbacks.signing import make_secret
from broker.callbacks.subscribers import read_by
from broker.calls import Context
from broker.commands.lookups import command_not_found
from broker.errors import Reason, Refusal, check
from broker.proto.callback_fields import events_in
from broker.proto.names import command_in, command_name, delivery_in, delivery_name
from broker.proto.selection import list_selection
from broker.proto.times import time_out
from broker.reading.paging import Pager, cut_page, limit_of
from domain.callback_events import subjects_of
from domain.callbacks import DeliveryState
from fleet import callbacks, event_posts
from fleet.callbacks import Delivery
from fleet.engine.statements import Tx
from fleet.event_posts import EventDelivery
from fleet.log import commands as log
from journal.callback_outbox import wake_callback, wake_event_posts
from journal.commands.record import from_snapshot
from journal.event_feeds import choose

PREVIOUS_TTL = timedelta(hours=24)
"""How long the previous secret also signs when a rotation does not say."""

SETTINGS = "callbackSettings"
"""A credential's own settings in the audit log."""


class CallbackServicer(pb_grpc.CallbackServiceServicer):
    """Serves settings and deliveries from the fleet."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    async def GetCallbackSettings(
        self, request: pb.GetCallbackSettingsRequest, context: Context
    ) -> pb.GetCallbackSettingsResponse:
        """Gets the caller's settings."""
        caller = current_caller()
        async with self._backend.db.read() as tx:
            found = await callbacks.endpoint(tx, caller.tenant, caller.name)
        return pb.GetCallbackSettingsResponse(settings=settings_out(found))

    async def UpdateCallbackSettings(
        self, request: pb.UpdateCallbackSettingsRequest, context: Context
    ) -> pb.UpdateCallbackSettingsResponse:
        """Replaces the caller's settings."""
        check(validate.check_update(request))
        caller, given, now = current_caller(), request.settings, self._backend.now()
        for subject in sorted(subjects_of(given.event_types)):
            check_one_of(read_by(subject))
        if given.url:
            check_allowed("settings.url", given.url, self._backend.settings)
        async with self._backend.db.write() as tx:
            known = await callbacks.endpoint(tx, caller.tenant, caller.name)
            if given.url and (known is None or known.secret is None):
                raise secret_missing()
            changed = await callbacks.put(
                tx,
                tenant=caller.tenant,
                caller=caller.name,
                url=given.url,
                events=events_in(given.events).value,
                disable_reason="Disabled by its owner." if given.disabled else "",
                event_types=given.event_types,
                groups=caller.groups,
                now=now,
            )
            await choose(tx, caller.tenant, caller.name, given.event_types)
            await record_change(tx, "UpdateCallbackSettings", SETTINGS, now)
        return pb.UpdateCallbackSettingsResponse(settings=settings_out(changed))

    async def RotateCallbackSecret(
        self, request: pb.RotateCallbackSecretRequest, context: Context
    ) -> pb.RotateCallbackSecretResponse:
        """Makes a new secret and shows it this once."""
        check(validate.check_rotate(request))
        given = request.HasField("previous_ttl")
        ttl = request.previous_ttl.ToTimedelta() if given else PREVIOUS_TTL
        caller, secret, now = current_caller(), make_secret(), self._backend.now()
        async with self._backend.db.write() as tx:
            changed = await callbacks.set_secret(
                tx,
                tenant=caller.tenant,
                caller=caller.name,
                secret=self._backend.sealer.seal(secret),
                previous_until=now + ttl if ttl else None,
                now=now,
            )
            await record_change(tx, "RotateCallbackSecret", SETTINGS, now)
        return pb.RotateCallbackSecretResponse(
            secret=secret, previous_secret_expire_time=time_out(changed.previous_until)
        )

    async def ListCallbackDeliveries(
        self, request: pb.ListCallbackDeliveriesRequest, context: Context
    ) -> pb.ListCallbackDeliveriesResponse:
        """Lists deliveries, the newest first."""
        check(validate.check_list(request))
        caller, limit = current_caller(), limit_of(request.page_size)
        tenant = caller.tenant
        pager = Pager(list_selection(tenant, request))
        after = pager.time_position(request.page_token)
        which: dict[str, Any] = {
            "tenant": tenant,
            "states": [state_in(state) for state in request.states],
            "after": after,
            "groups": caller.groups,
            "limit": limit + 1,
        }
        command = command_in(request.command) if request.command else None
        about = resource_in(request.resource) if request.resource else None
        found: list[Delivery | EventDelivery] = []
        async with self._backend.db.read() as tx:
            if about is None:
                found += await callbacks.list_page(tx, command=command, **which)
            if command is None:
                found += await event_posts.list_page(tx, about=about, caller=caller.name, **which)
        found.sort(key=lambda each: (each.create_time, each.id), reverse=True)
        page, last = cut_page(found[: limit + 1], limit)
        return pb.ListCallbackDeliveriesResponse(
            deliveries=[_shown(each) for each in page],
            next_page_token=pager.time_token((last.create_time, last.id) if last else None),
        )

    async def ResendCallbackDelivery(
        self, request: pb.ResendCallbackDeliveryRequest, context: Context
    ) -> pb.ResendCallbackDeliveryResponse:
        """Sends a delivery again."""
        check(validate.check_resend(request))
        tenant, id = current_caller().tenant, delivery_in(request.name)
        async with self._backend.db.write() as tx:
            delivery = await callbacks.get(tx, tenant, id)
            if delivery is None and (event := await event_posts.get(tx, tenant, id)) is not None:
                shown = event_out(await self._resend_event(tx, event, request.name))
                return pb.ResendCallbackDeliveryResponse(delivery=shown)
            if delivery is None or not await _covers(tx, delivery):
                raise _not_found(request.name)
            if delivery.state != DeliveryState.PENDING.value:
                delivery = await self._resend(tx, delivery)
        return pb.ResendCallbackDeliveryResponse(delivery=delivery_out(delivery))

    async def _resend(self, tx: Tx, delivery: Delivery) -> Delivery:
        entry = await log.latest(tx, tenant=delivery.tenant, name=delivery.command)
        if entry is None:
            raise command_not_found(command_name(delivery.command))
        command = from_snapshot(entry.snapshot)
        if command.callback is not None and command.callback.default:
            await _check_enabled(tx, command.tenant, command.caller)
        now = self._backend.now()
        await wake_callback(tx, command, "resend", now)
        name = delivery_name(delivery.id)
        await record_change(tx, "ResendCallbackDelivery", name, now, station=command.station)
        return await callbacks.resend(tx, delivery.tenant, delivery.id, now) or delivery

    async def _resend_event(self, tx: Tx, event: EventDelivery, name: str) -> EventDelivery:
        caller = current_caller()
        if not (
            caller.covers(event.station) or (event.caller == caller.name and not event.station)
        ):
            raise _not_found(name)
        if event.state == DeliveryState.PENDING.value:
            return event
        await _check_enabled(tx, event.tenant, event.caller)
        now = self._backend.now()
        await wake_event_posts(tx, event, "resend", now)
        await record_change(tx, "ResendCallbackDelivery", name, now, station=event.station)
        return await event_posts.resend(tx, event.tenant, event.id, now) or event


async def _covers(tx: Tx, delivery: Delivery) -> bool:
    """Whether the caller may see the station that the delivery's command is for."""
    caller = current_caller()
    if not caller.groups:
        return True
    entry = await log.latest(tx, tenant=delivery.tenant, name=delivery.command)
    return entry is not None and caller.covers(entry.snapshot["station"])


async def _check_enabled(tx: Tx, tenant: str, caller: str) -> None:
    owner = await callbacks.endpoint(tx, tenant, caller)
    if owner is not None and owner.disabled:
        raise Refusal(
            Reason.CALLBACKS_DISABLED,
            "The callbacks of the credential that it goes to are disabled: "
            f"{owner.disable_reason} Enable them with UpdateCallbackSettings.",
        )


def _not_found(name: str) -> Refusal:
    return Refusal(Reason.DELIVERY_NOT_FOUND, f"{name} is not known.")


def _shown(delivery: Delivery | EventDelivery) -> pb.CallbackDelivery:
    return event_out(delivery) if isinstance(delivery, EventDelivery) else delivery_out(delivery)
