// SPDX-License-Identifier: GPL-2.0-only
/*
 * The balancer at large: clusters of it in virtual time.
 *
 * Each test prints what it measured.  BALANCE_SIM=long asks for the sizes of the
 * report; otherwise it is over in seconds.
 */
// sources: tests/sim/load.c userland/hpcd/balance.c
// libs: -lm
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/load.h"

#ifdef __SANITIZE_ADDRESS__
#define SCALE	2	/* the same code, checked, is as much slower */
#else
#define SCALE	1
#endif

static bool is_long(void)
{
	const char *form = getenv("BALANCE_SIM");

	return form && !strcmp(form, "long");
}

static unsigned int size(unsigned int quick, unsigned int full)
{
	return is_long() ? full : quick / SCALE > 4 ? quick / SCALE : 4;
}

/* As part of the way from nothing to the oracle: 1 is the oracle. */
static double won(const struct load_result *none, const struct load_result *balanced,
		  const struct load_result *oracle)
{
	return (none->slowdown - balanced->slowdown) / (none->slowdown - oracle->slowdown);
}

static double check(const char *name, const struct load_setup *setup, double moves_max)
{
	struct load_result none = load_simulate(setup, LOAD_NONE);
	struct load_result oracle = load_simulate(setup, LOAD_ORACLE);
	struct load_result balanced = load_simulate(setup, LOAD_BALANCER);

	print_message("%s, %u nodes: %u jobs, mean slowdown %.2f balanced, %.2f without moves, "
		      "%.2f oracle; %.2f moves a job, at most %u in a minute; decision %.2f ms\n",
		      name, setup->nodes, balanced.jobs, balanced.slowdown, none.slowdown,
		      oracle.slowdown, balanced.moves, balanced.worst_minute,
		      balanced.worst_decision_ms);
	assert_int_equal(balanced.jobs, none.jobs);
	assert_true(balanced.slowdown < none.slowdown * 1.02);
	assert_true(balanced.moves <= moves_max);
	assert_true(balanced.worst_minute <= 3);
	return won(&none, &balanced, &oracle);
}

static void two_equal_nodes(void **state)
{
	struct load_setup setup = {
		.nodes = 2, .seconds = 300, .seed = 2, .use = 0.6, .hot = 0.4, .length_s = 20,
	};

	(void)state;
	assert_true(check("one of two is used", &setup, 1.0) > 0.85);
}

static void equal_nodes(void **state)
{
	struct load_setup setup = {
		.nodes = size(64, 256), .seconds = size(300, 1200), .seed = 3, .use = 0.6,
		.hot = 0.25, .length_s = 10,
	};

	(void)state;
	assert_true(check("a quarter is used", &setup, 1.3) > 0.95);
}

static void unequal_nodes(void **state)
{
	struct load_setup setup = {
		.nodes = size(64, 256), .seconds = size(300, 1200), .seed = 4, .use = 0.6,
		.hot = 1, .unequal = true, .length_s = 10,
	};

	(void)state;
	assert_true(check("unequal nodes", &setup, 1.5) > 0.9);
}

static void bursts(void **state)
{
	struct load_setup setup = {
		.nodes = size(64, 256), .seconds = size(300, 1200), .seed = 5, .use = 0.5,
		.hot = 1, .burst = 32, .length_s = 10, .unequal = true,
	};

	(void)state;
	assert_true(check("bursts", &setup, 1.6) > 0.9);
}

static void comings_and_goings(void **state)
{
	struct load_setup setup = {
		.nodes = size(64, 256), .seconds = size(300, 1200), .seed = 6, .use = 0.5,
		.hot = 0.5, .churn_s = 5, .length_s = 10, .unequal = true,
	};

	(void)state;
	assert_true(check("churn", &setup, 2.0) > 0.6);
}

/* What only talks to home has nothing to gain elsewhere. */
static void talkers(void **state)
{
	struct load_setup setup = {
		.nodes = size(32, 128), .seconds = size(200, 600), .seed = 7, .use = 0.4,
		.hot = 0.5, .talkers = 1, .length_s = 10,
	};
	struct load_result none = load_simulate(&setup, LOAD_NONE);
	struct load_result balanced = load_simulate(&setup, LOAD_BALANCER);

	(void)state;
	print_message("talkers: %.2f moves a job, mean slowdown %.2f, %.2f without\n",
		      balanced.moves, balanced.slowdown, none.slowdown);
	assert_true(balanced.slowdown < none.slowdown * 1.02);
	assert_true(balanced.moves < 0.5);
}

/* All the same everywhere, and no more jobs than processors: nobody moves. */
static void nothing_to_do(void **state)
{
	struct load_setup setup = {
		.nodes = 16, .seconds = 60, .seed = 8, .use = 0.05, .hot = 1, .length_s = 5,
	};
	struct load_result r = load_simulate(&setup, LOAD_BALANCER);

	(void)state;
	print_message("little load: %.3f moves a job\n", r.moves);
	assert_true(r.moves < 0.1);
}

static void many_nodes(void **state)
{
	struct load_setup setup = {
		.nodes = size(1000, 4000), .seconds = size(40, 60), .seed = 9, .use = 0.5,
		.hot = 0.1, .unequal = true, .length_s = 10,
	};

	(void)state;
	assert_true(check("many nodes", &setup, 1.6) > 0.9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_equal_nodes),
		cmocka_unit_test(equal_nodes),
		cmocka_unit_test(unequal_nodes),
		cmocka_unit_test(bursts),
		cmocka_unit_test(comings_and_goings),
		cmocka_unit_test(talkers),
		cmocka_unit_test(nothing_to_do),
		cmocka_unit_test(many_nodes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
