"""Protobuf <-> dataclasses: enums, times, tokens, charging profiles. Pure.

Input was validated before (`fields`): what comes in here is known to be well formed.
"""

from datetime import UTC, datetime, timedelta

from evcommand.v1 import charging_profile_pb2 as profile_pb
from evcommand.v1 import command_options_pb2 as options_pb
from evcommand.v1 import id_token_pb2 as id_token_pb
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from broker.commands.asks import Options, PlainToken
from domain.model.command import Callback, CallbackEvents, WaitFor
from domain.model.specs import ChargingProfile, IdToken, OfflinePolicy, SchedulePeriod

DEFAULT_TOKEN_TYPE = "ISO14443"  # noqa: S105  a kind of token

_TYPE = id_token_pb.IdTokenType

TOKEN_TYPES: dict[int, str] = {
    _TYPE.ID_TOKEN_TYPE_UNSPECIFIED: DEFAULT_TOKEN_TYPE,
    _TYPE.ID_TOKEN_TYPE_ISO14443: "ISO14443",
    _TYPE.ID_TOKEN_TYPE_ISO15693: "ISO15693",
    _TYPE.ID_TOKEN_TYPE_CENTRAL: "Central",
    _TYPE.ID_TOKEN_TYPE_EMAID: "eMAID",
    _TYPE.ID_TOKEN_TYPE_KEY_CODE: "KeyCode",
    _TYPE.ID_TOKEN_TYPE_LOCAL: "Local",
    _TYPE.ID_TOKEN_TYPE_MAC_ADDRESS: "MacAddress",
    _TYPE.ID_TOKEN_TYPE_NO_AUTHORIZATION: "NoAuthorization",
}
_TYPES_OUT: dict[str, "id_token_pb.IdTokenType.ValueType"] = {
    word: _TYPE.Value(_TYPE.Name(_TYPE.ValueType(number)))
    for number, word in TOKEN_TYPES.items()
    if number
}
_WAITS: dict[int, WaitFor] = {
    options_pb.WAIT_FOR_UNSPECIFIED: WaitFor.STATION_ANSWER,
    options_pb.WAIT_FOR_SUBMITTED: WaitFor.SUBMITTED,
    options_pb.WAIT_FOR_STATION_ANSWER: WaitFor.STATION_ANSWER,
    options_pb.WAIT_FOR_OUTCOME: WaitFor.OUTCOME,
}
_POLICIES: dict[int, OfflinePolicy | None] = {
    options_pb.OFFLINE_POLICY_UNSPECIFIED: None,
    options_pb.OFFLINE_POLICY_FAIL_FAST: OfflinePolicy.FAIL_FAST,
    options_pb.OFFLINE_POLICY_WAIT: OfflinePolicy.WAIT,
}
_RATE_UNITS = {
    profile_pb.CHARGING_RATE_UNIT_W: "W",
    profile_pb.CHARGING_RATE_UNIT_A: "A",
}
_RATE_UNITS_OUT = {word: number for number, word in _RATE_UNITS.items()}
_PROFILE_KINDS = {
    profile_pb.CHARGING_PROFILE_KIND_UNSPECIFIED: "Relative",
    profile_pb.CHARGING_PROFILE_KIND_RELATIVE: "Relative",
    profile_pb.CHARGING_PROFILE_KIND_ABSOLUTE: "Absolute",
}
_PROFILE_KINDS_OUT = {
    "Relative": profile_pb.CHARGING_PROFILE_KIND_RELATIVE,
    "Absolute": profile_pb.CHARGING_PROFILE_KIND_ABSOLUTE,
}


def time_in(timestamp: Timestamp) -> datetime:
    """A Timestamp as an aware datetime."""
    return timestamp.ToDatetime(tzinfo=UTC)


def time_out(moment: datetime | None) -> Timestamp | None:
    """A datetime as a Timestamp; None stays None, and an absent field."""
    if moment is None:
        return None
    timestamp = Timestamp()
    timestamp.FromDatetime(moment)
    return timestamp


def seconds_out(seconds: int | None) -> Duration | None:
    """Whole seconds as a Duration; None stays None, and an absent field."""
    return None if seconds is None else Duration(seconds=seconds)


