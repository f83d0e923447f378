// SPDX-License-Identifier: GPL-2.0-only
/* Offsets between the clocks of two nodes. */

#include <time.h>

#include "clock.h"

static int64_t smaller(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

void hpcd_offsets_learn(struct hpcd_offsets *offsets, const struct hpcd_instant *asked,
			const struct hpcd_instant *answer)
{
	int64_t monotonic = (int64_t)(answer->monotonic - asked->monotonic);
	int64_t boottime = (int64_t)(answer->boottime - asked->boottime);

	if (offsets->known) {
		monotonic = smaller(offsets->monotonic, monotonic);
		boottime = smaller(offsets->boottime, boottime);
	}
	*offsets = (struct hpcd_offsets) {
		.known = true, .monotonic = monotonic, .boottime = boottime,
	};
}

static uint64_t clock_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

void hpcd_instant_now(struct hpcd_instant *ret_now)
{
	ret_now->monotonic = clock_ns(CLOCK_MONOTONIC);
	ret_now->boottime = clock_ns(CLOCK_BOOTTIME);
}

int64_t hpcd_now_ms(void)
{
	return (int64_t)(clock_ns(CLOCK_MONOTONIC) / 1000000);
}
