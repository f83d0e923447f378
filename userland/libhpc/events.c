// SPDX-License-Identifier: GPL-2.0-only
/* The engine's stream of events. */

#include <errno.h>
#include <unistd.h>

#include "hpc.h"

int hpc_events_read(int fd, struct hpc_event *ret_events, size_t max, size_t *ret_n)
{
	ssize_t n = read(fd, ret_events, max * sizeof(*ret_events));

	if (n < 0)
		return -errno;
	if (n == 0 || n % sizeof(*ret_events))
		return -EPROTO;
	*ret_n = n / sizeof(*ret_events);
	return 0;
}
