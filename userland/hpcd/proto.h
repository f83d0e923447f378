/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What two hpcds say to each other before a process moves.
 *
 * The node that a process is to leave, home, connects; then
 *
 *    home                                   target
 *     HELLO              --->  <---          HELLO     at once, both
 *     REQUEST            --->                          one process
 *                              <---          CLOCK     a few times: what time is it?
 *     TIME               --->
 *                              <---          ACCEPT    or REFUSE, and the end
 *
 * With ACCEPT the connection passes into the hands of the two kernels.  Home may
 * give up at any time before by closing it; what it has to say then it logs.
 *
 * A message is a header, then that many bytes.  All integers are little endian,
 * reserved ones zero, texts end with a NUL within their field.  The codec below
 * touches nothing but its arguments: a message that is not wholly right yields
 * -EBADMSG and leaves ret_ arguments alone.
 *
 * The first 12 bytes of HELLO are the same in every version, so that nodes of
 * different versions can tell each other so.
 */
#ifndef TESSERA_HPCD_PROTO_H
#define TESSERA_HPCD_PROTO_H

#include <stddef.h>
#include <stdint.h>

#include "features.h"

/* openMosix's MIG_DAEMON_PORT, 0x3412, as little endian machines sent it. */
#define HPCD_PORT	4660
#define HPCD_MAGIC	0x41525354u	/* "TSRA" */
#define HPCD_VERSION	1

#define HPCD_HEADER_SIZE	8
#define HPCD_PAYLOAD_MAX	512
#define HPCD_MESSAGE_MAX	(HPCD_HEADER_SIZE + HPCD_PAYLOAD_MAX)

#define HPCD_RELEASE_SIZE	65
#define HPCD_BUILD_ID_SIZE	20
#define HPCD_BOOT_ID_SIZE	16
#define HPCD_COMM_SIZE		16
#define HPCD_NAME_SIZE		65	/* of a host, as uname(2) has it */
#define HPCD_TEXT_SIZE		256

/* No clock of a node is further on than this: 500 years. */
#define HPCD_TIME_MAX		(500ULL * 366 * 86400 * 1000000000)

enum hpcd_type {
	HPCD_HELLO = 1,
	HPCD_REQUEST,
	HPCD_CLOCK,
	HPCD_TIME,
	HPCD_ACCEPT,
	HPCD_REFUSE,
};

/* header: type (2) reserved (2) length of the payload (4) */
struct hpcd_header {
	uint16_t type;
	uint32_t length;
};

/**
 * struct hpcd_hello - who speaks
 * @version:	of the protocol; if it is another, only @node is filled in
 * @node:	number
 * @mem:	bytes a guest could get there
 * @build_id:	of the kernel: a process only moves between equal ones
 * @boot_id:	of this run of the kernel
 * @features:	what programs can see of the processor; of a home with a portable
 *		process that wants to move, what that relies on
 * @release:	of the kernel, for people
 *
 * On the wire: magic (4) version (2) reserved (2) node (4), reserved (4) mem (8)
 * build_id (20) boot_id (16) features (4 each) release (65).
 */
struct hpcd_hello {
	uint16_t version;
	uint32_t node;
	uint64_t mem;
	uint8_t build_id[HPCD_BUILD_ID_SIZE];
	uint8_t boot_id[HPCD_BOOT_ID_SIZE];
	struct hpcd_features features;
	char release[HPCD_RELEASE_SIZE];
};

/**
 * struct hpcd_request - which process wants to move
 * @pid:	as it sees itself; it will have it on the target too
 * @uid:	of its owner at home; for people only
 * @size:	bytes of memory that will move
 * @comm:	its name; for people only
 * @host, @domain: what uname(2) says at home
 *
 * On the wire: pid (4) uid (4) size (8) comm (16) host (65) domain (65).
 */
struct hpcd_request {
	uint32_t pid;
	uint32_t uid;
	uint64_t size;
	char comm[HPCD_COMM_SIZE];
	char host[HPCD_NAME_SIZE];
	char domain[HPCD_NAME_SIZE];
};

/* CLOCK: seq (4).  TIME: seq (4) reserved (4) monotonic (8) boottime (8), ns. */
struct hpcd_time {
	uint32_t seq;
	uint64_t monotonic;
	uint64_t boottime;
};

/* Why not.  Numbers are for ever; the text says it to people. */
enum hpcd_reason {
	HPCD_R_NONE = 0,
	HPCD_R_VERSION,		/* other protocol version */
	HPCD_R_UNKNOWN,		/* not in the node table, or not at this address */
	HPCD_R_KERNEL,		/* not the same kernel */
	HPCD_R_FEATURES,	/* the processor lacks something */
	HPCD_R_MEMORY,		/* too little */
	HPCD_R_BUSY,		/* too many guests, or one with that PID */
	HPCD_R_FAILED,		/* something went wrong, see the text */
	HPCD_R_LAST = HPCD_R_FAILED
};

/* REFUSE: reason (4), then a text of up to 255 bytes without NUL. */
struct hpcd_refusal {
	enum hpcd_reason reason;
	char text[HPCD_TEXT_SIZE];
};

/* Each fills @buf with a whole message and returns its length. */
size_t hpcd_hello_put(uint8_t buf[HPCD_MESSAGE_MAX], const struct hpcd_hello *hello);
size_t hpcd_request_put(uint8_t buf[HPCD_MESSAGE_MAX], const struct hpcd_request *request);
size_t hpcd_clock_put(uint8_t buf[HPCD_MESSAGE_MAX], uint32_t seq);
size_t hpcd_time_put(uint8_t buf[HPCD_MESSAGE_MAX], const struct hpcd_time *t);
size_t hpcd_accept_put(uint8_t buf[HPCD_MESSAGE_MAX]);
size_t hpcd_refuse_put(uint8_t buf[HPCD_MESSAGE_MAX], const struct hpcd_refusal *refusal);

/* @length is at most HPCD_PAYLOAD_MAX in what is returned. */
int hpcd_header_get(const uint8_t buf[HPCD_HEADER_SIZE], struct hpcd_header *ret_header);

/*
 * These take the payload.  -EPROTONOSUPPORT: a HELLO of another version, whose
 * @version and @node are filled in.  Texts come out printable, but for host names.
 */
int hpcd_hello_get(const uint8_t *payload, size_t len, struct hpcd_hello *ret_hello);
int hpcd_request_get(const uint8_t *payload, size_t len, struct hpcd_request *ret_request);
int hpcd_clock_get(const uint8_t *payload, size_t len, uint32_t *ret_seq);
int hpcd_time_get(const uint8_t *payload, size_t len, struct hpcd_time *ret_time);
int hpcd_accept_get(const uint8_t *payload, size_t len);
int hpcd_refuse_get(const uint8_t *payload, size_t len, struct hpcd_refusal *ret_refusal);

#endif
