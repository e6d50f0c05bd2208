"""CallbackService: where news are posted, by whose secret, and what became of each post."""

from datetime import UTC, datetime, timedelta

from evcommand.v1 import callback_service_pb2 as pb
from evcommand.v1 import callback_service_pb2_grpc as pb_grpc

from broker.auth import current_caller
from broker.callbacks import validate
from broker.callbacks.choosing import check_allowed, secret_missing
from broker.callbacks.convert import delivery_out, settings_out, state_in
from broker.callbacks.signing import make_secret
from broker.calls import Context
from broker.commands.submitting import Backend
from broker.errors import Reason, Refusal
from broker.proto import names
from broker.proto.asks import command_in
from broker.proto.values import events_in, time_out
from broker.reading.paging import Pager, limit_of
from broker.services.remote_commands import check
from domain.callbacks import DeliveryState
from domain.model.command import Command
from fleet import callbacks
from fleet.callbacks import Delivery
from fleet.engine.statements import Tx
from fleet.log import commands as log
from journal.callback_outbox import wake_callback
from journal.commands.record import from_snapshot

PREVIOUS_TTL = timedelta(hours=24)
"""How long the secret before signs in parallel when a rotation does not say."""


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
        caller, given = current_caller(), request.settings
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
                now=self._backend.now(),
            )
        return pb.UpdateCallbackSettingsResponse(settings=settings_out(changed))

    async def RotateCallbackSecret(
        self, request: pb.RotateCallbackSecretRequest, context: Context
    ) -> pb.RotateCallbackSecretResponse:
        """Makes a new secret and shows it this once."""
        check(validate.check_rotate(request))
        asked = request.HasField("previous_ttl")
        ttl = request.previous_ttl.ToTimedelta() if asked else PREVIOUS_TTL
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
        return pb.RotateCallbackSecretResponse(
            secret=secret, previous_secret_expire_time=time_out(changed.previous_until)
        )

    async def ListCallbackDeliveries(
        self, request: pb.ListCallbackDeliveriesRequest, context: Context
    ) -> pb.ListCallbackDeliveriesResponse:
        """Lists deliveries, the newest first."""
        tenant = current_caller().tenant
        pager = Pager(tenant, "ListCallbackDeliveries", request)
        check(validate.check_list(request))
        after = pager.position(request.page_token, (int, str))
        limit = limit_of(request.page_size)
        async with self._backend.db.read() as tx:
            found = await callbacks.list_page(
                tx,
                tenant=tenant,
                command=command_in(request.command) if request.command else None,
                states=[state_in(state) for state in request.states],
                after=None if after is None else (_moment(after[0]), after[1]),
                limit=limit + 1,
            )
        last = found[limit - 1] if len(found) > limit else None
        return pb.ListCallbackDeliveriesResponse(
            deliveries=[delivery_out(each) for each in found[:limit]],
            next_page_token=pager.token(None if last is None else _place(last)),
        )

    async def ResendCallbackDelivery(
        self, request: pb.ResendCallbackDeliveryRequest, context: Context
    ) -> pb.ResendCallbackDeliveryResponse:
        """Sends a delivery again."""
        check(validate.check_resend(request))
        tenant, id = current_caller().tenant, names.parse_delivery(request.name) or ""
        async with self._backend.db.write() as tx:
            delivery = await callbacks.get(tx, tenant, id)
            if delivery is None:
                raise Refusal(Reason.DELIVERY_NOT_FOUND, f"{request.name} is not known.")
            if delivery.state != DeliveryState.PENDING.value:
                delivery = await self._resend(tx, delivery)
        return pb.ResendCallbackDeliveryResponse(delivery=delivery_out(delivery))

    async def _resend(self, tx: Tx, delivery: Delivery) -> Delivery:
        entry = await log.latest(tx, tenant=delivery.tenant, name=delivery.command)
        if entry is None:
            raise Refusal(Reason.COMMAND_NOT_FOUND, f"commands/{delivery.command} is not known.")
        command = from_snapshot(entry.snapshot)
        await _check_enabled(tx, command)
        now = self._backend.now()
        await wake_callback(tx, command, "resend", now)
        return await callbacks.resend(tx, delivery.tenant, delivery.id, now) or delivery


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


def _place(delivery: Delivery) -> list[object]:
    return [round(delivery.create_time.timestamp() * 1_000_000), delivery.id]


def _moment(microseconds: int) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=microseconds)
