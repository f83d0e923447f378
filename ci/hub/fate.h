/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What happens to a frame on its way from one port to another.
 *
 * The fate is a pure function of the seed, the pair of ports and the number of
 * the frame on that pair (and of the faults set, of course): the same seed and
 * the same traffic meet the same faults, in any order of arrival.
 */
#ifndef TESSERA_HUB_FATE_H
#define TESSERA_HUB_FATE_H

#include <stdbool.h>
#include <stdint.h>

struct hub_fault {
	double loss;		/* probabilities, 0..1 */
	double dup;
	double reorder;
	uint64_t delay_ns;
	uint64_t jitter_ns;	/* each frame's delay is delay +- up to this */
	uint64_t gap_ns;	/* how long a reordered frame is held back */
	bool cut;
};

#define HUB_DEFAULT_GAP_NS 5000000ull

struct hub_fate {
	bool drop;
	bool held;		/* may be overtaken by later frames of its pair */
	unsigned int copies;	/* 1, or 2 when duplicated */
	uint64_t delay_ns[2];
};

struct hub_fate hub_decide(const struct hub_fault *f, uint64_t seed, unsigned int from,
			   unsigned int to, uint64_t number);

#endif
