#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# stay.sh COMMAND...: runs it, and it stays on this node until 0 is written to its /proc/PID/lock.
set -eu

echo 1 > "/proc/$$/lock"
exec "$@"
