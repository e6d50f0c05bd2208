"""The broker as a client sees it, in the words of the end-to-end tests."""

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import grpc
from evcommand.v1 import (
    command_options_pb2,
    id_token_pb2,
    remote_command_pb2,
    remote_command_service_pb2,
    remote_command_service_pb2_grpc,
    reservation_pb2,
    reservation_service_pb2,
    reservation_service_pb2_grpc,
    station_service_pb2,
    station_service_pb2_grpc,
    token_service_pb2_grpc,
)
from google.protobuf import duration_pb2

Reservation = reservation_pb2.Reservation
Command = remote_command_pb2.RemoteCommand
Code = remote_command_pb2.Outcome.Code

CALL_LIMIT_S = 10.0
READY_LIMIT_S = 30.0
OUTCOME_LIMIT_S = 90.0


@dataclass(frozen=True)
class Broker:
    """Calls of one client; every call has a deadline."""

    commands: remote_command_service_pb2_grpc.RemoteCommandServiceStub
    stations: station_service_pb2_grpc.StationServiceStub
    reservations: reservation_service_pb2_grpc.ReservationServiceStub
    tokens: token_service_pb2_grpc.TokenServiceStub

    def register(self, station_id: str) -> str:
        """Registers a station and returns its Basic-auth password."""
        request = station_service_pb2.CreateStationRequest(station_id=station_id)
        reply = self.stations.CreateStation(request, timeout=CALL_LIMIT_S)
        return reply.basic_auth_password

    def station(self, name: str) -> station_service_pb2.Station:
        """The station as the broker sees it now; an unknown one is one that never connected."""
        request = station_service_pb2.GetStationRequest(name=name)
        try:
            return self.stations.GetStation(request, timeout=CALL_LIMIT_S).station
        except grpc.RpcError as error:
            if error.code() == grpc.StatusCode.NOT_FOUND:
                return station_service_pb2.Station(name=name)
            raise

    def wait_until_booted(self, name: str) -> None:
        """Returns when the station is connected and its boot was accepted."""
        deadline = time.monotonic() + READY_LIMIT_S
        accepted = station_service_pb2.Station.BootState.BOOT_STATE_ACCEPTED
        while time.monotonic() < deadline:
            station = self.station(name)
            if station.connected and station.boot_state == accepted:
                return
            time.sleep(0.05)
        raise AssertionError(f"{name} has not booted within {READY_LIMIT_S} s: {station}")

    def start(self, station: str, token: str = "DRIVER-1") -> Command:
        """Starts a session on EVSE 1 and follows the command to its end."""
        request = remote_command_service_pb2.StartSessionRequest(
            station=station,
            evse_id=1,
            id_token=id_token_pb2.IdToken(
                value=token, type=id_token_pb2.IdTokenType.ID_TOKEN_TYPE_ISO14443
            ),
            request_id=str(uuid.uuid4()),
            options=_until_answered(),
        )
        return self._done(self.commands.StartSession(request, timeout=CALL_LIMIT_S).command)

    def stop(self, start_command: str) -> Command:
        """Stops what a start command started and follows the command to its end."""
        request = remote_command_service_pb2.StopSessionRequest(
            start_command=start_command,
            request_id=str(uuid.uuid4()),
            options=_until_answered(),
        )
        return self._done(self.commands.StopSession(request, timeout=CALL_LIMIT_S).command)

    def unlock(self, station: str, *, stop_first: bool = False) -> Command:
        """Unlocks connector 1 of EVSE 1 and follows the command to its end."""
        request = remote_command_service_pb2.UnlockConnectorRequest(
            station=station,
            evse_id=1,
            connector_id=1,
            stop_first=stop_first,
            options=_until_answered(),
        )
        return self._done(self.commands.UnlockConnector(request, timeout=CALL_LIMIT_S).command)

    def reset(self, station: str) -> Command:
        """Restarts the station gently and follows the command to its end."""
        request = remote_command_service_pb2.ResetRequest(
            station=station,
            mode=remote_command_pb2.RESET_MODE_SOFT,
            options=_until_answered(),
        )
        return self._done(self.commands.Reset(request, timeout=CALL_LIMIT_S).command)

    def reserve(self, station: str, token: str = "DRIVER-1", ttl_s: int = 600) -> Command:
        """Reserves EVSE 1 and follows the command to its end."""
        request = remote_command_service_pb2.ReserveNowRequest(
            station=station,
            evse_id=1,
            id_token=id_token_pb2.IdToken(value=token),
            ttl=duration_pb2.Duration(seconds=ttl_s),
            options=_until_answered(),
        )
        return self._done(self.commands.ReserveNow(request, timeout=CALL_LIMIT_S).command)

    def cancel_reservation(self, reservation: str) -> Command:
        """Cancels a reservation and follows the command to its end."""
        request = remote_command_service_pb2.CancelReservationRequest(
            reservation=reservation, options=_until_answered()
        )
        return self._done(self.commands.CancelReservation(request, timeout=CALL_LIMIT_S).command)

    def reservation_until(self, name: str, state: str) -> Reservation:
        """The reservation as soon as it is in this state."""
        request = reservation_service_pb2.WatchReservationsRequest(names=[name])
        changes = self.reservations.WatchReservations(request, timeout=OUTCOME_LIMIT_S)
        wanted = Reservation.State.Value(f"STATE_{state}")
        try:
            for change in changes:
                if change.reservation.state == wanted:
                    return change.reservation
        finally:
            changes.cancel()
        raise AssertionError(f"{name} is not {state}")

    def _done(self, command: Command) -> Command:
        request = remote_command_service_pb2.WatchCommandsRequest(names=[command.name])
        changes = self.commands.WatchCommands(request, timeout=OUTCOME_LIMIT_S)
        try:
            for change in changes:
                if change.command.state == Command.State.STATE_DONE:
                    return change.command
        finally:
            changes.cancel()
        raise AssertionError(f"{command.name} is not done")


def _until_answered() -> command_options_pb2.CommandOptions:
    """Waits for the station's answer; the test's name tells an operator whose command it was."""
    wait_for = command_options_pb2.WaitFor.WAIT_FOR_STATION_ANSWER
    return command_options_pb2.CommandOptions(wait_for=wait_for, labels={"client": "e2e"})


@contextmanager
def broker_at(address: str) -> Iterator[Broker]:
    """A client of the broker at `host:port`."""
    with grpc.insecure_channel(address) as channel:
        yield Broker(
            commands=remote_command_service_pb2_grpc.RemoteCommandServiceStub(channel),
            stations=station_service_pb2_grpc.StationServiceStub(channel),
            reservations=reservation_service_pb2_grpc.ReservationServiceStub(channel),
            tokens=token_service_pb2_grpc.TokenServiceStub(channel),
        )


def succeeded(command: Command) -> bool:
    """Whether the effect was seen."""
    return command.outcome.code == Code.CODE_SUCCEEDED


def transaction_id(command: Command) -> str:
    """OCPP's own id of the session that the command started or stopped."""
    return command.outcome.session.transaction_id
