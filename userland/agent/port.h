/* SPDX-License-Identifier: GPL-2.0-only */
/* The agent's end of the virtio-serial port: queue of frames to the host. */
#ifndef TESSERA_AGENT_PORT_H
#define TESSERA_AGENT_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of output one frame of a session may take, and what is kept for the rest. */
#define PORT_CHUNK	32768u
#define PORT_QUEUE	(512u * 1024)
#define PORT_RESERVE	(128u * 1024)

/* Finds the port by its name: an open descriptor, or -errno (-ENOENT: no such port). */
int port_open(void);

enum port_state {
	PORT_DRY,	/* the host is there, and has sent nothing more */
	PORT_UNSURE,	/* bytes came, but no host is there: gone, or not noticed yet */
	PORT_GONE,	/* no host is there */
};

/*
 * Reads until nothing is left and hands it to @take.  The kernel may hear of the
 * host's bytes before it hears of the host; so who finds PORT_UNSURE asks again.
 */
enum port_state port_read(int fd, void (*take)(const uint8_t *data, size_t len));

/* True while another PORT_CHUNK of session output fits and leaves the reserve. */
bool port_has_room(void);

/* Queues one frame.  A host that lets even the reserve run full loses the connection. */
void port_send(uint16_t type, uint32_t session, const void *payload, size_t len);

/* Writes what the port takes now. */
void port_flush(int fd);

/* Forgets what is queued. */
void port_discard(void);

/* True once after the queue overflowed. */
bool port_overflowed(void);

#endif
