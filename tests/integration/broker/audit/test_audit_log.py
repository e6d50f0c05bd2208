"""Who changed what: each call that changes something has an entry, and it holds no secret."""

import asyncio
import hashlib
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import grpc
import pytest
from click.testing import CliRunner, Result
from evcommand.v1 import audit_service_pb2 as audit_pb
from evcommand.v1 import booking_series_pb2 as series_pb
from evcommand.v1 import booking_service_pb2 as bookings_pb
from evcommand.v1 import callback_service_pb2 as callbacks_pb
from evcommand.v1 import command_options_pb2 as options_pb
from evcommand.v1 import remote_command_service_pb2 as pb
from evcommand.v1 import reservation_service_pb2 as reservations_pb
from evcommand.v1 import station_service_pb2 as stations_pb
from evcommand.v1 import token_service_pb2 as tokens_pb
from evcommand.v1 import waitlist_pb2 as waitlist_pb
from evcommand.v1.audit_service_pb2_grpc import AuditServiceStub
from evcommand.v1.callback_service_pb2_grpc import CallbackServiceStub
from evcommand.v1.reservation_service_pb2_grpc import ReservationServiceStub
from google.protobuf.duration_pb2 import Duration
from temporalio.client import Client

from broker.access.rights import changes_something
from broker.commands.table import EDGES
from broker.process import running_broker
from broker.services.registration import DESCRIPTORS
from broker.settings import ApiKey, BrokerSettings
from entrypoints.cli import main
from fleet.log import audit
from fleet.log.event_log import Filter
from tests.integration.broker.access.test_station_groups import delivery
from tests.integration.broker.bookings.asking import HOUR, a_policy, a_pool, asked, stamp
from tests.integration.broker.bookings.test_series import asking
from tests.integration.broker.bookings.test_waitlist import joining
from tests.integration.broker.test_reservations import reserve_request
from tests.support.benches.broker_house import (
    WAIT_S,
    Broker,
    House,
    dialled,
    failure_of,
    patient,
    start_request,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CHANGING = {
    method.name
    for file in DESCRIPTORS
    for service in file.services_by_name.values()
    for method in service.methods
    if changes_something(f"/{service.full_name}/{method.name}")
}


@dataclass(frozen=True)
class Office:
    """A client with the key of this name."""

    name: str
    broker: Broker
    address: str

    def call(self, stub: Any, method: str, request: Any) -> Any:
        """A call with the key, and with a trace."""
        metadata = (
            ("authorization", f"Bearer {self.name}"),
            ("traceparent", f"00-{TRACE}-00f067aa0ba902b7-01"),
        )
        return getattr(stub, method)(request, metadata=metadata, timeout=WAIT_S)

    async def page(self, **fields: Any) -> audit_pb.ListAuditEntriesResponse:
        """ListAuditEntries."""
        stub, request = self._audit, audit_pb.ListAuditEntriesRequest(**fields)
        reply: audit_pb.ListAuditEntriesResponse = await self.call(
            stub, "ListAuditEntries", request
        )
        return reply

    async def entries(self, since: datetime) -> list[audit_pb.AuditEntry]:
        """What this key has changed since then, the oldest first."""
        span = pb.TimeRange()
        span.start_time.FromDatetime(since)
        reply = await self.page(create_time=span, page_size=200)
        return [each for each in reversed(reply.entries) if each.caller == self.name]

    @property
    def _audit(self) -> Any:
        return AuditServiceStub(self.broker.channel)


@asynccontextmanager
async def offices(house: House, client: Client, *forms: str) -> AsyncIterator[list[Office]]:
    """A broker with a key of each form: what follows its name in the setting."""
    names = [f"office-{uuid.uuid4().hex[:12]}" for _ in forms]
    keys = tuple(
        ApiKey.parse(f"{name}{form}:{hashlib.sha256(name.encode()).hexdigest()}")
        for name, form in zip(names, forms, strict=True)
    )
    settings = BrokerSettings(listen="127.0.0.1:0", drain_s=0.5, api_keys=keys)
    async with (
        running_broker(house.db, client, settings) as running,
        dialled(running.address) as broker,
    ):
        yield [Office(name, broker, running.address) for name in names]


async def manage_stations(office: Office) -> None:
    """Each call that changes a station."""
    stations, id = office.broker.stations, f"AUDIT-{uuid.uuid4().hex[:6]}"
    create = stations_pb.CreateStationRequest(station_id=id, basic_auth_password="s3cret" * 4)
    await office.call(stations, "CreateStation", create)
    update = stations_pb.UpdateStationRequest(
        station=stations_pb.Station(name=f"stations/{id}", location="Yard")
    )
    update.update_mask.paths.append("location")
    await office.call(stations, "UpdateStation", update)
    rotate = stations_pb.RotateStationPasswordRequest(
        name=f"stations/{id}", basic_auth_password="s3cret" * 3
    )
    await office.call(stations, "RotateStationPassword", rotate)
    delete = stations_pb.DeleteStationRequest(name=f"stations/{id}")
    await office.call(stations, "DeleteStation", delete)


async def manage_tokens(office: Office) -> None:
    """Each call that changes a token."""
    put = tokens_pb.PutTokenRequest(token=tokens_pb.Token(value="SECRET-TAG-0042"))
    await office.call(office.broker.tokens, "PutToken", put)
    delete = tokens_pb.DeleteTokenRequest(value="SECRET-TAG-0042")
    await office.call(office.broker.tokens, "DeleteToken", delete)


async def manage_commands(house: House, office: Office) -> str:
    """A start that is cancelled; its name."""
    request = start_request(await house.offline_station())
    request.options.CopyFrom(patient())
    request.options.wait_for = options_pb.WAIT_FOR_SUBMITTED
    made = await office.call(office.broker.commands, "StartSession", request)
    cancel = pb.CancelCommandRequest(name=made.command.name, reason="no longer wanted")
    await office.call(office.broker.commands, "CancelCommand", cancel)
    return str(made.command.name)


async def manage_reservations(house: House, office: Office) -> None:
    """A reservation that is made and changed."""
    async with house.station() as (id, station):
        asked = office.call(office.broker.commands, "ReserveNow", reserve_request(id))
        asking = asyncio.ensure_future(asked)
        await station.accept("ReserveNow")
        name = (await asking).command.reserve_now.reservation
        update = reservations_pb.UpdateReservationRequest(name=name, ttl=Duration(seconds=1200))
        stub = ReservationServiceStub(office.broker.channel)
        changing = asyncio.ensure_future(office.call(stub, "UpdateReservation", update))
        await station.accept("ReserveNow")
        await changing


async def manage_callbacks(house: House, office: Office, command: str) -> None:
    """Each call that changes something about callbacks. command: one that has ended."""
    stub = CallbackServiceStub(office.broker.channel)
    rotate = callbacks_pb.RotateCallbackSecretRequest()
    await office.call(stub, "RotateCallbackSecret", rotate)
    update = callbacks_pb.UpdateCallbackSettingsRequest(settings=callbacks_pb.CallbackSettings())
    await office.call(stub, "UpdateCallbackSettings", update)
    resend = callbacks_pb.ResendCallbackDeliveryRequest(name=await delivery(house.db, command))
    await office.call(stub, "ResendCallbackDelivery", resend)


async def manage_bookings(office: Office) -> None:
    """Each call that changes something about bookings."""

    class Keyed:
        """The stubs of a client that sends its key."""

        def __init__(self, stub: Any) -> None:
            self._stub = stub

        def __getattr__(self, method: str) -> Any:
            return lambda request: office.call(self._stub, method, request)

    broker = SimpleNamespace(
        bookings=Keyed(office.broker.bookings), stations=Keyed(office.broker.stations)
    )
    policy = await a_policy(broker, bind_lead=Duration(seconds=4 * 86_400))
    pool = await a_pool(broker, 1, policy)
    confirm_by = stamp(datetime.now(UTC) + HOUR)
    made = (await broker.bookings.CreateBooking(asked(pool, confirm_by=confirm_by))).booking
    await broker.bookings.ConfirmBooking(bookings_pb.ConfirmBookingRequest(name=made.name))
    labels = bookings_pb.UpdateBookingRequest(name=made.name, labels={"car": "blue"})
    await broker.bookings.UpdateBooking(labels)
    await broker.bookings.CheckIn(bookings_pb.CheckInRequest(name=made.name))
    await broker.bookings.CancelBooking(bookings_pb.CancelBookingRequest(name=made.name))
    series = (await broker.bookings.CreateBookingSeries(asking(pool))).series
    cancel = series_pb.CancelBookingSeriesRequest(name=series.name)
    await broker.bookings.CancelBookingSeries(cancel)
    entry = (await broker.bookings.JoinWaitlist(joining(pool))).entry.name
    snooze = waitlist_pb.SnoozeOfferRequest(name=entry, request_id=str(uuid.uuid4()))
    await broker.bookings.SnoozeOffer(snooze)
    await broker.bookings.LeaveWaitlist(waitlist_pb.LeaveWaitlistRequest(name=entry))
    entry = (await broker.bookings.JoinWaitlist(joining(pool))).entry.name
    accept = waitlist_pb.AcceptOfferRequest(name=entry)
    taken = (await broker.bookings.AcceptOffer(accept)).booking.name
    await broker.bookings.CancelBooking(bookings_pb.CancelBookingRequest(name=taken))
    same = (await broker.bookings.GetPool(bookings_pb.GetPoolRequest(name=pool))).pool
    await broker.bookings.UpdatePool(bookings_pb.UpdatePoolRequest(pool=same))
    await broker.bookings.DeletePool(bookings_pb.DeletePoolRequest(name=pool))


async def test_each_call_that_changes_something_has_an_entry_without_a_secret(
    house: House, client: Client
) -> None:
    since = datetime.now(UTC)
    async with offices(house, client, "") as [office]:
        await manage_stations(office)
        await manage_tokens(office)
        command = await manage_commands(house, office)
        await manage_reservations(house, office)
        await manage_callbacks(house, office, command)
        await manage_bookings(office)
        entries = await office.entries(since)
    made = {"StartSession", "ReserveNow"}
    others = {edge.method for edge in EDGES.values()} - made
    twice = ["CreateStation", "CancelBooking", "JoinWaitlist"]
    assert sorted(each.method for each in entries) == sorted([*(CHANGING - others), *twice])
    assert {(each.code, each.trace_id, each.times) for each in entries} == {("OK", TRACE, 1)}
    assert all(each.resource and each.tenant == "default" for each in entries)
    by_method = {each.method: each for each in entries}
    assert by_method["CancelCommand"].resource == by_method["StartSession"].resource == command
    assert by_method["StartSession"].request_id == command.removeprefix("commands/")
    assert by_method["PutToken"].resource == "tokens/ISO14443/****0042"
    assert "SECRET" not in str(entries)
    assert "s3cret" not in str(entries)


async def test_pages_of_both_sources_are_one_list_without_gaps(
    house: House, client: Client
) -> None:
    async with offices(house, client, f"@t-{uuid.uuid4().hex[:8]}") as [office]:
        for _ in range(3):
            await manage_tokens(office)
            station = f"PAGES-{uuid.uuid4().hex[:6]}"
            create = stations_pb.CreateStationRequest(station_id=station)
            await office.call(office.broker.stations, "CreateStation", create)
            await office.call(office.broker.commands, "StartSession", start_request(station))
        whole = list((await office.page(page_size=200)).entries)
        seen, token = list[audit_pb.AuditEntry](), ""
        while token or not seen:
            reply = await office.page(page_size=5, page_token=token)
            seen, token = seen + list(reply.entries), reply.next_page_token
        async with house.db.read() as tx:
            rows = await audit.list_page(tx, Filter(whole[0].tenant), limit=99)
    assert seen == whole
    assert "StartSession" not in {row.method for row in rows}  # it costs no row of its own
    assert [each.method for each in whole] == 3 * [
        *("StartSession", "CreateStation", "DeleteToken", "PutToken")
    ]


async def test_a_group_sees_the_entries_of_its_stations_and_other_tenants_see_none(
    house: House, client: Client
) -> None:
    tenant = f"@t-{uuid.uuid4().hex[:8]}"
    forms = (tenant, f"{tenant}/MINE-", f"@t-{uuid.uuid4().hex[:8]}")
    async with offices(house, client, *forms) as [all_, mine, other]:
        await manage_tokens(all_)
        for prefix in ("MINE-", "OTHER-"):
            create = stations_pb.CreateStationRequest(station_id=f"{prefix}{uuid.uuid4().hex[:6]}")
            await all_.call(all_.broker.stations, "CreateStation", create)
        assert len((await all_.page()).entries) == 4
        (entry,) = (await mine.page()).entries
        assert entry.station.startswith("stations/MINE-")
        assert not (await other.page()).entries


async def test_the_audit_log_needs_the_right_admin_and_good_fields(
    house: House, client: Client
) -> None:
    async with offices(house, client, "+read+command", "+admin") as [reader, admin]:
        failure = await failure_of(reader.page())
        assert failure.facts == {"right": "admin"}
        failure = await failure_of(admin.page(page_size=999, create_time=pb.TimeRange()))
        assert failure.code is grpc.StatusCode.INVALID_ARGUMENT
        assert failure.fields == ["create_time", "page_size"]


async def test_denied_calls_are_told_with_their_number_by_the_next_process(
    house: House, client: Client
) -> None:
    tenant = f"@t-{uuid.uuid4().hex[:8]}"
    delete = stations_pb.DeleteStationRequest(name="stations/CP-1")
    create = stations_pb.CreateStationRequest(station_id="THEIRS")
    async with offices(house, client, f"{tenant}+read", f"{tenant}/MINE-") as [reader, mine]:
        for _ in range(3):
            call = reader.call(reader.broker.stations, "DeleteStation", delete)
            assert (await failure_of(call)).reason == "RIGHT_MISSING"
        call = mine.call(mine.broker.stations, "CreateStation", create)
        assert (await failure_of(call)).reason == "OUTSIDE_STATION_GROUP"
        listing = reader.call(reader.broker.tokens, "ListTokens", tokens_pb.ListTokensRequest())
        assert (await failure_of(listing)).reason == "RIGHT_MISSING"  # but it would only read
    async with offices(house, client, tenant) as [office]:
        entries = {each.method: each for each in (await office.page()).entries}
    assert entries.keys() == {"DeleteStation", "CreateStation"}
    assert {each.code for each in entries.values()} == {"PERMISSION_DENIED"}
    deleting, creating = entries["DeleteStation"], entries["CreateStation"]
    assert (deleting.caller, deleting.reason, deleting.times) == (reader.name, "RIGHT_MISSING", 3)
    assert (creating.caller, creating.reason, creating.times) == (
        mine.name,
        "OUTSIDE_STATION_GROUP",
        1,
    )


async def printed(office: Office) -> Result:
    """What `evcommand audit --json` prints for this key."""
    words = ["audit", "--json", "--since", "1h", "--address", office.address]
    return await asyncio.to_thread(CliRunner().invoke, main, [*words, "--key", office.name])


async def test_the_command_line_prints_a_line_of_json_for_each_entry(
    house: House, client: Client
) -> None:
    tenant = f"@t-{uuid.uuid4().hex[:8]}"
    async with offices(house, client, tenant, f"{tenant}+read") as [office, reader]:
        await manage_tokens(office)
        told, refused = await printed(office), await printed(reader)
    # The broker of this test writes its log into the same output.
    lines = [json.loads(line) for line in told.output.splitlines() if line.startswith("{")]
    assert [line["method"] for line in lines] == ["DeleteToken", "PutToken"]
    assert {line["caller"] for line in lines} == {office.name}
    assert refused.exit_code != 0
    assert "right admin" in refused.output
