"""CallbackService: where news are posted, what signs them, and what became of each delivery."""

from datetime import timedelta

from evcommand.v1 import callback_service_pb2 as pb
from evcommand.v1 import callback_service_pb2_grpc as pb_grpc

from broker.audit.changes import record_change
from broker.auth import current_caller
from broker.backend import Backend
from broker.callbacks import validate
from broker.callbacks.choosing import check_allowed, secret_missing
from broker.callbacks.convert import delivery_out, settings_out, state_in
from broker.callbacks.signing import make_secret
from broker.calls import Context
from broker.commands.lookups import command_not_found
from broker.errors import Reason, Refusal, check
from broker.proto.callback_fields import events_in
from broker.proto.names import command_in, command_name, delivery_in, delivery_name
from broker.proto.selection import list_selection
from broker.proto.times import time_out
from broker.reading.paging import Pager, cut_page, limit_of
from domain.callbacks import DeliveryState
from domain.model.command import Command
from fleet import callbacks
from fleet.callbacks import Delivery
from fleet.engine.statements import Tx
from fleet.log import commands as log
from journal.callback_outbox import wake_callback
from journal.commands.record import from_snapshot

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
                now=now,
            )
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
        async with self._backend.db.read() as tx:
            found = await callbacks.list_page(
                tx,
                tenant=tenant,
                command=command_in(request.command) if request.command else None,
                states=[state_in(state) for state in request.states],
                after=after,
                groups=caller.groups,
                limit=limit + 1,
            )
        page, last = cut_page(found, limit)
        return pb.ListCallbackDeliveriesResponse(
            deliveries=[delivery_out(each) for each in page],
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
            if delivery is None or not await _covers(tx, delivery):
                raise Refusal(Reason.DELIVERY_NOT_FOUND, f"{request.name} is not known.")
            if delivery.state != DeliveryState.PENDING.value:
                delivery = await self._resend(tx, delivery)
        return pb.ResendCallbackDeliveryResponse(delivery=delivery_out(delivery))

    async def _resend(self, tx: Tx, delivery: Delivery) -> Delivery:
        entry = await log.latest(tx, tenant=delivery.tenant, name=delivery.command)
        if entry is None:
            raise command_not_found(command_name(delivery.command))
        command = from_snapshot(entry.snapshot)
        await _check_enabled(tx, command)
        now = self._backend.now()
        await wake_callback(tx, command, "resend", now)
        name = delivery_name(delivery.id)
        await record_change(tx, "ResendCallbackDelivery", name, now, station=command.station)
        return await callbacks.resend(tx, delivery.tenant, delivery.id, now) or delivery


async def _covers(tx: Tx, delivery: Delivery) -> bool:
    """Whether the caller may see the station that the delivery's command is for."""
    caller = current_caller()
    if not caller.groups:
        return True
    entry = await log.latest(tx, tenant=delivery.tenant, name=delivery.command)
    return entry is not None and caller.covers(entry.snapshot["station"])


async def _check_enabled(tx: Tx, command: Command) -> None:
    if command.callback is None or not command.callback.default:
        return
    owner = await callbacks.endpoint(tx, command.tenant, command.caller)
    if owner is not None and owner.disabled:
        raise Refusal(
            Reason.CALLBACKS_DISABLED,
            "The callbacks of the command's caller are disabled: "
            f"{owner.disable_reason} Enable them with UpdateCallbackSettings.",
        )
