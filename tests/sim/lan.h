/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A LAN of discovery's state machines in virtual time.
 *
 * Every node is a real struct disc; only clocks, wires and power are made up.  A
 * packet takes a millisecond, and gets lost for each receiver on its own.
 */
#ifndef TESSERA_SIM_LAN_H
#define TESSERA_SIM_LAN_H

#include "../../autodiscovery/peers.h"

#define LAN_NODES_MAX	16384

struct lan_node {
	struct disc *disc;
	uint64_t boot;
	int64_t clock;		/* what its clock is ahead of ours */
	uint64_t wake;
	uint64_t started, stopped;
	unsigned int boots;
	uint16_t number;
	uint8_t group;		/* hears those of the same group */
	bool up;
	bool timed;		/* how soon it is seen is of interest */
};

/* Figures of pairs: one value for each node that saw something of another. */
struct lan_times {
	uint32_t *ms;
	size_t n, room;
};

struct lan {
	struct lan_node *node;
	unsigned int nodes;
	uint64_t now, random;
	double loss;
	struct lan_event *heap;
	size_t events, room;
	/* Traffic, everything that everybody hears, in bits by tenths of a second. */
	uint32_t *bits;
	size_t tenths;
	/* What is seen of others. */
	struct lan_times came, went, died;
	uint64_t false_deaths, returned, renumbered, silences;
	size_t measure_from;	/* the tenth that traffic is measured from */
};

struct lan *lan_new(unsigned int nodes, uint64_t seed);
void lan_free(struct lan *lan);
void lan_boot(struct lan *lan, unsigned int i);
void lan_cut_power(struct lan *lan, unsigned int i);
void lan_say_goodbye(struct lan *lan, unsigned int i);
void lan_run(struct lan *lan, uint64_t ms);
/* Runs until everybody up sees exactly those up; false: not within @ms. */
bool lan_run_until_complete(struct lan *lan, uint64_t ms, uint64_t *ret_took);
bool lan_complete(const struct lan *lan);
/* Everybody up has a settled number, and all agree on whose each is. */
bool lan_numbers_settled(const struct lan *lan);
/* Boots all of them in little time, and waits; then the meters are at zero. */
void lan_settle(struct lan *lan, unsigned int n);
void lan_clear_figures(struct lan *lan);

uint32_t lan_share(struct lan_times *t, double share);	/* e.g. 0.99 */
uint32_t lan_rate(const struct lan *lan);		/* mean, bit/s */
uint32_t lan_peak(const struct lan *lan);		/* highest in any second, bit/s */

/*
 * @n further nodes that speak as they should and listen to nobody: what the real
 * ones see is a LAN of that many more.
 */
void lan_add_chorus(struct lan *lan, unsigned int n);

#endif
