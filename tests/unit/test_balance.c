// SPDX-License-Identifier: GPL-2.0-only
/* The balancer's decisions, one situation at a time. */
// sources: userland/hpcd/balance.c
// libs: -lm
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <linux/hpc.h>

#include "hpcd/balance.h"

#define MIB		(1ull << 20)
#define NODES_MAX	4000
#define PROCESSES_MAX	1000

static struct balance_node nodes[NODES_MAX];
static struct balance_process processes[PROCESSES_MAX];
static struct balance_move moves[64];
static struct balance_room room;
static struct balance_input in;
static uint64_t seed;

static int begin(void **state)
{
	(void)state;
	memset(nodes, 0, sizeof(nodes));
	memset(processes, 0, sizeof(processes));
	in = (struct balance_input) {
		.self = 1, .rtt_us = 300, .bytes_per_ms = 100000, .move_ms = 60,
		.nodes = nodes, .processes = processes,
	};
	seed = 1;
	return 0;
}

static int end(void **state)
{
	(void)state;
	balance_room_free(&room);
	return 0;
}

static struct balance_node *node(uint32_t load)
{
	struct balance_node *n = &nodes[in.n_nodes++];

	*n = (struct balance_node) {
		.id = in.n_nodes, .usable = true, .cpus = 1,
		.speed = HPC_SPEED_STANDARD, .load = load, .mem = 800 * MIB, .tmem = 1024 * MIB,
	};
	return n;
}

static struct balance_process *process(void)
{
	struct balance_process *p = &processes[in.n_processes++];

	*p = (struct balance_process) {
		.pid = 100 + in.n_processes, .may_move = true, .demand = 1000, .rss = MIB,
		.cpu_ms = 5000, .since_ms = BALANCE_NEVER,
	};
	return p;
}

static void some(unsigned int n)
{
	while (n--)
		process();
}

static int decide(void)
{
	int n = balance_decide(&in, &room, &seed, moves, 64);

	assert_true(n >= 0);
	return n;
}

static unsigned int sent_to(int n, uint32_t id)
{
	unsigned int count = 0;

	while (n-- > 0)
		count += moves[n].node == id;
	return count;
}

/* --- processor time ------------------------------------------------------------------ */

static void eight_jobs_on_four_nodes(void **state)
{
	int n;

	(void)state;
	node(800);
	node(0);
	node(0);
	node(0);
	some(8);
	n = decide();
	assert_int_equal(n, 6);
	assert_int_equal(sent_to(n, 2), 2);
	assert_int_equal(sent_to(n, 3), 2);
	assert_int_equal(sent_to(n, 4), 2);
}

static void a_fast_node_gets_more(void **state)
{
	int n;

	(void)state;
	node(0);
	node(0)->speed = 2 * HPC_SPEED_STANDARD;
	some(6);
	n = decide();
	assert_int_equal(sent_to(n, 2), 4);
}

static void processors_count(void **state)
{
	(void)state;
	node(0);
	node(0)->cpus = 4;
	some(5);
	assert_int_equal(decide(), 4);
}

static void one_job_stays(void **state)
{
	(void)state;
	node(100);
	node(0);
	some(1);
	assert_int_equal(decide(), 0);
}

static void one_job_goes_to_a_faster_node(void **state)
{
	(void)state;
	node(100);
	node(0)->speed = 3 * HPC_SPEED_STANDARD;
	some(1);
	assert_int_equal(decide(), 1);
}

static void what_is_balanced_stays(void **state)
{
	(void)state;
	node(200);
	node(200);
	node(215);
	some(2);
	assert_int_equal(decide(), 0);
}

static void what_is_on_its_way_counts(void **state)
{
	(void)state;
	node(300);
	node(0)->coming = 3000;
	some(3);
	assert_int_equal(decide(), 0);
}

static void guests_are_load(void **state)
{
	(void)state;
	node(0);
	node(0);
	process();
	*process() = (struct balance_process) {
		.pid = 9, .guest = true, .node = 2, .demand = 1000,
	};
	assert_int_equal(decide(), 1);
	assert_int_equal(moves[0].pid, 101);
}

static void dear_moves_are_not_made(void **state)
{
	struct balance_process *p;

	(void)state;
	node(0);
	node(0);
	p = process();
	process()->rss = MIB;
	p->rss = 500 * MIB;
	p->cpu_ms = 100;
	in.bytes_per_ms = 1000;
	assert_int_equal(decide(), 1);
	assert_int_equal(moves[0].pid, 102);
}

static void the_young_and_small_go_at_once(void **state)
{
	struct balance_process *p;

	(void)state;
	node(0);
	node(0);
	process();
	p = process();
	p->cpu_ms = 20;
	p->rss = MIB / 2;
	assert_int_equal(decide(), 1);
}

/* --- who may not --------------------------------------------------------------------- */

static void who_must_stay_stays(void **state)
{
	(void)state;
	node(0);
	node(0);
	some(4);
	processes[0].may_move = false;
	processes[1].job = BALANCE_JOB_IO;
	processes[2].demand = 100;
	processes[3].since_ms = 1000;
	assert_int_equal(decide(), 0);
}

