/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who is there: the state machine of discovery.
 *
 * Messages and the time go in, messages and news of peers come out by the calls of
 * struct disc_ops.  No socket, no clock, no file: a test runs ten thousand of
 * these in virtual time.
 *
 *              heard            no beat for 1.9 intervals       7 questions unanswered
 *   (unknown) ------> UP ------------------------------> SILENT ----------------> DEAD
 *                      ^ \           heard, or vouched for  |                       |
 *                      |  \ <-------------------------------+                       |
 *                      |   +--- goodbye ---> LEFT                                   |
 *                      +-------- heard: LEFT or DEAD -------------------------------+
 *
 * All time is in milliseconds of a clock that never steps back; a gap in it means
 * that this machine stood still, not that the others were gone.
 */
#ifndef TESSERA_DISC_PEERS_H
#define TESSERA_DISC_PEERS_H

#include "codec.h"

enum disc_state { DISC_UP, DISC_SILENT, DISC_LEFT, DISC_DEAD };

enum disc_change {
	DISC_CAME,	/* a node that was not up */
	DISC_RETURNED,	/* the same, a new boot of a machine that was known */
	DISC_BEATS,	/* new load figures */
	DISC_UPDATED,	/* new information, number or address */
	DISC_FELL_SILENT,
	DISC_RESUMED,	/* silent no more */
	DISC_WENT,	/* said goodbye */
	DISC_DIED,
	DISC_FORGOTTEN,	/* its place in the table is needed */
};

/* Where a packet came from; the edge fills it in, nothing here looks inside. */
struct disc_origin {
	uint8_t family;		/* 4 or 6 */
	uint8_t addr[16];
	uint32_t ifindex;
};

/**
 * struct disc_peer - another node
 * @boot:	its boot id
 * @top:	highest counter seen
 * @seen:	bit n: counter @top - n was seen
 * @heard:	when it, or word of it, last came
 * @asked:	when somebody last asked whether it is alive
 * @due:	when its state is looked at next
 * @info_due:	when to ask who it is; 0: it has said so
 * @from_heard:	when something last came from @from
 * @interval:	it sends that often, in ms
 * @rounds:	questions left unanswered
 * @foreign:	its protocol version, if it is another one
 *
 * The rest is what it said last, and the links of the lists it is on.
 */
struct disc_peer {
	uint64_t boot, top, seen;
	uint64_t heard, asked, due, info_due, from_heard;
	uint64_t mem, rmem;
	uint32_t load;
	uint32_t interval;
	uint16_t number, flags;
	uint8_t state, rounds, foreign, util, info_seq;
	bool used, asking, has_info;
	uint32_t boot_next, number_next, wheel_next, wheel_prev;
	uint32_t wheel_slot;
	struct disc_origin from;
	struct disc_info info;
};

struct disc_ops {
	/* To everyone.  @urgent: news, worth every way there is. */
	void (*send)(void *arg, const struct disc_message *m, bool urgent);
	/* @old_number: the one it had before. */
	void (*changed)(void *arg, const struct disc_peer *p, enum disc_change change,
			uint16_t old_number);
	/* @rival has our number and the better claim: @number is ours from now on. */
	void (*renumber)(void *arg, uint16_t number, const struct disc_peer *rival);
};

struct disc_config {
	uint64_t boot;		/* not 0 */
	uint64_t machine;
	uint64_t counter;	/* the first packet's; beyond all used in this boot */
	uint64_t seed;		/* of random delays */
	uint32_t rate;		/* bit/s, of the whole LAN; 0: 250000 */
	uint32_t peers_max;	/* 0: 16384 */
};

struct disc_stats {
	uint64_t received, sent;
	uint64_t replayed;	/* authentic, and not new */
	uint64_t refused;	/* no room in the table */
	uint64_t asks;		/* questions sent */
	uint64_t false_alarms;	/* peers that fell silent and were not gone */
};

struct disc;

struct disc *disc_new(const struct disc_config *config, const struct disc_ops *ops, void *arg,
		      uint64_t now);
void disc_free(struct disc *d);

/* An authentic message of @len bytes has come. */
void disc_receive(struct disc *d, uint64_t now, const struct disc_message *m, size_t len,
		  const struct disc_origin *from);
/* Does what is due; returns when to call again, at the latest. */
uint64_t disc_step(struct disc *d, uint64_t now);

/* Begins to speak; again after disc_goodbye(). */
void disc_start(struct disc *d, uint64_t now);
void disc_goodbye(struct disc *d, uint64_t now);
/* All goodbyes are said. */
bool disc_gone(const struct disc *d);
/* An interface came up, or an address: tell everybody again. */
void disc_news(struct disc *d, uint64_t now);

/* @fixed: a person wants exactly this number; 0: none yet. */
void disc_number_set(struct disc *d, uint64_t now, uint16_t number, bool fixed);
void disc_info_set(struct disc *d, uint64_t now, const struct disc_info *info);
/* Takes no guests, or does again. */
void disc_block_set(struct disc *d, uint64_t now, bool block);
void disc_load_set(struct disc *d, uint32_t load, uint8_t util, uint64_t mem, uint64_t rmem);

uint16_t disc_number(const struct disc *d);
bool disc_holding(const struct disc *d);
uint64_t disc_boot(const struct disc *d);
uint32_t disc_interval(const struct disc *d);
uint32_t disc_live(const struct disc *d);	/* up or silent, without ourselves */
const struct disc_stats *disc_stats(const struct disc *d);
/* The peer that @number belongs to, as everyone sees it; NULL: nobody live. */
const struct disc_peer *disc_owner(const struct disc *d, uint16_t number);
/* All peers: begin with NULL. */
const struct disc_peer *disc_next_peer(const struct disc *d, const struct disc_peer *p);
/* A number nobody has, made of the machine's identity: the same at each boot. */
uint16_t disc_number_pick(const struct disc *d);

/* How often a node among @nodes speaks, in ms. */
uint32_t disc_interval_for(uint32_t nodes, uint32_t rate);

#endif
