"""What a gateway does with a password, without its queue and its limits."""

from fleet.keys import Fit, Passwords


async def verified(passwords: Passwords, stored: str, sent: str | bytes) -> bool:
    """Whether this is the password. One that only Argon2 could prove is then known as well."""
    fit = passwords.look(stored, "", sent)
    if fit is not Fit.UNPROVEN:
        return fit is Fit.RIGHT
    known_good = await passwords.prove(stored, sent)
    if known_good is None:
        return False
    assert passwords.look(stored, known_good, sent) is Fit.RIGHT
    return True
