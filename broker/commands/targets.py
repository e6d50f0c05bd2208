"""Which session a StopSession is about. Reads the fleet; decides nothing that the caller must."""

from broker.commands.asks import PlainToken, StopAsk
from broker.commands.capabilities import check_token_fits, wire_id_for
from broker.commands.drafting import Resolution
from broker.errors import Reason, Refusal, bad_field
from broker.proto import names
from domain.model.command import Command, State
from domain.model.specs import Kind
from domain.model.states import is_definite
from fleet import stations, transactions
from fleet.engine.statements import Tx
from fleet.keys import Sealer
from fleet.log import commands as fleet_log
from fleet.log import reservations
from fleet.stations import Station
from fleet.transactions.rows import Transaction
from journal.commands.record import from_snapshot

# OCPP 1.6 does not say what kind a token is: its sessions are found by this word.
_UNTYPED = "idTag"


async def known_station(tx: Tx, tenant: str, station: str) -> Station:
    """The tenant's station. Raises: Refusal (STATION_NOT_FOUND)."""
    found = await stations.get(tx, station)
    if found is None or found.tenant != tenant:
        raise Refusal(
            Reason.STATION_NOT_FOUND,
            f"{names.station_name(station)} is not known. Register it with CreateStation; an open "
            "gateway knows a station as soon as it has connected once.",
        )
    return found


class TargetFinder:
    """Finds the session of a stop for one tenant, within one read of the fleet."""

    def __init__(self, tx: Tx, tenant: str, sealer: Sealer) -> None:
        self._tx = tx
        self._tenant = tenant
        self._sealer = sealer

    async def resolve(self, ask: StopAsk) -> Resolution:
        """The session to stop.

        Raises: Refusal when there is none, when there are several, or when it cannot be one yet.
        """
        if ask.transaction is not None:
            return await self._by_name(ask.transaction)
        if ask.start_command is not None:
            return await self._by_start(ask.start_command, ask.station)
        if ask.station is None:
            raise ValueError("the request was not validated")
        station = await known_station(self._tx, self._tenant, ask.station)
        if ask.transaction_id is not None:
            return await self._by_wire_id(station, ask.transaction_id)
        return _only(station.id, await self._running(station, ask))

    async def _by_name(self, name: str) -> Resolution:
        parsed = names.parse_transaction(name)
        found = await transactions.get(self._tx, name=parsed[1]) if parsed else None
        if found is None or parsed is None or not self._is_ours(found, parsed[0]):
            raise Refusal(Reason.TRANSACTION_NOT_FOUND, f"{name} is not known.")
        return _resolution(found)

    async def _by_start(self, name: str, station: str | None) -> Resolution:
        command = await self._start_command(name)
        if station not in (None, command.station):
            raise bad_field(
                Reason.INVALID_REQUEST, "station", f"{name} is a command of another station"
            )
        facts = command.outcome.session if command.outcome else None
        if facts is None or not facts.transaction_id:
            raise _no_session(name, command)
        return Resolution(command.station, facts.transaction_id, facts.transaction or None)

    async def _start_command(self, name: str) -> Command:
        id = names.parse_command(name)
        entry = await fleet_log.latest(self._tx, tenant=self._tenant, name=id) if id else None
        if entry is None:
            raise Refusal(Reason.COMMAND_NOT_FOUND, f"{name} is not known.")
        command = from_snapshot(entry.snapshot)
        if command.kind is not Kind.START_SESSION:
            raise bad_field(
                Reason.NOT_A_START_COMMAND, "start_command", f"{name} did not start a session"
            )
        return command

    async def _by_wire_id(self, station: Station, transaction_id: str) -> Resolution:
        wire_id = wire_id_for(station.ocpp_version, transaction_id)
        found = await transactions.by_ocpp_id(self._tx, station.id, wire_id)
        return _resolution(found) if found else Resolution(station.id, wire_id)

    async def _running(self, station: Station, ask: StopAsk) -> list[Transaction]:
        if ask.evse_id is not None:
            return await transactions.active(self._tx, station.id, evse_id=ask.evse_id)
        if ask.id_token is not None:
            return await self._running_with(station, ask.id_token)
        return await self._running_on(station, ask.reservation or "")

    async def _running_on(self, station: Station, reservation: str) -> list[Transaction]:
        """The running sessions that use a reservation, as the station or we know it."""
        id = names.parse_reservation(reservation)
        entry = await reservations.get(self._tx, tenant=self._tenant, name=id) if id else None
        if entry is None or entry.snapshot["station"] != station.id:
            raise Refusal(
                Reason.RESERVATION_NOT_FOUND, f"{reservation} is not known at this station."
            )
        number, used_by = entry.snapshot["wire_id"], entry.snapshot.get("transaction")
        running = await transactions.active(self._tx, station.id)
        return [one for one in running if one.reservation_id == number or one.name == used_by]

    async def _running_with(self, station: Station, token: PlainToken) -> list[Transaction]:
        check_token_fits(station.ocpp_version, "id_token", token)
        digests = {
            self._sealer.digest(token.type, token.value),
            self._sealer.digest(_UNTYPED, token.value),
        }
        running = await transactions.active(self._tx, station.id)
        return [one for one in running if one.token_digest in digests]

    def _is_ours(self, transaction: Transaction, station: str) -> bool:
        return transaction.tenant == self._tenant and transaction.station == station


def _only(station: str, running: list[Transaction]) -> Resolution:
    if not running:
        raise Refusal(
            Reason.NO_RUNNING_SESSION,
            f"No running session at {names.station_name(station)} fits the target. "
            "ListTransactions shows what is known; a session that we never heard of can be "
            "stopped by its transaction_id.",
        )
    if len(running) > 1:
        listed = ", ".join(names.transaction_name(one.station, one.name) for one in running[:10])
        raise Refusal(
            Reason.AMBIGUOUS_TARGET,
            f"{len(running)} running sessions fit the target: {listed}. Stop one by its name.",
            facts={"transactions": listed},
        )
    return _resolution(running[0])


def _resolution(transaction: Transaction) -> Resolution:
    return Resolution(transaction.station, transaction.ocpp_id, transaction.name)


def _no_session(name: str, command: Command) -> Refusal:
    if command.state is State.DONE and is_definite(command.outcome):
        cause = command.outcome.cause if command.outcome else ""
        return Refusal(
            Reason.NO_RUNNING_SESSION, f"{name} ended without a session ({cause}): nothing to stop."
        )
    return Refusal(
        Reason.START_NOT_FINAL,
        f"{name} has not started a session yet. CancelCommand takes it back: what it still brings "
        "about is stopped.",
    )
