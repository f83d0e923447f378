# SPDX-License-Identifier: GPL-2.0-only
"""What can go wrong, as types."""


class ClusterError(Exception):
    """Anything the driver cannot do; the text says what, and what to do next."""


class WaitTimeout(ClusterError):
    """A wait passed its deadline."""


class CommandFailed(ClusterError):
    """A command ended otherwise than the caller said it would."""


class AgentLost(ClusterError):
    """The node went away (power cut, reboot, crash) while it was being talked to."""


class UsageError(ClusterError):
    """The request itself makes no sense; exit status 2 of the command."""
