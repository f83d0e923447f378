// SPDX-License-Identifier: GPL-2.0-only
/*
 * Discovery at large: many nodes, bad wires and bad luck, in virtual time.
 *
 * Each test prints what it measured.  DISC_SIM=long asks for the sizes and hours
 * of the report; otherwise it is over in seconds.
 */
// sources: tests/sim/lan.c autodiscovery/peers.c autodiscovery/codec.c
// libs: -lsodium
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/lan.h"

#define RATE	250000
#define SECOND	1000ull
#define MINUTE	(60 * SECOND)

#define tell	print_message

#ifdef __SANITIZE_ADDRESS__
#define SCALE	4	/* the same code, checked, is as much slower */
#else
#define SCALE	1
#endif

static bool is_long(void)
{
	const char *form = getenv("DISC_SIM");

	return form && !strcmp(form, "long");
}

/* A number of nodes or minutes for the quick form, and for the long one. */
static unsigned int size(unsigned int quick, unsigned int full)
{
	return is_long() ? full : quick / SCALE > 5 ? quick / SCALE : 5;
}

static struct lan *settled(unsigned int nodes, unsigned int up, double loss)
{
	struct lan *lan = lan_new(nodes, nodes);

	lan->loss = loss;
	lan_settle(lan, up);
	assert_true(lan_complete(lan));
	return lan;
}

static void check_join(unsigned int n, double loss, uint32_t limit)
{
	unsigned int new = n / 20 + 1, i;
	struct lan *lan = settled(n + new, n, loss);
	uint32_t p99;

	for (i = n; i < n + new; i++) {
		lan->node[i].timed = true;
		lan_boot(lan, i);
		lan_run(lan, 700);
	}
	lan_run(lan, 10 * SECOND);
	p99 = lan_share(&lan->came, 0.99);
	tell("join: %u nodes, %.0f %% loss: seen after %u ms (median), %u ms (p99), %u ms (last)\n",
	     n, loss * 100, lan_share(&lan->came, 0.5), p99, lan_share(&lan->came, 1));
	assert_true(lan->came.n >= (size_t)new * (n - 1));
	assert_true(p99 <= limit);
	assert_true(lan_peak(lan) <= 2 * RATE);
	lan_free(lan);
}

static void a_newcomer_is_seen_at_once(void **state)
{
	(void)state;
	check_join(2, 0, 1000);
	check_join(100, 0, 1000);
	check_join(100, 0.05, 1000);
	check_join(size(250, 1000), 0.05, 2000);
}

static void a_goodbye_is_heard_at_once(void **state)
{
	unsigned int n = 100, i;
	struct lan *lan = settled(n, n, 0.05);

	(void)state;
	for (i = 0; i < 10; i++) {
		lan_say_goodbye(lan, i);
		lan_run(lan, 400);
	}
	tell("goodbye: %u nodes: heard after %u ms (p99)\n", n, lan_share(&lan->went, 0.99));
	assert_true(lan->went.n >= 10 * 90);
	assert_true(lan_share(&lan->went, 0.99) <= 300);
	lan_run(lan, 10 * SECOND);
	assert_true(lan_complete(lan));
	assert_int_equal(lan->false_deaths, 0);
	lan_free(lan);
}

static void check_death(unsigned int n, double loss, uint32_t limit)
{
	unsigned int dead = n / 20 + 1, i;
	struct lan *lan = settled(n, n, loss);
	uint32_t p99;

	for (i = 0; i < dead; i++) {
		lan_cut_power(lan, i * 7 % n);
		lan_run(lan, 433);
	}
	lan_run(lan, 3 * limit);
	p99 = lan_share(&lan->died, 0.99);
	tell("silent death: %u nodes, %.0f %% loss: declared after %u ms (median), %u ms (p99), "
	     "%u ms (last)\n", n, loss * 100, lan_share(&lan->died, 0.5), p99,
	     lan_share(&lan->died, 1));
	assert_true(lan_complete(lan));
	assert_int_equal(lan->false_deaths, 0);
	assert_true(p99 <= limit);
	lan_free(lan);
}

static void silent_death_is_declared_in_time(void **state)
{
	(void)state;
	check_death(2, 0, 3500);
	check_death(100, 0, 3500);
	check_death(100, 0.05, 3500);
	check_death(size(250, 1000), 0.05, 13000);
}

