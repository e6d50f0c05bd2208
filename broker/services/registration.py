"""Puts every service into the server: ours, health and reflection."""

import grpc.aio
from evcommand.v1 import (
    audit_service_pb2,
    audit_service_pb2_grpc,
    booking_service_pb2,
    booking_service_pb2_grpc,
    callback_service_pb2,
    callback_service_pb2_grpc,
    remote_command_service_pb2,
    remote_command_service_pb2_grpc,
    reservation_service_pb2,
    reservation_service_pb2_grpc,
    station_service_pb2,
    station_service_pb2_grpc,
    token_service_pb2,
    token_service_pb2_grpc,
)
from google.protobuf.descriptor import FileDescriptor
from grpc_health.v1 import health_pb2_grpc

from broker.backend import Backend
from broker.services import health, reflection
from broker.services.audit import AuditServicer
from broker.services.bookings import BookingServicer
from broker.services.callbacks import CallbackServicer
from broker.services.remote_commands import RemoteCommandServicer
from broker.services.reservations import ReservationServicer
from broker.services.stations import StationServicer
from broker.services.tokens import TokenServicer

DESCRIPTORS: tuple[FileDescriptor, ...] = (
    remote_command_service_pb2.DESCRIPTOR,
    station_service_pb2.DESCRIPTOR,
    token_service_pb2.DESCRIPTOR,
    callback_service_pb2.DESCRIPTOR,
    reservation_service_pb2.DESCRIPTOR,
    audit_service_pb2.DESCRIPTOR,
    booking_service_pb2.DESCRIPTOR,
)
"""The contract's files with services."""

SERVICES = tuple(
    service.full_name for file in DESCRIPTORS for service in file.services_by_name.values()
)
"""The full names of our services."""


def add_services(server: grpc.aio.Server, backend: Backend) -> None:
    """Add every service to the server."""
    remote_command_service_pb2_grpc.add_RemoteCommandServiceServicer_to_server(
        RemoteCommandServicer(backend), server
    )
    reservation_service_pb2_grpc.add_ReservationServiceServicer_to_server(
        ReservationServicer(backend), server
    )
    station_service_pb2_grpc.add_StationServiceServicer_to_server(StationServicer(backend), server)
    token_service_pb2_grpc.add_TokenServiceServicer_to_server(TokenServicer(backend), server)
    callback_service_pb2_grpc.add_CallbackServiceServicer_to_server(
        CallbackServicer(backend), server
    )
    audit_service_pb2_grpc.add_AuditServiceServicer_to_server(AuditServicer(backend), server)
    booking_service_pb2_grpc.add_BookingServiceServicer_to_server(BookingServicer(backend), server)
    shown = (*SERVICES, health.SERVICE, *reflection.SERVICES)
    health_pb2_grpc.add_HealthServicer_to_server(
        health.HealthServicer(shown, backend.draining, backend.settings.max_health_watches), server
    )
    reflection.ReflectionServicer(shown).add_to(server)
