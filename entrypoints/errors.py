"""What ends a process with a message for a human instead of a traceback."""

import click


class CannotStart(click.ClickException):
    """Something outside the program is missing or taken; the message names it and the remedy."""

    exit_code = 3
