// SPDX-License-Identifier: GPL-2.0-only
/* epoll, and whom to call. */

#include <errno.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "daemon.h"

#define BATCH 32

static struct {
	int fd;
	bool end;
	/* What the rest of a batch is for; a source that is closed leaves it. */
	struct epoll_event batch[BATCH];
	int n;
} loop = { .fd = -1 };

int loop_open(void)
{
	loop.fd = epoll_create1(EPOLL_CLOEXEC);
	return loop.fd < 0 ? -errno : 0;
}

int source_add(struct source *source, int fd, void (*ready)(struct source *source))
{
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = source };

	if (epoll_ctl(loop.fd, EPOLL_CTL_ADD, fd, &e))
		return -errno;
	*source = (struct source) { .fd = fd, .ready = ready };
	return 0;
}

void source_close(struct source *source)
{
	int i;

	if (source->fd < 0)
		return;
	for (i = 0; i < loop.n; i++)
		if (loop.batch[i].data.ptr == source)
			loop.batch[i].data.ptr = NULL;
	/* Another process may have it open: closing alone would leave it with us. */
	epoll_ctl(loop.fd, EPOLL_CTL_DEL, source->fd, NULL);
	close(source->fd);
	source->fd = -1;
}

void source_pause(struct source *source, bool pause)
{
	struct epoll_event e = { .events = pause ? 0 : EPOLLIN, .data.ptr = source };

	if (source->fd >= 0)
		epoll_ctl(loop.fd, EPOLL_CTL_MOD, source->fd, &e);
}

int loop_run(void)
{
	struct source *source;
	int i;

	while (!loop.end) {
		loop.n = epoll_wait(loop.fd, loop.batch, BATCH, -1);
		if (loop.n < 0 && errno != EINTR)
			return -errno;
		for (i = 0; i < loop.n; i++) {
			source = loop.batch[i].data.ptr;
			if (source)
				source->ready(source);
		}
	}
	return 0;
}

void loop_end(void)
{
	loop.end = true;
}
