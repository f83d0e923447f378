/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Discovery's packets, wire format version 1; docs/discovery.md has the picture.
 *
 * Touches no socket, no clock and no file.  A packet is
 *
 *	header (36 bytes) | sections (type, length, value) | MAC (16 bytes)
 *
 * in little endian.  The first 24 bytes, and a MAC of 16 bytes over everything
 * before it, are the same in every version there will ever be: so a node of
 * another version can be told from a stranger.
 */
#ifndef TESSERA_DISC_CODEC_H
#define TESSERA_DISC_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DISC_VERSION		1
#define DISC_PORT		5428
#define DISC_GROUP4		"224.0.0.214"
#define DISC_GROUP6		"ff02::5428"

#define DISC_HEADER		36
#define DISC_MAC		16
#define DISC_PACKET_MAX		512
#define DISC_KEY		32
#define DISC_CLUSTER_MAX	64	/* bytes of a cluster's name */

#define DISC_ADDRS		4
#define DISC_WITNESSES		2
#define DISC_ASKS		64
#define DISC_FEATURES		10	/* words */
#define DISC_RELEASE		24	/* with its NUL */
#define DISC_HOST		64	/* with its NUL */

/* What Ethernet, IPv4 and UDP add to a packet on the wire, gap included. */
#define DISC_OVERHEAD		66

enum disc_type {
	DISC_BEAT = 1,		/* alive, and how loaded */
	DISC_ANNOUNCE = 2,	/* the same, and all that changes seldom */
	DISC_QUERY = 3,		/* the same, and questions about others */
	DISC_GOODBYE = 4,	/* leaving */
};

/* disc_message.flags */
#define DISC_F_HOLDING		0x0001	/* the number is settled, not only claimed */
#define DISC_F_FIXED		0x0002	/* the number was given by a person */
#define DISC_F_BLOCK		0x0004	/* takes no guests */

struct disc_addr {
	uint8_t family;		/* 4 or 6 */
	uint8_t addr[16];	/* IPv4 in the first four bytes, the rest zero */
};

/**
 * struct disc_info - what changes seldom about a node
 * @machine:	says that two boots are of the same machine
 * @kernel:	build of the running kernel, a hash
 * @cpus:	processors
 * @speed:	of one of them, in openMosix's unit
 * @tmem:	memory in KiB; travels with 11 significant bits
 * @features:	of the processor, as cpuid tells them; see docs/discovery.md
 * @release:	of Tessera, text
 * @host:	name of the machine, text
 */
struct disc_info {
	uint64_t machine;
	uint64_t kernel;
	uint64_t tmem;
	uint32_t speed;
	uint32_t features[DISC_FEATURES];
	uint16_t cpus;
	char release[DISC_RELEASE];
	char host[DISC_HOST];
	uint8_t naddrs;
	struct disc_addr addr[DISC_ADDRS];
};

/* "I heard the one whose boot id ends so, that long ago." */
struct disc_witness {
	uint32_t boot;
	uint16_t age;		/* 1/64 s */
};

/**
 * struct disc_message - a packet, decoded
 * @boot:	random, one for each boot of a machine
 * @counter:	grows with each packet of a boot; 48 bits
 * @number:	node number, 0 while there is none
 * @interval:	the sender's next beat comes that soon, in 1/64 s
 * @load, @mem, @rmem: as in struct hpc_node, but memory in KiB; 11 significant bits
 * @info_seq:	another value: @info has changed
 * @foreign:	the sender's version, if it is not ours; then only @boot,
 *		@counter and @number are filled in
 */
struct disc_message {
	uint64_t boot;
	uint64_t counter;
	uint64_t mem, rmem;
	uint32_t load;
	uint16_t number;
	uint16_t flags;
	uint16_t interval;
	uint8_t type;
	uint8_t util;
	uint8_t info_seq;
	uint8_t foreign;
	uint8_t nwitnesses;
	uint8_t nalive;
	uint8_t nwho;
	bool has_info;
	struct disc_witness witness[DISC_WITNESSES];
	uint32_t ask_alive[DISC_ASKS];	/* "are you there?", ends of boot ids */
	uint32_t ask_who[DISC_ASKS];	/* "who are you?" */
	struct disc_info info;
};

/* What a cluster's members share. */
struct disc_key {
	uint8_t key[DISC_KEY];
	uint32_t hint;		/* tells packets of other clusters without any work */
};

/*
 * The key of cluster @name: machines with the same secret and different names are
 * strangers.  -EINVAL: an empty secret, or a name that is too long.
 */
int disc_key_make(const void *secret, size_t len, const char *name, struct disc_key *ret_key);

/* Returns the length.  -EMSGSIZE: the message does not fit @size bytes. */
int disc_encode(const struct disc_message *m, const struct disc_key *key, void *buf, size_t size);

/*
 * -EBADMSG: no packet of ours, -ENOKEY: of another cluster, -EKEYREJECTED: the
 * MAC is wrong, -EPROTO: authentic and yet malformed.
 */
int disc_decode(const void *buf, size_t len, const struct disc_key *key,
		struct disc_message *ret_message);

/* Eleven significant bits in two bytes; rounds down. */
uint16_t disc_float_pack(uint64_t value);
uint64_t disc_float_unpack(uint16_t packed);

#endif
