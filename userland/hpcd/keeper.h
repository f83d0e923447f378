/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The keeper: first process of a guest container.  It makes the guests and buries
 * them, and outlives hpcd; therefore it is a program of its own, hpcd-guests, and
 * who ends all hpcds by name does not end the guests.
 *
 * A container is for one home and one run of home's kernel.  It has PID, mount,
 * UTS, IPC, network and control group name spaces; the root is an empty, read-only
 * file system, the network has no interface.  Every guest gets a time name space
 * on top of that, as clocks of two machines drift apart and the offset of a time
 * name space is fixed once somebody is in it.
 *
 * hpcd finds it by a listening unix socket (SOCK_SEQPACKET), over which it hands
 * in connections; whoever only wants to know when the container ends connects and
 * waits for the end of the connection.  Without guests for a while it ends.
 */
#ifndef TESSERA_HPCD_KEEPER_H
#define TESSERA_HPCD_KEEPER_H

#include <stdint.h>
#include <sys/types.h>

#include "clock.h"
#include "proto.h"

#define HPCD_KEEPER_MAGIC 0x4b454550u	/* "KEEP", and the layout of the messages */

/* The uid and gid of guests of node N is this + N: nobody else's. */
#define HPCD_GUEST_UID	0x7a000000u

/**
 * struct hpcd_keeper_request - a connection to take, itself beside it (SCM_RIGHTS)
 * @magic:	HPCD_KEEPER_MAGIC
 * @pid:	the guest is to have
 * @offsets:	of its clocks
 * @host, @domain: names home goes by
 *
 * The answer is an int32_t, 0 or -errno: -EEXIST there is a process with that PID.
 * After 0 the guest has sent ACCEPT over the connection.
 */
struct hpcd_keeper_request {
	uint32_t magic;
	uint32_t pid;
	struct hpcd_offsets offsets;
	char host[HPCD_NAME_SIZE];
	char domain[HPCD_NAME_SIZE];
};

#define HPCD_KEEPER "/usr/lib/tessera/hpcd-guests"

/*
 * hpcd-guests NODE LINGER: the number of home, and how long (ms) to stay without
 * guests.  It starts as root, first in its PID name space and with the others of a
 * container unshared, and has these descriptors open:
 */
enum {
	HPCD_KEEPER_ENGINE = 3,	/* /dev/hpc */
	HPCD_KEEPER_LISTENER,	/* where to listen */
	HPCD_KEEPER_READY,	/* where to say that all is set up */
	HPCD_KEEPER_FDS		/* from here on nothing */
};

/* What READY hears.  @error: 0 or -errno; @step: what could not be done. */
struct hpcd_keeper_ready {
	int32_t error;
	char step[60];
};
#endif
