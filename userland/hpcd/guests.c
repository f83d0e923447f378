// SPDX-License-Identifier: GPL-2.0-only
/*
 * The containers there are: each is watched by a connection to its keeper, whose
 * end is the container's; then what it left is cleared away.
 */

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "container.h"
#include "daemon.h"
#include "log.h"

#define RETRY_MS	200
#define RETRIES		50

struct guests {
	struct source source;	/* first: the loop gives it back to us */
	struct guests *next;
	char name[HPCD_CONTAINER_NAME];
	uint32_t node;
};

/* Of containers that have ended: what is still to be cleared away. */
struct leftover {
	struct leftover *next;
	char name[HPCD_CONTAINER_NAME];
	int tries;
};

static struct guests *first;
static struct leftover *leftovers;
static struct source timer = { .fd = -1 };

static void timer_set(int ms)
{
	struct itimerspec t = { .it_value = { .tv_nsec = ms * 1000000L } };

	timerfd_settime(timer.fd, 0, &t, NULL);
}

static void clear_all(void)
{
	struct leftover **link = &leftovers, *l;
	int ret;

	while ((l = *link)) {
		ret = hpcd_container_clear(l->name);
		if ((ret == -EBUSY || ret == -EAGAIN) && --l->tries > 0) {
			link = &l->next;
			continue;
		}
		if (ret)
			hpcd_log(LOG_WARNING, "cannot clear away guest container '%s', leaving it: %s",
				 l->name, strerror(-ret));
		*link = l->next;
		free(l);
	}
	if (leftovers)
		timer_set(RETRY_MS);
}

static void clear_later(const char *name)
{
	struct leftover *l = calloc(1, sizeof(*l));

	if (!l)
		return;
	memcpy(l->name, name, sizeof(l->name));
	l->tries = RETRIES;
	l->next = leftovers;
	leftovers = l;
	timer_set(1);
}

static void timer_ready(struct source *source)
{
	uint64_t expirations;

	if (read(source->fd, &expirations, sizeof(expirations)) < 0)
		return;
	clear_all();
	/* What looked like a leftover may be a new container of the same home. */
	guests_scan();
}

/* A keeper never speaks unasked: this is its end. */
static void keeper_ready(struct source *source)
{
	struct guests *g = (struct guests *)source, **link;

	hpcd_log(LOG_DEBUG, "the guest container for node %u has ended", g->node);
	for (link = &first; *link != g; link = &(*link)->next)
		;
	*link = g->next;
	source_close(&g->source);
	clear_later(g->name);
	free(g);
}

static bool is_known(const char *name)
{
	const struct leftover *l;
	const struct guests *g;

	for (g = first; g; g = g->next)
		if (!strcmp(g->name, name))
			return true;
	for (l = leftovers; l; l = l->next)
		if (!strcmp(l->name, name))
			return true;
	return false;
}

static void watch(const char *name, uint32_t node)
{
	int fd = hpcd_container_watch(name);
	struct guests *g;

	if (fd == -ECONNREFUSED || fd == -ENOENT)
		clear_later(name);
	if (fd < 0)
		return;
	g = calloc(1, sizeof(*g));
	if (!g || source_add(&g->source, fd, keeper_ready)) {
		free(g);
		close(fd);
		return;
	}
	memcpy(g->name, name, strlen(name) + 1);
	g->node = node;
	g->next = first;
	first = g;
	hpcd_log(LOG_DEBUG, "there is a guest container for node %u", node);
}

int guests_scan(void)
{
	char name[HPCD_CONTAINER_NAME];
	struct dirent *entry;
	uint32_t node;
	size_t len;
	DIR *dir;
	int fd;

	if (timer.fd < 0) {
		fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
		if (fd < 0 || source_add(&timer, fd, timer_ready))
			return -errno;
	}
	dir = opendir(HPCD_GUESTS_DIR);
	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		len = strlen(entry->d_name);
		if (len < 5 || len - 5 >= sizeof(name) || strcmp(entry->d_name + len - 5, ".sock"))
			continue;
		memcpy(name, entry->d_name, len - 5);
		name[len - 5] = '\0';
		if (hpcd_container_parse(name, &node) && !is_known(name))
			watch(name, node);
	}
	closedir(dir);
	return 0;
}

unsigned int guests_count(void)
{
	const struct guests *g;
	unsigned int n = 0;

	for (g = first; g; g = g->next)
		n++;
	return n;
}
