// SPDX-License-Identifier: GPL-2.0-only
/* Tools that asked what becomes of a process. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon.h"
#include "report.h"

#define WATCHERS_MAX 256

struct watcher {
	struct source source;	/* first: the loop gives it back to us */
	int32_t pid;		/* 0 until it has said */
};

static struct source listener = { .fd = -1 };
static struct watcher watchers[WATCHERS_MAX];
static unsigned int count;

static void drop(struct watcher *w)
{
	source_close(&w->source);
	w->pid = 0;
	if (count-- == WATCHERS_MAX)
		source_pause(&listener, false);
}

static void tell(struct watcher *w, const struct hpcd_report *report)
{
	if (send(w->source.fd, report, sizeof(*report), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		drop(w);
}

static void watcher_ready(struct source *source)
{
	struct hpcd_report hello = { .kind = HPCD_REPORT_WATCHING };
	struct watcher *w = (struct watcher *)source;
	int32_t pid;

	if (recv(source->fd, &pid, sizeof(pid), MSG_DONTWAIT) != sizeof(pid) || pid <= 0) {
		drop(w);
		return;
	}
	w->pid = pid;
	hello.pid = pid;
	tell(w, &hello);
}

static void listener_ready(struct source *source)
{
	int i, fd = accept4(source->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	for (i = 0; i < WATCHERS_MAX && watchers[i].source.fd >= 0; i++)
		;
	if (i == WATCHERS_MAX || source_add(&watchers[i].source, fd, watcher_ready)) {
		close(fd);
		return;
	}
	if (++count == WATCHERS_MAX)
		source_pause(&listener, true);
}

int watchers_open(void)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX, .sun_path = HPCD_REPORT_SOCKET };
	int i, fd, ret;

	for (i = 0; i < WATCHERS_MAX; i++)
		watchers[i].source.fd = -1;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	unlink(HPCD_REPORT_SOCKET);
	/* Anybody may ask: where a process computes is no secret. */
	if (bind(fd, (const struct sockaddr *)&un, sizeof(un)) || chmod(un.sun_path, 0666) ||
	    listen(fd, 64))
		ret = -errno;
	else
		ret = source_add(&listener, fd, listener_ready);
	if (ret)
		close(fd);
	return ret;
}

void watchers_tell(const struct hpcd_report *report)
{
	int i;

	for (i = 0; i < WATCHERS_MAX; i++)
		if (watchers[i].source.fd >= 0 && watchers[i].pid == report->pid)
			tell(&watchers[i], report);
}