static void moved_often_enough(void **state)
{
	(void)state;
	node(0);
	node(0);
	some(4);
	processes[0].moves = processes[1].moves = processes[2].moves = processes[3].moves = 2;
	assert_int_equal(decide(), 0);
}

static void declared_cpujobs_go_early(void **state)
{
	(void)state;
	node(0);
	node(0);
	some(2);
	processes[1].demand = 10;
	processes[0].may_move = false;
	processes[1].job = BALANCE_JOB_CPU;
	processes[1].talk = 100000;
	processes[0].demand = 2000;
	assert_int_equal(decide(), 1);
	assert_int_equal(moves[0].pid, 102);
}

static void switches(void **state)
{
	(void)state;
	node(0);
	node(0);
	some(4);
	in.stay = true;
	assert_int_equal(decide(), 0);
	in.stay = false;
	in.lstay = true;
	assert_int_equal(decide(), 0);
}

static void nodes_that_take_nobody(void **state)
{
	(void)state;
	node(0);
	node(0)->usable = false;
	node(0)->mem = 40 * MIB;
	some(4);
	assert_int_equal(decide(), 0);
	in.self = 77;
	assert_int_equal(decide(), 0);
}

static void who_is_portable_goes_where_others_cannot(void **state)
{
	int n;

	(void)state;
	node(0);
	node(0)->unfit = true;
	some(3);
	assert_int_equal(decide(), 0);
	processes[1].portable = true;
	n = decide();
	assert_int_equal(n, 1);
	assert_int_equal(moves[0].pid, processes[1].pid);
	assert_int_equal(moves[0].node, 2);
}

static void memory_makes_nobody_go_where_he_cannot_run(void **state)
{
	(void)state;
	node(0)->mem = 10 * MIB;
	node(0)->unfit = true;
	process()->rss = 200 * MIB;
	assert_int_equal(decide(), 0);
	processes[0].portable = true;
	assert_int_equal(decide(), 1);
}

/* --- talking ------------------------------------------------------------------------- */

static struct balance_process *away(uint32_t where)
{
	struct balance_process *p = process();

	p->away = true;
	p->node = where;
	p->since_ms = 20000;
	return p;
}

static void who_talks_comes_home(void **state)
{
	(void)state;
	node(0);
	node(100);
	away(2)->talk = 10000;
	assert_int_equal(decide(), 1);
	assert_int_equal(moves[0].node, 0);
	assert_int_equal(moves[0].reason, BALANCE_TALK);
	processes[0].talk = 100;
	assert_int_equal(decide(), 0);
}

static void who_would_talk_does_not_leave(void **state)
{
	(void)state;
	node(0);
	node(0);
	some(3);
	processes[0].talk = processes[1].talk = processes[2].talk = 20000;
	assert_int_equal(decide(), 0);
	/* So near that it does not matter. */
	in.rtt_us = 1;
	assert_true(decide() > 0);
}

static void declared_iojobs_come_home(void **state)
{
	(void)state;
	node(0);
	node(100);
	away(2)->job = BALANCE_JOB_IO;
	assert_int_equal(decide(), 1);
	assert_int_equal(moves[0].node, 0);
}

/* --- away ---------------------------------------------------------------------------- */

static void all_is_well_away(void **state)
{
	(void)state;
	node(100);
	node(100);
	process();
	away(2);
	assert_int_equal(decide(), 0);
}

/* What is there counts, also if nobody told so yet. */
static void own_ones_count_at_once(void **state)
{
	(void)state;
	node(200);
	node(0);
	away(2);
	away(2);
	some(2);
	assert_int_equal(decide(), 0);
}

/* Of four on one node, each leaves with the chance that leaves one there. */
static void crowds_break_up(void **state)
{
	unsigned int i, left = 0;

	(void)state;
	node(0);
	node(400);
	node(0);
	node(0);
	away(2);
	for (i = 0; i < 1000; i++)
		left += decide();
	assert_in_range(left, 600, 850);
}

static void home_from_nodes_that_leave(void **state)
{
	(void)state;
	node(0);
	node(100)->leaving = true;
	away(2)->since_ms = 10;
	assert_int_equal(decide(), 1);
	assert_int_equal(moves[0].node, 0);
	assert_int_equal(moves[0].reason, BALANCE_LEAVING);
}

/* What a person did with nodes out of a map stays as it is. */
static void nodes_nothing_is_known_of(void **state)
{
	struct balance_node *n;

	(void)state;
	node(0)->speed = 5 * HPC_SPEED_STANDARD;
	n = node(0);
	n->speed = n->mem = n->tmem = n->cpus = 0;
	n->usable = false;
	away(2)->talk = 100000;
	away(77);
	assert_int_equal(decide(), 0);
	n->usable = true;
	some(5);
	assert_int_equal(decide(), 0);
}

/* --- memory -------------------------------------------------------------------------- */

