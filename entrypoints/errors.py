"""The error that ends a process with a message for a human, without a traceback."""

import click


class CannotStart(click.ClickException):
    """Something outside the program prevents the start. The message names it and the remedy."""

    exit_code = 3
