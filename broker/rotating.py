"""How a station is given a new password: both are good from here on, and its gateway goes on."""

from datetime import datetime

from broker.access.caller import Caller
from broker.backend import Backend
from broker.commands.fits import impossible
from broker.commands.lookups import known_station
from broker.errors import FieldViolation, Reason, Refusal, invalid
from broker.proto import names
from domain.model import rotations
from domain.ocpp_words import capabilities_of, password_fits
from fleet import station_secrets
from fleet.engine.statements import Tx
from fleet.keys import Fit
from fleet.stations import Station


async def rotate(
    tx: Tx, backend: Backend, station: Station, wanted: tuple[str, str], *, chosen: bool
) -> str:
    """Begin a rotation, or have the open one go on. Returns the new password.

    Call `station_secrets.hold_station` before the station is read.
    wanted: the password of a new rotation, and what is stored of it. chosen: by the caller.

    Raises: Refusal (STATION_NOT_REGISTERED, NOT_POSSIBLE_ON_STATION, PASSWORD_ROTATION_OPEN).
    """
    password, hash = wanted
    _check_possible(station, password)
    found, now = await station_secrets.rotation_of(tx, station.id), backend.now()
    if found is not None and found.sealed is not None:
        open_one = backend.sealer.open(found.sealed)
        if chosen and password != open_one:
            raise _other_is_open(station)
        await _go_on(tx, station, now)
        return open_one
    begun, sealed = rotations.begun(now), backend.sealer.seal(password)
    await station_secrets.begin_rotation(tx, station.id, begun, hash=hash, sealed=sealed)
    return password


async def check_other(backend: Backend, caller: Caller, id: str, chosen: str) -> None:
    """Refuse the password that the station has already: nobody could tell that it uses the new one.

    It may cost a slow hash, so it comes before any lock. Raises: Refusal.
    """
    async with backend.db.read() as tx:
        await known_station(tx, caller, id)
        _, secrets = await station_secrets.get_with_secrets(tx, id)
    present = secrets.hashes[-1] if secrets.hashes else ""
    fit = backend.passwords.look(present, secrets.known_good, chosen)
    if fit is Fit.UNPROVEN and await backend.passwords.prove(present, chosen):
        fit = Fit.RIGHT
    if fit is Fit.RIGHT:
        said = "is the station's present password; choose another one, or leave it out"
        raise invalid((FieldViolation("basic_auth_password", said),))


async def _go_on(tx: Tx, station: Station, now: datetime) -> None:
    await station_secrets.change_rotation(
        tx, station.id, lambda found: rotations.asked_again(found.rotation, now)
    )


def _check_possible(station: Station, password: str) -> None:
    name = names.station_name(station.id)
    if not station.registered:
        raise Refusal(
            Reason.STATION_NOT_REGISTERED,
            f"{name} was let in by an open gateway and has no password. Register it with "
            "CreateStation.",
        )
    if station.upstream:
        raise impossible("name", "it is relayed to another back end, which knows its password")
    if station.security_profile >= 3:
        raise impossible("name", "it comes with a certificate and shows no password")
    able = capabilities_of(station.ocpp_version)
    if able is not None and not password_fits(password, able):
        raise impossible(
            "basic_auth_password",
            f"an OCPP {station.ocpp_version} station takes 16 to {able.longest_password} "
            + ("bytes, or their hexadecimal digits" if able.binary_passwords else "characters"),
        )


def _other_is_open(station: Station) -> Refusal:
    return Refusal(
        Reason.PASSWORD_ROTATION_OPEN,
        f"{names.station_name(station.id)} is being given another password, and may have it. Leave "
        "basic_auth_password out to have that one sent again, or wait until GetStation shows that "
        "the rotation has ended.",
    )