static void check_peace(unsigned int n, double loss, unsigned int minutes, uint64_t deaths)
{
	struct lan *lan = settled(n, n, loss);

	lan_run(lan, minutes * MINUTE);
	tell("peace: %u nodes, %.0f %% loss, %u min: %llu false deaths, %llu doubts; traffic %u "
	     "kbit/s, at most %u in a second\n", n, loss * 100, minutes,
	     (unsigned long long)lan->false_deaths, (unsigned long long)lan->silences,
	     lan_rate(lan) / 1000, lan_peak(lan) / 1000);
	assert_true(lan->false_deaths <= deaths);
	assert_true(lan_rate(lan) <= RATE);
	assert_true(lan_peak(lan) <= 2 * RATE);
	lan->loss = 0;
	lan_run(lan, 2 * disc_interval_for(n, 0));
	assert_true(lan_complete(lan));
	lan_free(lan);
}

static void nobody_is_declared_dead_who_is_not(void **state)
{
	(void)state;
	check_peace(100, 0.05, size(6, 60), 0);
	check_peace(100, 0, 1, 0);
	check_peace(size(200, 1000), 0.05, is_long() ? 60 : 1, 0);
}

static void bad_wires_are_lived_with(void **state)
{
	unsigned int n = size(300, 1000);
	struct lan *lan = settled(n, n, 0.2);
	uint64_t took;

	(void)state;
	lan_run(lan, 2 * MINUTE);
	tell("bad wires: %u nodes, 20 %% loss: traffic %u kbit/s, %llu false deaths in 2 min\n", n,
	     lan_rate(lan) / 1000, (unsigned long long)lan->false_deaths);
	assert_true(lan_rate(lan) <= RATE);
	assert_true(lan_peak(lan) <= 2 * RATE);
	assert_true(lan_run_until_complete(lan, 10 * SECOND, &took));
	lan_free(lan);
}

static void all_at_once(void **state)
{
	unsigned int n = size(400, 1000), i;
	struct lan *lan = lan_new(n, 5);
	uint64_t took;

	(void)state;
	for (i = 0; i < n; i++)
		lan_boot(lan, i);
	assert_true(lan_run_until_complete(lan, 20 * SECOND, &took));
	tell("mass boot: %u nodes: all tables full after %llu ms, at most %u kbit/s in a second\n",
	     n, (unsigned long long)took, lan_peak(lan) / 1000);
	assert_true(took <= 10 * SECOND);
	assert_true(lan_peak(lan) <= 2 * RATE);
	lan_run(lan, 30 * SECOND);
	assert_true(lan_complete(lan));
	assert_int_equal(lan->false_deaths, 0);

	lan_clear_figures(lan);
	for (i = 0; i < n * 9 / 10; i++)
		lan_cut_power(lan, i);
	assert_true(lan_run_until_complete(lan, 30 * SECOND, &took));
	tell("mass power cut: %u of %u nodes: all tables right after %llu ms, at most %u kbit/s\n",
	     n * 9 / 10, n, (unsigned long long)took, lan_peak(lan) / 1000);
	assert_int_equal(lan->false_deaths, 0);
	assert_true(lan_peak(lan) <= 2 * RATE);
	lan_free(lan);
}

static void halves_find_together(void **state)
{
	unsigned int n = size(250, 1000), i;
	struct lan *lan = settled(n, n, 0);
	uint64_t took;

	(void)state;
	for (i = 0; i < n; i += 2)
		lan->node[i].group = 1;
	lan_run(lan, MINUTE);
	assert_true(lan_complete(lan));
	lan_clear_figures(lan);
	for (i = 0; i < n; i++)
		lan->node[i].group = 0;
	assert_true(lan_run_until_complete(lan, 30 * SECOND, &took));
	lan_run(lan, 2000);
	tell("partition of 60 s: %u nodes: whole again after %llu ms (interval %u ms), at most %u "
	     "kbit/s\n", n, (unsigned long long)took, disc_interval_for(n, 0),
	     lan_peak(lan) / 1000);
	/* It is looked at every 50 ms. */
	assert_true(took <= disc_interval_for(n, 0) + 50);
	assert_true(lan_peak(lan) <= 2 * RATE);
	lan_free(lan);
}

