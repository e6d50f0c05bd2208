"""ExplainBooking: a booking's story, as ExplainCommand tells that of a command."""

from evcommand.v1 import booking_service_pb2 as pb

from broker.backend import Backend
from broker.bookings.lookups import booking_of_caller
from broker.errors import check
from broker.proto.booking.bookings import check_booking_name
from broker.proto.telling.explain import step_out
from journal.bookings.story import read_story


async def explain(backend: Backend, request: pb.ExplainBookingRequest) -> pb.ExplainBookingResponse:
    """Tells all that is known of how a booking came to stand where it stands."""
    check(check_booking_name(request.name))
    async with backend.db.read() as tx:
        booking = await booking_of_caller(tx, request.name)
        steps = await read_story(tx, booking)
    return pb.ExplainBookingResponse(steps=[step_out(step) for step in steps])
