"""The charging schedule of a TxProfile, which has the same fields in all versions."""

from domain.model.specs import ChargingProfile
from station_gateway.dialects import fields
from station_gateway.dialects.messages import Payload, Unsendable

MAX_PERIODS = 1024


def write(profile: ChargingProfile, *, decimals: int | None = None) -> Payload:
    """The chargingSchedule.

    decimals: how many a limit may have (1.6: one), None for as many as it has.

    Raises:
        Unsendable: the profile's kind, unit or number of periods is not one that OCPP knows.
    """
    if profile.profile_kind not in ("Relative", "Absolute"):
        raise Unsendable("charging_profile.profile_kind: only Relative and Absolute")
    if profile.rate_unit not in ("W", "A"):
        raise Unsendable("charging_profile.rate_unit: only W and A")
    if not 0 < len(profile.periods) <= MAX_PERIODS:
        raise Unsendable("charging_profile.periods: 1 to 1024 periods")
    schedule: Payload = {
        "chargingRateUnit": profile.rate_unit,
        "chargingSchedulePeriod": [
            {"startPeriod": period.start_s, "limit": _rate(period.limit, decimals)}
            | ({} if period.number_phases is None else {"numberPhases": period.number_phases})
            for period in profile.periods
        ],
    }
    if profile.duration_s is not None:
        schedule["duration"] = profile.duration_s
    if profile.start_schedule is not None:
        schedule["startSchedule"] = fields.write_time(profile.start_schedule)
    if profile.min_charging_rate is not None:
        schedule["minChargingRate"] = _rate(profile.min_charging_rate, decimals)
    return schedule


def _rate(rate: float, decimals: int | None) -> float:
    return rate if decimals is None else round(rate, decimals)
