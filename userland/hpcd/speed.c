// SPDX-License-Identifier: GPL-2.0-only
/* See speed.h. */

#include <time.h>

#include <linux/hpc.h>

#include "speed.h"

/* What a step takes on the standard processor, a Pentium III with 1 GHz. */
#define STANDARD_NS	12.0

#define STEPS		20000
#define RUNS		40
#define WORDS		4096	/* 32 KiB: what is fast everywhere */

static uint64_t words[WORDS];

/* Multiplying, shifting, a load that depends on it, a store, a branch now and then. */
static uint64_t work(uint64_t seed)
{
	uint64_t x = seed | 1, sum = 0;
	int i;

	for (i = 0; i < STEPS; i++) {
		x = x * 6364136223846793005ULL + 1442695040888963407ULL;
		sum += words[x >> 52] ^ (sum << 7);
		if (!(x >> 61))
			sum ^= x;
		words[(x >> 40) % WORDS] = sum;
	}
	return sum;
}

static double cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * 1e9 + ts.tv_nsec;
}

uint32_t hpcd_speed_of(double ns)
{
	double speed = HPC_SPEED_STANDARD * STANDARD_NS / (ns > 0 ? ns : STANDARD_NS);
	uint32_t unit = 1, value;

	if (speed > HPC_SPEED_MAX)
		speed = HPC_SPEED_MAX;
	value = speed < 1 ? 1 : speed;
	while (value / unit >= 100)
		unit *= 10;
	return (value + unit / 2) / unit * unit;
}

uint32_t hpcd_speed_measure(void)
{
	volatile uint64_t sink = 0;
	double best = 1e18, took;
	int i;

	for (i = 0; i < RUNS; i++) {
		took = cpu_ns();
		sink += work(i);
		took = cpu_ns() - took;
		if (took > 0 && took < best)
			best = took;
	}
	return hpcd_speed_of(best / STEPS);
}
