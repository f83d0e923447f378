/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hub's heart: ports, the faults between each ordered pair of them, and the
 * frames on their way.  A frame that enters one port leaves through all others;
 * nothing is learnt from it.  No descriptors and no clock in here.
 */
#ifndef TESSERA_HUB_LAN_H
#define TESSERA_HUB_LAN_H

#include <stddef.h>
#include <stdint.h>

#include "fate.h"
#include "queue.h"

#define HUB_PORTS_MAX	64
#define HUB_NAME_MAX	32
#define HUB_FRAME_MAX	65600
#define HUB_DELAYED_MAX	(64u << 20)	/* bytes that may wait in the hub */

struct hub_pair {
	struct hub_fault fault;
	uint64_t number;	/* of the next frame */
	uint64_t last_due_ns;	/* jitter alone never reorders */
};

struct hub_port_stats {
	uint64_t in_frames, in_bytes, out_frames, out_bytes;
	uint64_t cut, lost, duplicated, reordered;	/* of frames towards this port */
	uint64_t overrun;	/* the receiver, or the hub, had no room */
};

struct hub_lan {
	uint64_t seed;
	unsigned int ports;
	char name[HUB_PORTS_MAX][HUB_NAME_MAX];
	struct hub_port_stats stats[HUB_PORTS_MAX];
	struct hub_pair pair[HUB_PORTS_MAX][HUB_PORTS_MAX];	/* [from][to] */
	struct hub_queue queue;
};

void hub_lan_init(struct hub_lan *lan, uint64_t seed);

/* The new port's number, or -EINVAL, -EEXIST, -ENOSPC. */
int hub_lan_add_port(struct hub_lan *lan, const char *name);

/* The port's number, or -ENOENT. */
int hub_lan_find(const struct hub_lan *lan, const char *name);

/* Takes a frame that entered `from`; its copies go to the queue. */
void hub_lan_enter(struct hub_lan *lan, unsigned int from, const void *data, size_t len,
		   uint64_t now_ns);

#endif
