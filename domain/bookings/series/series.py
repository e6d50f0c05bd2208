"""A series of bookings: one request, and what became of each of its occurrences. Pure."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID, uuid5

from domain.bookings.booking import Booking
from domain.bookings.places import Needs
from domain.bookings.series.recurrence import Occurrence
from domain.bookings.states import BookingState
from domain.model.specs import IdToken


@dataclass(frozen=True)
class SeriesResult:
    """What became of one occurrence. booking: its booking; "": it was refused.

    local_start: as the clock on the wall shows it. reason, message: why it was refused; rule: by
    which rule.
    """

    local_start: str
    start_time: datetime
    end_time: datetime
    booking: str = ""
    reason: str = ""
    message: str = ""
    rule: str = ""


@dataclass(frozen=True)
class BookingSeries:
    """A series: the snapshot that its row keeps and the API shows.

    name: the request id of who made it. recurrence: its rule. first_start, first_end: local times,
    as ISO 8601 without a zone. time_zone: of the pool when it was made.
    """

    name: str
    tenant: str
    pool: str
    id_token: IdToken
    recurrence: str
    first_start: str
    first_end: str
    create_time: datetime
    time_zone: str = ""
    account: str = ""
    groups: frozenset[str] = frozenset()
    needs: Needs = field(default_factory=Needs)
    all_or_nothing: bool = False
    caller: str = ""
    results: tuple[SeriesResult, ...] = ()
    cancel_time: datetime | None = None

    @property
    def said(self) -> dict[str, object]:
        """What a repeat has to say again, by its field."""
        return {
            "pool": self.pool,
            "holder": (self.id_token.digest, self.account, self.groups),
            "needs": self.needs,
            "recurrence": self.recurrence,
            "first_start": self.first_start,
            "first_end": self.first_end,
            "all_or_nothing": self.all_or_nothing,
        }


def occurrence_booking(series: BookingSeries, one: Occurrence, policy: str) -> Booking:
    """The booking of an occurrence: its id follows from the series and the local time."""
    local = one.local_start.isoformat()
    return Booking(
        name=str(uuid5(UUID(series.name), f"{series.tenant}/{local}")),
        tenant=series.tenant,
        pool=series.pool,
        id_token=series.id_token,
        start_time=one.start,
        end_time=one.end,
        state=BookingState.CONFIRMED,
        create_time=series.create_time,
        policy=policy,
        policy_revision=0,
        account=series.account,
        groups=series.groups,
        needs=series.needs,
        caller=series.caller,
        series=series.name,
    )
