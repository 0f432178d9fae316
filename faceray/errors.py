"""The one exception that means: the user can mend this."""


class UserError(Exception):
    """Bad input or surroundings, told in one line. The command line prints it and exits with code 2."""
