/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Frames that wait for their time: a binary heap by (due time, order of entry).
 * Time comes in as a parameter; the queue knows no clock.
 */
#ifndef TESSERA_HUB_QUEUE_H
#define TESSERA_HUB_QUEUE_H

#include <stddef.h>
#include <stdint.h>

struct hub_packet {
	uint64_t due_ns, order;
	unsigned int from, to;
	size_t len;
	uint8_t data[];
};

struct hub_queue {
	struct hub_packet **heap;
	size_t count, space;
	size_t bytes, bytes_max;
	uint64_t order;
};

/* Copies the frame in.  0, -ENOBUFS when bytes_max would be passed, -ENOMEM. */
int hub_queue_add(struct hub_queue *q, uint64_t due_ns, unsigned int from, unsigned int to,
		  const void *data, size_t len);

/* The first packet that is due at now_ns, for the caller to free(); NULL if none. */
struct hub_packet *hub_queue_take(struct hub_queue *q, uint64_t now_ns);

/* When the next packet is due; UINT64_MAX if there is none. */
uint64_t hub_queue_next_ns(const struct hub_queue *q);

void hub_queue_free(struct hub_queue *q);

#endif
