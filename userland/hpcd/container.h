/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest containers as hpcd sees them: found by their socket, made if there is
 * none, cleared away when their keeper has ended.
 *
 *   /run/tessera/guests/NODE-BOOTID.sock	the keeper listens here
 *   /run/tessera/guests/lock			held by whoever makes or clears one
 *   /sys/fs/cgroup/tessera/NODE-BOOTID		the guests, and the keeper
 */
#ifndef TESSERA_HPCD_CONTAINER_H
#define TESSERA_HPCD_CONTAINER_H

#include <stdbool.h>

#include "keeper.h"
#include "local.h"

#define HPCD_GUESTS_DIR	HPCD_RUN_DIR "/guests"

/* 65535-, 32 hexadecimal digits, NUL */
#define HPCD_CONTAINER_NAME 40

/* Of the container for node @node and the run of its kernel that @boot_id names. */
void hpcd_container_name(uint32_t node, const uint8_t boot_id[HPCD_BOOT_ID_SIZE],
			 char ret_name[HPCD_CONTAINER_NAME]);
/* Is @name such a name?  Then also: of which node. */
bool hpcd_container_parse(const char *name, uint32_t *ret_node);

/**
 * struct hpcd_arrival - what has been settled with home
 * @engine:	/dev/hpc
 * @node:	of home
 * @boot_id:	of home's kernel
 * @available:	bytes of memory that guests may still take
 * @linger_ms:	how long a new container stays without guests
 * @request:	for the keeper
 */
struct hpcd_arrival {
	int engine;
	uint32_t node;
	uint8_t boot_id[HPCD_BOOT_ID_SIZE];
	uint64_t available;
	int linger_ms;
	struct hpcd_keeper_request request;
};

/*
 * Has the guest begin at the other end of @sock.  -errno and, in words, what went
 * wrong; -EEXIST: there is a guest with that PID.
 */
int hpcd_container_enter(const struct hpcd_arrival *arrival, int sock, char *ret_what, size_t size);

/* A connection that ends with the container.  -ECONNREFUSED, -ENOENT: there is none. */
int hpcd_container_watch(const char *name);

/*
 * Clears away what a container left.  -EBUSY: not all of it has ended yet;
 * -EAGAIN: one is being made just now.
 */
int hpcd_container_clear(const char *name);

#endif
