// SPDX-License-Identifier: GPL-2.0-only
/* The hub's decisions: replayable, independent of each other, and of the asked rate. */
// sources: ci/hub/fate.c
#include <string.h>

#include "ci/hub/fate.h"

#define FRAMES 20000
#define SEED 0x0123456789abcdefull

static unsigned int count_drops(const struct hub_fault *f, uint64_t seed, unsigned int from,
				unsigned int to)
{
	unsigned int drops = 0;

	for (uint64_t i = 0; i < FRAMES; i++)
		drops += hub_decide(f, seed, from, to, i).drop;
	return drops;
}

static void no_fault_no_harm(void **state)
{
	const struct hub_fault none = { .gap_ns = HUB_DEFAULT_GAP_NS };

	(void)state;
	for (uint64_t i = 0; i < FRAMES; i++) {
		struct hub_fate fate = hub_decide(&none, i * 77, 1, 2, i);

		assert_false(fate.drop || fate.held);
		assert_int_equal(fate.copies, 1);
		assert_int_equal(fate.delay_ns[0], 0);
	}
}

static void rates_are_met(void **state)
{
	/* Tolerance: four standard deviations of FRAMES draws. */
	static const struct {
		double rate, tolerance;
	} cases[] = { { 0.001, 0.0009 }, { 0.01, 0.0029 }, { 0.05, 0.0062 },
		      { 0.25, 0.0123 }, { 0.9, 0.0085 } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct hub_fault f = { .loss = cases[i].rate };
		double got = count_drops(&f, SEED, 1, 2) / (double)FRAMES;

		assert_true(got > cases[i].rate - cases[i].tolerance);
		assert_true(got < cases[i].rate + cases[i].tolerance);
	}
}

static void extremes_are_exact(void **state)
{
	const struct hub_fault all = { .loss = 1 }, cut = { .cut = true };

	(void)state;
	assert_int_equal(count_drops(&all, SEED, 1, 2), FRAMES);
	assert_int_equal(count_drops(&cut, SEED, 1, 2), FRAMES);
}

static void same_seed_same_fate(void **state)
{
	const struct hub_fault f = { .loss = 0.3, .dup = 0.2, .reorder = 0.1, .delay_ns = 1000000,
				     .jitter_ns = 500000, .gap_ns = 7 };

	(void)state;
	for (uint64_t i = 0; i < 1000; i++) {
		struct hub_fate a = hub_decide(&f, SEED, 3, 4, i), b = hub_decide(&f, SEED, 3, 4, i);

		assert_int_equal(a.drop, b.drop);
		assert_int_equal(a.held, b.held);
		assert_int_equal(a.copies, b.copies);
		assert_int_equal(a.delay_ns[0], b.delay_ns[0]);
		assert_int_equal(a.delay_ns[1], b.delay_ns[1]);
	}
}

/* A change here changes the meaning of every seed that was ever noted. */
static void golden_decisions(void **state)
{
	const struct hub_fault f = { .loss = 0.5 };
	char got[33] = "";

	(void)state;
	for (uint64_t i = 0; i < 32; i++)
		got[i] = hub_decide(&f, SEED, 0, 1, i).drop ? 'x' : '.';
	assert_string_equal(got, "x.x.xx..xxxxxx.x.xxxxx.........x");
}

static unsigned int agreement(uint64_t seed_a, unsigned int from_a, unsigned int to_a,
			      uint64_t seed_b, unsigned int from_b, unsigned int to_b)
{
	const struct hub_fault f = { .loss = 0.5 };
	unsigned int same = 0;

	for (uint64_t i = 0; i < FRAMES; i++)
		same += hub_decide(&f, seed_a, from_a, to_a, i).drop ==
			hub_decide(&f, seed_b, from_b, to_b, i).drop;
	return same;
}

static void pairs_and_seeds_are_independent(void **state)
{
	const unsigned int low = FRAMES * 48 / 100, high = FRAMES * 52 / 100;
	unsigned int same;

	(void)state;
	same = agreement(SEED, 1, 2, SEED, 2, 1);
	assert_in_range(same, low, high);
	same = agreement(SEED, 1, 2, SEED, 1, 3);
	assert_in_range(same, low, high);
	same = agreement(SEED, 1, 2, SEED + 1, 1, 2);
	assert_in_range(same, low, high);
	same = agreement(1, 0, 1, 2, 0, 1);
	assert_in_range(same, low, high);
}

/* Duplicating more must not change which frames are lost. */
static void faults_do_not_move_each_other(void **state)
{
	const struct hub_fault plain = { .loss = 0.2 };
	const struct hub_fault mixed = { .loss = 0.2, .dup = 0.5, .reorder = 0.5, .jitter_ns = 9 };

	(void)state;
	for (uint64_t i = 0; i < 1000; i++)
		assert_int_equal(hub_decide(&plain, SEED, 1, 2, i).drop,
				 hub_decide(&mixed, SEED, 1, 2, i).drop);
}

static void delay_stays_within_jitter(void **state)
{
	const struct hub_fault f = { .delay_ns = 15000000, .jitter_ns = 5000000 };
	const struct hub_fault wide = { .delay_ns = 10, .jitter_ns = 1000 };
	uint64_t least = UINT64_MAX, most = 0;

	(void)state;
	for (uint64_t i = 0; i < FRAMES; i++) {
		uint64_t d = hub_decide(&f, SEED, 1, 2, i).delay_ns[0];

		least = d < least ? d : least;
		most = d > most ? d : most;
		assert_in_range(hub_decide(&wide, SEED, 1, 2, i).delay_ns[0], 0, 1010);
	}
	assert_in_range(least, 10000000, 10100000);
	assert_in_range(most, 19900000, 20000000);
}

static void reordered_frames_wait_the_gap(void **state)
{
	const struct hub_fault f = { .reorder = 0.25, .delay_ns = 100, .gap_ns = 1000 };
	unsigned int held = 0;

	(void)state;
	for (uint64_t i = 0; i < FRAMES; i++) {
		struct hub_fate fate = hub_decide(&f, SEED, 1, 2, i);

		held += fate.held;
		assert_int_equal(fate.delay_ns[0], fate.held ? 1100 : 100);
	}
	assert_in_range(held, FRAMES * 23 / 100, FRAMES * 27 / 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_fault_no_harm),
		cmocka_unit_test(rates_are_met),
		cmocka_unit_test(extremes_are_exact),
		cmocka_unit_test(same_seed_same_fate),
		cmocka_unit_test(golden_decisions),
		cmocka_unit_test(pairs_and_seeds_are_independent),
		cmocka_unit_test(faults_do_not_move_each_other),
		cmocka_unit_test(delay_stays_within_jitter),
		cmocka_unit_test(reordered_frames_wait_the_gap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