def token_in(token: id_token_pb.IdToken) -> PlainToken:
    """A token as the client gave it."""
    return PlainToken(type=TOKEN_TYPES[token.type], value=token.value)


def token_out(token: IdToken | None) -> id_token_pb.IdToken | None:
    """A token as it is shown; None stays None, and an absent field."""
    return None if token is None else masked_out(token)


def masked_out(token: IdToken) -> id_token_pb.IdToken:
    """A token as it is shown: masked."""
    return id_token_pb.IdToken(value=token.masked, type=token_type_out(token.type))


def token_type_out(word: str) -> "id_token_pb.IdTokenType.ValueType":
    """The enum's value for OCPP's word; UNSPECIFIED for a word that is not in the contract."""
    return _TYPES_OUT.get(word, _TYPE.ID_TOKEN_TYPE_UNSPECIFIED)


def options_in(options: options_pb.CommandOptions) -> Options:
    """CommandOptions; what is absent is the kind's default."""
    return Options(
        wait_for=_WAITS[options.wait_for],
        not_after=time_in(options.not_after) if options.HasField("not_after") else None,
        offline_policy=_POLICIES[options.offline_policy],
        labels=dict(options.labels),
        callback=callback_in(options.callback) if options.HasField("callback") else None,
    )


def callback_in(callback: options_pb.Callback) -> Callback:
    """A command's own callback."""
    return Callback(callback.url, events_in(callback.events))


def events_in(events: options_pb.Callback.Events.ValueType) -> CallbackEvents:
    """Which news are posted; OUTCOMES when the request does not say."""
    if events == options_pb.Callback.EVENTS_ALL:
        return CallbackEvents.ALL
    return CallbackEvents.OUTCOMES


def policy_out(policy: OfflinePolicy) -> options_pb.OfflinePolicy.ValueType:
    """An offline policy as the contract's enum."""
    if policy is OfflinePolicy.WAIT:
        return options_pb.OFFLINE_POLICY_WAIT
    return options_pb.OFFLINE_POLICY_FAIL_FAST


def profile_in(profile: profile_pb.ChargingProfile) -> ChargingProfile:
    """A charging profile as the domain keeps it."""
    has_minimum = profile.HasField("min_charging_rate")
    return ChargingProfile(
        rate_unit=_RATE_UNITS[profile.rate_unit],
        periods=tuple(_period_in(period) for period in profile.periods),
        stack_level=profile.stack_level,
        profile_kind=_PROFILE_KINDS[profile.profile_kind],
        start_schedule=time_in(profile.start_time) if profile.HasField("start_time") else None,
        duration_s=_seconds_in(profile.duration) if profile.HasField("duration") else None,
        min_charging_rate=profile.min_charging_rate if has_minimum else None,
    )


def profile_out(profile: ChargingProfile | None) -> profile_pb.ChargingProfile | None:
    """A charging profile as the contract shows it."""
    if profile is None:
        return None
    return profile_pb.ChargingProfile(
        rate_unit=_RATE_UNITS_OUT[profile.rate_unit],
        periods=[_period_out(period) for period in profile.periods],
        stack_level=profile.stack_level,
        profile_kind=_PROFILE_KINDS_OUT[profile.profile_kind],
        start_time=time_out(profile.start_schedule),
        duration=seconds_out(profile.duration_s),
        min_charging_rate=profile.min_charging_rate,
    )


def _period_in(period: profile_pb.ChargingSchedulePeriod) -> SchedulePeriod:
    return SchedulePeriod(
        start_s=_seconds_in(period.start_offset),
        limit=period.limit,
        number_phases=period.number_phases if period.HasField("number_phases") else None,
    )


def _period_out(period: SchedulePeriod) -> profile_pb.ChargingSchedulePeriod:
    return profile_pb.ChargingSchedulePeriod(
        start_offset=seconds_out(period.start_s),
        limit=period.limit,
        number_phases=period.number_phases,
    )


def _seconds_in(duration: Duration) -> int:
    return duration.ToTimedelta() // timedelta(seconds=1)