static void memory_comes_first(void **state)
{
	(void)state;
	node(0)->mem = 50 * MIB;
	node(500);
	some(2);
	processes[0].rss = 20 * MIB;
	processes[1].rss = 200 * MIB;
	assert_int_equal(decide(), 1);
	assert_int_equal(moves[0].pid, 102);
	assert_int_equal(moves[0].node, 2);
	assert_int_equal(moves[0].reason, BALANCE_MEMORY);
}

static void memory_sends_guests_home(void **state)
{
	(void)state;
	node(0)->mem = 50 * MIB;
	node(500);
	*process() = (struct balance_process) {
		.pid = 9, .guest = true, .node = 2, .demand = 1000, .rss = 300 * MIB,
	};
	assert_int_equal(decide(), 1);
	assert_int_equal(moves[0].node, 0);
	/* Not where there is no room for it. */
	nodes[1].mem = 200 * MIB;
	assert_int_equal(decide(), 0);
}

static void no_room_anywhere(void **state)
{
	(void)state;
	node(0)->mem = 50 * MIB;
	node(0)->mem = 100 * MIB;
	process()->rss = 300 * MIB;
	assert_int_equal(decide(), 0);
}

static void pressure(void **state)
{
	struct balance_node n = { .tmem = 1024 * MIB, .mem = 80 * MIB };

	(void)state;
	assert_true(balance_presses(&n));
	n.mem = 100 * MIB;
	assert_false(balance_presses(&n));
	assert_false(balance_presses(&(struct balance_node) { 0 }));
}

/* --- size ---------------------------------------------------------------------------- */

static double now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * 1e3 + ts.tv_nsec / 1e6;
}

static void many(void **state)
{
	double took, best = 1e9;
	unsigned int i;

	(void)state;
	for (i = 0; i < NODES_MAX; i++)
		node(i % 400)->speed = HPC_SPEED_STANDARD + i;
	for (i = 0; i < PROCESSES_MAX / 2; i++)
		process()->rss = i * MIB / 4;
	for (; i < PROCESSES_MAX; i++)
		away(2 + i);
	for (i = 0; i < 5; i++) {
		took = now_ms();
		assert_true(decide() > 0);
		took = now_ms() - took;
		best = took < best ? took : best;
	}
	print_message("%d nodes, %d processes: %.2f ms\n", NODES_MAX, PROCESSES_MAX, best);
#ifndef __SANITIZE_ADDRESS__
	assert_true(best <= 10);
#endif
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(eight_jobs_on_four_nodes, begin, end),
		cmocka_unit_test_setup_teardown(a_fast_node_gets_more, begin, end),
		cmocka_unit_test_setup_teardown(processors_count, begin, end),
		cmocka_unit_test_setup_teardown(one_job_stays, begin, end),
		cmocka_unit_test_setup_teardown(one_job_goes_to_a_faster_node, begin, end),
		cmocka_unit_test_setup_teardown(what_is_balanced_stays, begin, end),
		cmocka_unit_test_setup_teardown(what_is_on_its_way_counts, begin, end),
		cmocka_unit_test_setup_teardown(guests_are_load, begin, end),
		cmocka_unit_test_setup_teardown(dear_moves_are_not_made, begin, end),
		cmocka_unit_test_setup_teardown(the_young_and_small_go_at_once, begin, end),
		cmocka_unit_test_setup_teardown(who_must_stay_stays, begin, end),
		cmocka_unit_test_setup_teardown(moved_often_enough, begin, end),
		cmocka_unit_test_setup_teardown(declared_cpujobs_go_early, begin, end),
		cmocka_unit_test_setup_teardown(switches, begin, end),
		cmocka_unit_test_setup_teardown(nodes_that_take_nobody, begin, end),
		cmocka_unit_test_setup_teardown(who_is_portable_goes_where_others_cannot, begin, end),
		cmocka_unit_test_setup_teardown(memory_makes_nobody_go_where_he_cannot_run, begin, end),
		cmocka_unit_test_setup_teardown(who_talks_comes_home, begin, end),
		cmocka_unit_test_setup_teardown(who_would_talk_does_not_leave, begin, end),
		cmocka_unit_test_setup_teardown(declared_iojobs_come_home, begin, end),
		cmocka_unit_test_setup_teardown(all_is_well_away, begin, end),
		cmocka_unit_test_setup_teardown(own_ones_count_at_once, begin, end),
		cmocka_unit_test_setup_teardown(crowds_break_up, begin, end),
		cmocka_unit_test_setup_teardown(home_from_nodes_that_leave, begin, end),
		cmocka_unit_test_setup_teardown(nodes_nothing_is_known_of, begin, end),
		cmocka_unit_test_setup_teardown(memory_comes_first, begin, end),
		cmocka_unit_test_setup_teardown(memory_sends_guests_home, begin, end),
		cmocka_unit_test_setup_teardown(no_room_anywhere, begin, end),
		cmocka_unit_test_setup_teardown(pressure, begin, end),
		cmocka_unit_test_setup_teardown(many, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
