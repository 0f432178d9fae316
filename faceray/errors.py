"""The exceptions that are told in one line."""


class UserError(Exception):
    """Bad input or surroundings, which the user can mend. The command line prints it and exits with its code."""

    exit_code = 2


class TooManyErrors(UserError):
    """So many images of a run ended in an error that something else must be wrong. What is good was kept."""

    exit_code = 3
