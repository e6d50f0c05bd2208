"""What holds for every test."""

from hypothesis import settings

# A wall clock is no judge of an example on a shared machine: the first one pays for compilation.
settings.register_profile("evcommand", deadline=None)
settings.load_profile("evcommand")
