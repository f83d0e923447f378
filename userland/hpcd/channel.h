/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One connection to another hpcd, up to the moment the kernels take it over.
 * Exactly the bytes of a message are read, never more: what follows ACCEPT is the
 * kernel's.  Everything has a deadline.
 */
#ifndef TESSERA_HPCD_CHANNEL_H
#define TESSERA_HPCD_CHANNEL_H

#include <stdint.h>

#include "hpc.h"
#include "proto.h"

/**
 * struct hpcd_channel - a connection
 * @fd:		connected TCP socket
 * @deadline:	for all of the handshake, CLOCK_MONOTONIC in ms
 * @header:	of the message received last
 * @payload:	likewise
 */
struct hpcd_channel {
	int fd;
	int64_t deadline;
	struct hpcd_header header;
	uint8_t payload[HPCD_PAYLOAD_MAX];
};

/* Sets up the socket so that a peer silent for @silence_s counts as dead, for the engine too. */
int hpcd_channel_begin(struct hpcd_channel *c, int fd, int timeout_ms, int silence_s);

/* A connected socket.  @port: where @addr has none. */
int hpcd_connect(const struct hpc_addr *addr, uint16_t port, int timeout_ms);

int hpcd_send_message(struct hpcd_channel *c, const uint8_t *message, size_t len);
/*
 * Waits for a message.  -ETIMEDOUT, -ECONNRESET (also: the peer has closed), or
 * -EBADMSG.
 */
int hpcd_recv_message(struct hpcd_channel *c);

/*
 * Says that nothing more will come, and waits a moment for the peer to close:
 * closing over what it may still send would throw away what it has not read yet.
 */
void hpcd_channel_finish(struct hpcd_channel *c);

#endif
