"""Good requests, to be spoiled by tests."""

from datetime import UTC, datetime
from typing import Any

from evcommand.v1 import charging_profile_pb2 as profile_pb
from evcommand.v1 import command_options_pb2 as options_pb
from evcommand.v1 import id_token_pb2 as token_pb
from evcommand.v1 import remote_command_service_pb2 as pb
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
REQUEST_ID = "0b0f6b0e-5f0c-4d6a-9d2a-0d8f4f1f2a11"


def at(moment: datetime) -> Timestamp:
    """A moment as a Timestamp."""
    timestamp = Timestamp()
    timestamp.FromDatetime(moment)
    return timestamp


def token(value: str = "04A1B2C3", type: int = 0) -> token_pb.IdToken:
    """A driver's token."""
    given = token_pb.IdToken(value=value)
    given.type = type  # type: ignore[assignment]
    return given


def profile() -> profile_pb.ChargingProfile:
    """A charging profile with every field."""
    return profile_pb.ChargingProfile(
        rate_unit=profile_pb.CHARGING_RATE_UNIT_A,
        periods=[
            profile_pb.ChargingSchedulePeriod(start_offset=Duration(), limit=16, number_phases=3),
            profile_pb.ChargingSchedulePeriod(start_offset=Duration(seconds=600), limit=6.5),
        ],
        stack_level=2,
        profile_kind=profile_pb.CHARGING_PROFILE_KIND_ABSOLUTE,
        start_time=at(NOW),
        duration=Duration(seconds=3600),
        min_charging_rate=6.0,
    )


def start(**fields: object) -> pb.StartSessionRequest:
    """A StartSession that is valid as it is."""
    base = pb.StartSessionRequest(station="stations/CP-1", id_token=token())
    base.MergeFrom(pb.StartSessionRequest(**fields))  # type: ignore[arg-type]
    return base


def stop(**fields: object) -> pb.StopSessionRequest:
    """A StopSession; the caller names the target."""
    return pb.StopSessionRequest(**fields)  # type: ignore[arg-type]


def reserve(**fields: Any) -> pb.ReserveNowRequest:
    """A ReserveNow that is valid as it is."""
    base = pb.ReserveNowRequest(station="stations/CP-1", id_token=token())
    if not {"ttl", "expire_time"} & fields.keys():
        fields["ttl"] = Duration(seconds=600)
    base.MergeFrom(pb.ReserveNowRequest(**fields))
    return base


def options(**fields: object) -> options_pb.CommandOptions:
    """CommandOptions."""
    return options_pb.CommandOptions(**fields)  # type: ignore[arg-type]
