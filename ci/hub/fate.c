// SPDX-License-Identifier: GPL-2.0-only
/* Deciding the fate of a frame; see fate.h. */
#include "fate.h"

/* One independent draw for each purpose, so that setting one fault does not move another's. */
enum draw { DRAW_LOSS, DRAW_DUP, DRAW_REORDER, DRAW_JITTER, DRAW_JITTER_COPY };

/* The finalizer of splitmix64: a bijection that mixes every bit into every other. */
static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15ull;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
	return x ^ (x >> 31);
}

/* Uniform in [0, 1). */
static double draw(uint64_t seed, unsigned int from, unsigned int to, uint64_t number,
		   enum draw purpose)
{
	uint64_t pair = (uint64_t)from << 32 | (uint64_t)to << 8 | purpose;

	return (double)(mix(mix(mix(seed) ^ pair) ^ number) >> 11) / (double)(1ull << 53);
}

/* delay +- jitter, never below 0. */
static uint64_t delay(const struct hub_fault *f, double u)
{
	double ns = (double)f->delay_ns + (2 * u - 1) * (double)f->jitter_ns;

	return ns > 0 ? (uint64_t)ns : 0;
}

struct hub_fate hub_decide(const struct hub_fault *f, uint64_t seed, unsigned int from,
			   unsigned int to, uint64_t number)
{
	struct hub_fate fate = { .copies = 1 };

	fate.drop = f->cut || draw(seed, from, to, number, DRAW_LOSS) < f->loss;
	if (draw(seed, from, to, number, DRAW_DUP) < f->dup)
		fate.copies = 2;
	fate.held = draw(seed, from, to, number, DRAW_REORDER) < f->reorder;
	fate.delay_ns[0] = delay(f, draw(seed, from, to, number, DRAW_JITTER));
	fate.delay_ns[1] = delay(f, draw(seed, from, to, number, DRAW_JITTER_COPY));
	if (fate.held)
		fate.delay_ns[0] += f->gap_ns;
	return fate;
}