static void one_number_for_all_is_sorted_out(void **state)
{
	unsigned int n = 40, i, moved;
	struct lan *lan = lan_new(n, 9);

	(void)state;
	lan->loss = 0.05;
	for (i = 0; i < n; i++) {
		lan->node[i].number = 775;
		lan_boot(lan, i);
		lan_run(lan, i < n / 2 ? 0 : 150);
	}
	for (i = 0; i < 60 && !lan_numbers_settled(lan); i++)
		lan_run(lan, 500);
	tell("same number: %u nodes: settled after %u.%u s\n", n, i / 2, i % 2 * 5);
	assert_true(lan_numbers_settled(lan));
	moved = lan->renumbered;
	assert_true(moved >= n - 1);
	/* and for good */
	lan_run(lan, MINUTE);
	assert_int_equal(lan->renumbered, moved);
	lan_free(lan);
}

static void who_has_a_number_keeps_it(void **state)
{
	struct lan *lan = settled(20, 10, 0);
	unsigned int i;

	(void)state;
	for (i = 10; i < 20; i++) {
		lan->node[i].number = i - 9;
		lan_boot(lan, i);
	}
	lan_run(lan, 5 * SECOND);
	assert_true(lan_numbers_settled(lan));
	for (i = 0; i < 10; i++)
		assert_int_equal(disc_number(lan->node[i].disc), i + 1);
	/* A reboot, and the number is free for its old owner, and for the loser the same again. */
	for (i = 0; i < 10; i++) {
		uint16_t number = disc_number(lan->node[10 + i].disc);

		lan_cut_power(lan, 10 + i);
		lan_run(lan, 5 * SECOND);
		lan->node[10 + i].number = i + 1;
		lan_boot(lan, 10 + i);
		lan_run(lan, 3 * SECOND);
		assert_int_equal(disc_number(lan->node[10 + i].disc), number);
	}
	lan_free(lan);
}

static void clocks_may_jump(void **state)
{
	unsigned int n = 60, i;
	struct lan *lan = settled(n, n, 0);
	const int64_t back = 288000;

	(void)state;
	lan_run(lan, 300 * SECOND);
	for (i = 0; i < n; i++) {
		lan->node[i].clock += i % 2 ? 288000 : -back;
		lan->node[i].wake = 0;
		lan_run(lan, 100);
	}
	lan_run(lan, MINUTE);
	assert_true(lan_complete(lan));
	assert_int_equal(lan->false_deaths, 0);
	lan_free(lan);
}

static void a_new_boot_is_told_from_the_old(void **state)
{
	unsigned int n = 20;
	struct lan *lan = settled(n, n, 0);

	(void)state;
	lan_cut_power(lan, 3);
	lan_run(lan, 300);
	lan->node[3].timed = true;
	lan_boot(lan, 3);
	lan_run(lan, 2500);
	assert_int_equal(lan->returned, n - 1);
	assert_int_equal(lan->died.n, n - 1);
	assert_true(lan_complete(lan));
	assert_int_equal(disc_number(lan->node[3].disc), 4);
	assert_int_equal(lan->renumbered, 0);
	lan_free(lan);
}

static void very_many_are_no_more_noise(void **state)
{
	unsigned int n = size(3000, 10000), i;
	struct lan *lan = lan_new(8, 3);

	(void)state;
	for (i = 0; i < 8; i++)
		lan_boot(lan, i);
	lan_add_chorus(lan, n);
	lan_run(lan, 4ull * disc_interval_for(n, 0));
	lan_clear_figures(lan);
	lan_run(lan, 2ull * disc_interval_for(n, 0));
	for (i = 0; i < 8; i++)
		assert_int_equal(disc_live(lan->node[i].disc), n + 7);
	tell("very many: %u nodes (8 of them whole): interval %u ms, traffic %u kbit/s\n",
	     n + 8, disc_interval(lan->node[0].disc), lan_rate(lan) / 1000);
	assert_true(lan_rate(lan) <= RATE);
	assert_int_equal(lan->died.n + lan->false_deaths, 0);
	lan_free(lan);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_newcomer_is_seen_at_once),
		cmocka_unit_test(a_goodbye_is_heard_at_once),
		cmocka_unit_test(silent_death_is_declared_in_time),
		cmocka_unit_test(nobody_is_declared_dead_who_is_not),
		cmocka_unit_test(bad_wires_are_lived_with),
		cmocka_unit_test(all_at_once),
		cmocka_unit_test(halves_find_together),
		cmocka_unit_test(one_number_for_all_is_sorted_out),
		cmocka_unit_test(who_has_a_number_keeps_it),
		cmocka_unit_test(clocks_may_jump),
		cmocka_unit_test(a_new_boot_is_told_from_the_old),
		cmocka_unit_test(very_many_are_no_more_noise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
