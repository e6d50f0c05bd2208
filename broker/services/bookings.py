"""BookingService: places of pools, promised for times to come."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from evcommand.v1 import booking_series_pb2, waitlist_pb2
from evcommand.v1 import booking_service_pb2 as pb
from evcommand.v1 import booking_service_pb2_grpc as pb_grpc

from broker.backend import Backend
from broker.bookings import (
    availability,
    bookings,
    changing,
    checking_in,
    explaining,
    policies,
    pools,
    series,
    waitlist,
    watching,
    watching_waitlist,
)
from broker.bookings.turns import PlanningTurns
from broker.calls import Context
from broker.reading.watching import Watcher


class BookingServicer(pb_grpc.BookingServiceServicer):
    """Serves pools, policies and bookings from the fleet."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._watcher = Watcher(backend)
        self._planning = PlanningTurns(backend.settings)

    async def PutBookingPolicy(
        self, request: pb.PutBookingPolicyRequest, context: Context
    ) -> pb.PutBookingPolicyResponse:
        """Puts a new revision of a policy."""
        return await policies.put(self._backend, request)

    async def GetBookingPolicy(
        self, request: pb.GetBookingPolicyRequest, context: Context
    ) -> pb.GetBookingPolicyResponse:
        """Gets a policy."""
        return await policies.get(self._backend, request)

    async def ListBookingPolicies(
        self, request: pb.ListBookingPoliciesRequest, context: Context
    ) -> pb.ListBookingPoliciesResponse:
        """Lists policies."""
        return await policies.list_page(self._backend, request)

    async def CreatePool(
        self, request: pb.CreatePoolRequest, context: Context
    ) -> pb.CreatePoolResponse:
        """Creates a pool."""
        return await pools.create(self._backend, request)

    async def GetPool(self, request: pb.GetPoolRequest, context: Context) -> pb.GetPoolResponse:
        """Gets a pool."""
        return await pools.get(self._backend, request)

    async def ListPools(
        self, request: pb.ListPoolsRequest, context: Context
    ) -> pb.ListPoolsResponse:
        """Lists pools."""
        return await pools.list_page(self._backend, request)

    async def UpdatePool(
        self, request: pb.UpdatePoolRequest, context: Context
    ) -> pb.UpdatePoolResponse:
        """Changes a pool."""
        async with self._planning.turn(context):
            return await pools.update(self._backend, request)

    async def DeletePool(
        self, request: pb.DeletePoolRequest, context: Context
    ) -> pb.DeletePoolResponse:
        """Deletes a pool."""
        return await pools.delete(self._backend, request)

    async def SearchAvailability(
        self, request: pb.SearchAvailabilityRequest, context: Context
    ) -> pb.SearchAvailabilityResponse:
        """Tells when a pool has room."""
        async with self._planning.turn(context):
            return await availability.search(self._backend, request)

    async def CreateBooking(
        self, request: pb.CreateBookingRequest, context: Context
    ) -> pb.CreateBookingResponse:
        """Books a place."""
        async with self._planning.turn(context):
            return await bookings.create(self._backend, request)

    async def GetBooking(
        self, request: pb.GetBookingRequest, context: Context
    ) -> pb.GetBookingResponse:
        """Gets a booking."""
        return await bookings.get(self._backend, request)

    async def ListBookings(
        self, request: pb.ListBookingsRequest, context: Context
    ) -> pb.ListBookingsResponse:
        """Lists bookings."""
        return await bookings.list_page(self._backend, request)

    async def WatchBookings(
        self, request: pb.WatchBookingsRequest, context: Context
    ) -> AsyncGenerator[pb.WatchBookingsResponse, None]:
        """Watches bookings: their present state, then every change."""
        watching.check_request(request)
        await context.send_initial_metadata(())  # the client knows that it watches, before any news
        async with aclosing(watching.watch(self._watcher, request)) as told:
            async for each in told:
                yield each

    async def ExplainBooking(
        self, request: pb.ExplainBookingRequest, context: Context
    ) -> pb.ExplainBookingResponse:
        """Explains a booking."""
        return await explaining.explain(self._backend, request)

    async def UpdateBooking(
        self, request: pb.UpdateBookingRequest, context: Context
    ) -> pb.UpdateBookingResponse:
        """Changes a booking."""
        async with self._planning.turn(context):
            return await changing.update(self._backend, request)

    async def ConfirmBooking(
        self, request: pb.ConfirmBookingRequest, context: Context
    ) -> pb.ConfirmBookingResponse:
        """Confirms a booking."""
        return await bookings.confirm(self._backend, request)

    async def CancelBooking(
        self, request: pb.CancelBookingRequest, context: Context
    ) -> pb.CancelBookingResponse:
        """Cancels a booking."""
        return await bookings.cancel(self._backend, request)

    async def JoinWaitlist(
        self, request: waitlist_pb2.JoinWaitlistRequest, context: Context
    ) -> waitlist_pb2.JoinWaitlistResponse:
        """Waits for a place."""
        async with self._planning.turn(context):
            return await waitlist.join(self._backend, request)

    async def AcceptOffer(
        self, request: waitlist_pb2.AcceptOfferRequest, context: Context
    ) -> waitlist_pb2.AcceptOfferResponse:
        """Takes an offer."""
        return await waitlist.accept(self._backend, request)

    async def SnoozeOffer(
        self, request: waitlist_pb2.SnoozeOfferRequest, context: Context
    ) -> waitlist_pb2.SnoozeOfferResponse:
        """Puts an offer off."""
        async with self._planning.turn(context):
            return await waitlist.snooze(self._backend, request)

    async def LeaveWaitlist(
        self, request: waitlist_pb2.LeaveWaitlistRequest, context: Context
    ) -> waitlist_pb2.LeaveWaitlistResponse:
        """Waits no longer."""
        async with self._planning.turn(context):
            return await waitlist.leave(self._backend, request)

    async def GetWaitlistEntry(
        self, request: waitlist_pb2.GetWaitlistEntryRequest, context: Context
    ) -> waitlist_pb2.GetWaitlistEntryResponse:
        """Gets an entry."""
        return await waitlist.get(self._backend, request)

    async def ListWaitlistEntries(
        self, request: waitlist_pb2.ListWaitlistEntriesRequest, context: Context
    ) -> waitlist_pb2.ListWaitlistEntriesResponse:
        """Lists entries."""
        return await waitlist.list_page(self._backend, request)

    async def WatchWaitlist(
        self, request: waitlist_pb2.WatchWaitlistRequest, context: Context
    ) -> AsyncGenerator[waitlist_pb2.WatchWaitlistResponse, None]:
        """Watches waiting lists: who waits now, then every change."""
        watching_waitlist.check_request(request)
        await context.send_initial_metadata(())  # the client knows that it watches, before any news
        told = watching_waitlist.watch(self._watcher, request, self._backend.now)
        async with aclosing(told) as entries:
            async for each in entries:
                yield each

    async def CreateBookingSeries(
        self, request: booking_series_pb2.CreateBookingSeriesRequest, context: Context
    ) -> booking_series_pb2.CreateBookingSeriesResponse:
        """Books a place again and again."""
        async with self._planning.turn(context):
            return await series.create(self._backend, request)

    async def CancelBookingSeries(
        self, request: booking_series_pb2.CancelBookingSeriesRequest, context: Context
    ) -> booking_series_pb2.CancelBookingSeriesResponse:
        """Cancels the bookings of a series."""
        async with self._planning.turn(context):
            return await series.cancel(self._backend, request)

    async def CheckIn(self, request: pb.CheckInRequest, context: Context) -> pb.CheckInResponse:
        """Checks a driver in."""
        return await checking_in.check_in(self._backend, request)
