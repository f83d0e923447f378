/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The two sides of the handshake, each in a process of its own: whatever another
 * machine does or does not do, it keeps up nobody but this one move.
 */
#ifndef TESSERA_HPCD_MOVE_H
#define TESSERA_HPCD_MOVE_H

#include <stdint.h>
#include <sys/types.h>

#include "proto.h"

/* For a handshake, from the connection on: a slow machine makes a container meanwhile. */
#define HPCD_HANDSHAKE_MS	30000
/* For one of a node's addresses to answer. */
#define HPCD_CONNECT_MS		3000

#define HPCD_WHY_SIZE 400

/**
 * struct hpcd_mover - what both need
 * @engine:	/dev/hpc
 * @port:	of hpcds whose address does not name one
 * @linger_ms:	how long a new container stays without guests
 * @silence_s:	after how long a node that does not answer counts as dead
 */
struct hpcd_mover {
	int engine;
	uint16_t port;
	int linger_ms;
	int silence_s;
};

/*
 * Home: has @pid move to @node.  0: the engine does; otherwise why not.  ret_rtt_us:
 * what a message there and back takes, 0 if it did not come to that.
 */
int hpcd_move_out(const struct hpcd_mover *mover, pid_t pid, uint32_t node,
		  uint32_t *ret_rtt_us, char ret_why[HPCD_WHY_SIZE]);

/*
 * Target: hears what the other end of @sock wants, and takes the process in, or
 * refuses.  @ret_node: who it was, 0 if that is not known.
 */
int hpcd_move_in(const struct hpcd_mover *mover, int sock, uint32_t *ret_node,
		 char ret_why[HPCD_WHY_SIZE]);

#endif
