"""Every activity has one stub and one implementation, with the same name, input and result."""

from collections.abc import Callable
from typing import Any

import pytest
from temporalio import activity

from broker.callbacks.posting import CallbackPoster
from contract import names
from station_gateway.commands.activities import GatewayActivities
from tests.support.scripted_gateway import ScriptedGateway
from tests.support.stored_payloads import ACTIVITY_TYPES, STUBS, activity_types
from workflows.activities.bookings import BookingActivities
from workflows.activities.callbacks import CallbackActivities
from workflows.activities.commands import CommandActivities
from workflows.activities.event_posts import EventPostActivities
from workflows.activities.reservations import ReservationActivities

IMPLEMENTATIONS = (
    CommandActivities,
    ReservationActivities,
    BookingActivities,
    CallbackActivities,
    EventPostActivities,
    GatewayActivities,
    CallbackPoster,
)


def name_of(function: Callable[..., Any]) -> str | None:
    """The name by which Temporal knows an activity; None: it is none."""
    definition = activity._Definition.from_callable(function)
    return definition.name if definition else None


def activities_of(owner: type) -> dict[str, Callable[..., Any]]:
    """The activities among the methods of a class."""
    named = {name_of(each): each for each in vars(owner).values() if callable(each)}
    return {name: each for name, each in named.items() if name is not None}


def implemented() -> list[tuple[str, Callable[..., Any]]]:
    """Every activity that some process implements."""
    return [item for owner in IMPLEMENTATIONS for item in activities_of(owner).items()]


def test_every_stub_is_implemented_once() -> None:
    assert sorted(name for name, _ in implemented()) == sorted(STUBS)


@pytest.mark.parametrize(
    ("name", "method"), [*implemented(), *activities_of(ScriptedGateway).items()]
)
def test_an_implementation_takes_and_returns_what_its_stub_says(
    name: str, method: Callable[..., Any]
) -> None:
    assert activity_types(method) == ACTIVITY_TYPES[name]


def test_a_stub_has_the_name_of_its_activity() -> None:
    assert {name_of(stub) for stub in STUBS.values()} == set(STUBS)
    assert set(STUBS) < {value for value in vars(names).values() if isinstance(value, str)}


@pytest.mark.parametrize("stub", STUBS.values(), ids=lambda stub: stub.__name__)
async def test_a_stub_is_never_run(stub: Any) -> None:
    with pytest.raises(NotImplementedError):
        await stub(None)
