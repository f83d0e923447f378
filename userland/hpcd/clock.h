/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How far home's clocks are ahead of this node's, so that a guest's clocks never
 * step back.
 *
 * Each question tells that home's clock showed T at some moment after we sent it,
 * at our t: so home is ahead by at most T - t.  The smallest of these bounds is
 * taken: a guest's clock is never behind home's, and ahead of it by no more than
 * the quickest message took, which is less than any way home takes.
 */
#ifndef TESSERA_HPCD_CLOCK_H
#define TESSERA_HPCD_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* Questions asked: the first one often pays for a cold cache. */
#define HPCD_CLOCK_QUESTIONS 5

/* Nanoseconds. */
struct hpcd_instant {
	uint64_t monotonic;
	uint64_t boottime;
};

struct hpcd_offsets {
	bool known;
	int64_t monotonic;
	int64_t boottime;
};

/* Takes one answer into account: @asked by our clocks, @answer by home's. */
void hpcd_offsets_learn(struct hpcd_offsets *offsets, const struct hpcd_instant *asked,
			const struct hpcd_instant *answer);

/* CLOCK_MONOTONIC, for deadlines. */
int64_t hpcd_now_ms(void);

void hpcd_instant_now(struct hpcd_instant *ret_now);

#endif
