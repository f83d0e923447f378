// SPDX-License-Identifier: GPL-2.0-only
/* Ports, pairs and what happens between them; see lan.h. */
#include <errno.h>
#include <string.h>

#include "lan.h"

void hub_lan_init(struct hub_lan *lan, uint64_t seed)
{
	memset(lan, 0, sizeof(*lan));
	lan->seed = seed;
	lan->queue.bytes_max = HUB_DELAYED_MAX;
	for (unsigned int i = 0; i < HUB_PORTS_MAX; i++)
		for (unsigned int j = 0; j < HUB_PORTS_MAX; j++)
			lan->pair[i][j].fault.gap_ns = HUB_DEFAULT_GAP_NS;
}

int hub_lan_find(const struct hub_lan *lan, const char *name)
{
	for (unsigned int i = 0; i < lan->ports; i++)
		if (!strcmp(lan->name[i], name))
			return (int)i;
	return -ENOENT;
}

int hub_lan_add_port(struct hub_lan *lan, const char *name)
{
	size_t len = strlen(name);

	if (!len || len >= HUB_NAME_MAX || strpbrk(name, " ,|*\t"))
		return -EINVAL;
	if (hub_lan_find(lan, name) >= 0)
		return -EEXIST;
	if (lan->ports == HUB_PORTS_MAX)
		return -ENOSPC;
	memcpy(lan->name[lan->ports], name, len + 1);
	return (int)lan->ports++;
}

static void send_copy(struct hub_lan *lan, unsigned int from, unsigned int to,
		      const void *data, size_t len, uint64_t due_ns)
{
	if (hub_queue_add(&lan->queue, due_ns, from, to, data, len))
		lan->stats[to].overrun++;
}

static void send_to(struct hub_lan *lan, unsigned int from, unsigned int to,
		    const void *data, size_t len, uint64_t now_ns)
{
	struct hub_port_stats *stats = &lan->stats[to];
	struct hub_pair *pair = &lan->pair[from][to];
	struct hub_fate fate = hub_decide(&pair->fault, lan->seed, from, to, pair->number++);

	if (fate.drop) {
		if (pair->fault.cut)
			stats->cut++;
		else
			stats->lost++;
		return;
	}
	stats->duplicated += fate.copies - 1;
	stats->reordered += fate.held;
	for (unsigned int i = 0; i < fate.copies; i++) {
		uint64_t due = now_ns + fate.delay_ns[i];

		if (!fate.held) {
			if (due < pair->last_due_ns)
				due = pair->last_due_ns;
			pair->last_due_ns = due;
		}
		send_copy(lan, from, to, data, len, due);
	}
}

void hub_lan_enter(struct hub_lan *lan, unsigned int from, const void *data, size_t len,
		   uint64_t now_ns)
{
	lan->stats[from].in_frames++;
	lan->stats[from].in_bytes += len;
	for (unsigned int to = 0; to < lan->ports; to++)
		if (to != from)
			send_to(lan, from, to, data, len, now_ns);
}
