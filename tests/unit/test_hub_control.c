// SPDX-License-Identifier: GPL-2.0-only
/* The hub's control language, and what it does to frames on the LAN. */
// sources: ci/hub/control.c ci/hub/lan.c ci/hub/fate.c ci/hub/queue.c
// libs: -lm
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ci/hub/control.h"

static struct hub_lan lan;
static char reply[65536], recorded[64];
static uint64_t recorded_max;
static int pcap_result;

static int fake_pcap(void *arg, const char *path, uint64_t bytes_max)
{
	(void)arg;
	snprintf(recorded, sizeof(recorded), "%s", path ? path : "(off)");
	recorded_max = bytes_max;
	return pcap_result;
}

static void fake_quit(void *arg)
{
	(void)arg;
	snprintf(recorded, sizeof(recorded), "quit");
}

static const char *tell(const char *command)
{
	static const struct hub_control_ops ops = { fake_pcap, fake_quit, NULL };
	char line[HUB_LINE_MAX];

	snprintf(line, sizeof(line), "%s", command);
	hub_control(&lan, &ops, line, reply, sizeof(reply));
	return reply;
}

static void ok(const char *command)
{
	assert_string_equal(tell(command), "ok\n");
}

static int new_lan(void **state)
{
	(void)state;
	hub_lan_init(&lan, 42);
	pcap_result = 0;
	assert_int_equal(hub_lan_add_port(&lan, "a"), 0);
	assert_int_equal(hub_lan_add_port(&lan, "b"), 1);
	assert_int_equal(hub_lan_add_port(&lan, "c"), 2);
	return 0;
}

static int end_lan(void **state)
{
	(void)state;
	hub_queue_free(&lan.queue);
	return 0;
}

/* Sends one frame from a port; returns who gets it, in order, as letters. */
static const char *hears(unsigned int from, uint64_t now)
{
	static char who[64];
	struct hub_packet *p;
	size_t n = 0;

	hub_lan_enter(&lan, from, "frame", 5, now);
	while ((p = hub_queue_take(&lan.queue, now)) && n < sizeof(who) - 1) {
		assert_int_equal(p->len, 5);
		assert_int_equal(p->from, from);
		who[n++] = (char)('a' + p->to);
		free(p);
	}
	who[n] = '\0';
	return who;
}

static void a_frame_goes_to_all_others(void **state)
{
	(void)state;
	assert_string_equal(hears(0, 1), "bc");
	assert_string_equal(hears(1, 1), "ac");
	assert_string_equal(hears(2, 1), "ab");
	assert_int_equal(lan.stats[0].in_frames, 1);
	assert_int_equal(lan.stats[0].in_bytes, 5);
}

static void ports_have_sane_and_single_names(void **state)
{
	(void)state;
	assert_int_equal(hub_lan_add_port(&lan, "a"), -EEXIST);
	assert_int_equal(hub_lan_add_port(&lan, ""), -EINVAL);
	assert_int_equal(hub_lan_add_port(&lan, "*"), -EINVAL);
	assert_int_equal(hub_lan_add_port(&lan, "x y"), -EINVAL);
	assert_int_equal(hub_lan_add_port(&lan, "12345678901234567890123456789012"), -EINVAL);
	for (int i = 3; i < HUB_PORTS_MAX; i++) {
		char name[16];

		snprintf(name, sizeof(name), "p%d", i);
		assert_int_equal(hub_lan_add_port(&lan, name), i);
	}
	assert_int_equal(hub_lan_add_port(&lan, "one-more"), -ENOSPC);
}

static void cut_is_one_way(void **state)
{
	(void)state;
	ok("set a b cut=1");
	assert_string_equal(hears(0, 1), "c");
	assert_string_equal(hears(1, 1), "ac");
	assert_int_equal(lan.stats[1].cut, 1);
	ok("heal");
	assert_string_equal(hears(0, 1), "bc");
}

static void partition_replaces_the_one_before(void **state)
{
	(void)state;
	ok("partition a,b|c");
	assert_string_equal(hears(0, 1), "b");
	assert_string_equal(hears(2, 1), "");
	ok("partition a|b");		/* c is in no group */
	assert_string_equal(hears(0, 1), "c");
	assert_string_equal(hears(1, 1), "c");
	assert_string_equal(hears(2, 1), "ab");
	ok("heal");
	assert_string_equal(hears(2, 1), "ab");
}

static void heal_leaves_loss_and_clear_takes_all(void **state)
{
	(void)state;
	ok("set * * loss=1 cut=1");
	ok("heal");
	assert_string_equal(hears(0, 1), "");
	assert_int_equal(lan.stats[1].lost, 1);
	ok("clear");
	assert_string_equal(hears(0, 1), "bc");
}

static void duplicates_are_counted(void **state)
{
	(void)state;
	ok("set a b dup=1");
	assert_string_equal(hears(0, 1), "bbc");
	assert_int_equal(lan.stats[1].duplicated, 1);
}

static void jitter_alone_keeps_the_order(void **state)
{
	uint64_t last = 0;
	struct hub_packet *p;

	(void)state;
	ok("set a b delay=10 jitter=10");
	ok("set a c cut=1");
	for (uint32_t i = 0; i < 200; i++)
		hub_lan_enter(&lan, 0, &i, sizeof(i), i * 1000);
	for (uint32_t i = 0; i < 200; i++) {
		p = hub_queue_take(&lan.queue, UINT64_MAX - 1);
		assert_non_null(p);
		assert_memory_equal(p->data, &i, sizeof(i));
		assert_true(p->due_ns >= last);
		last = p->due_ns;
		free(p);
	}
}

static void reorder_lets_frames_overtake(void **state)
{
	unsigned int overtaken = 0;
	uint32_t highest = 0, mark;
	struct hub_packet *p;

	(void)state;
	ok("set a b reorder=0.3 gap=0.01");	/* as long as ten frames take */
	ok("set a c cut=1");
	for (uint32_t i = 0; i < 300; i++)
		hub_lan_enter(&lan, 0, &i, sizeof(i), i * 1000);
	while ((p = hub_queue_take(&lan.queue, UINT64_MAX - 1))) {
		memcpy(&mark, p->data, sizeof(mark));
		overtaken += mark < highest;
		highest = mark > highest ? mark : highest;
		free(p);
	}
	assert_in_range(lan.stats[1].reordered, 60, 120);
	assert_in_range(overtaken, lan.stats[1].reordered * 9 / 10, 120);
}

static void full_queue_counts_overruns(void **state)
{
	(void)state;
	lan.queue.bytes_max = 7;
	ok("set * * delay=1");
	hub_lan_enter(&lan, 0, "frame", 5, 0);
	assert_int_equal(lan.stats[1].overrun + lan.stats[2].overrun, 1);
}

static void show_tells_what_was_set(void **state)
{
	(void)state;
	ok("set a b loss=0.05 delay=15 jitter=5");
	assert_string_equal(tell("show"), "data seed=0x000000000000002a\n"
		"data from=a to=b loss=0.05 dup=0 reorder=0 delay=15 jitter=5 gap=5 cut=0\nok\n");
	ok("set a b delay=0");	/* the rest stays */
	assert_non_null(strstr(tell("show"), "loss=0.05 dup=0 reorder=0 delay=0 jitter=5"));
}

static void stats_has_a_line_per_port(void **state)
{
	(void)state;
	hears(0, 1);
	assert_non_null(strstr(tell("stats"), "data port=a in_frames=1 in_bytes=5 "));
	assert_non_null(strstr(reply, "data port=c in_frames=0"));
}

static void nonsense_changes_nothing(void **state)
{
	static const char *const bad[] = {
		"", "   ", "sett a b cut=1", "set a", "set a b", "set a x cut=1",
		"set x a cut=1",
		"set a b cut=2", "set a b cut=0.5", "set a b loss=1.1", "set a b loss=-1",
		"set a b loss=nan", "set a b loss=", "set a b loss=0.1x", "set a b loss",
		"set a b delay=inf", "set a b delay=4e6", "set a b loss=1 luck=1",
		"partition", "partition a", "partition a|x", "partition a|a", "partition a|b c",
		"pcap", "pcap x y z", "pcap x -1", "pcap x much",
		"set a b loss=1 loss=1 loss=1 loss=1 loss=1 loss=1 loss=1 loss=1 loss=1 loss=1"
		" loss=1 loss=1 loss=1 loss=1",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(strncmp(tell(bad[i]), "error ", 6), 0);
		assert_string_equal(tell("show"), "data seed=0x000000000000002a\nok\n");
	}
}

static void recording_is_handed_on(void **state)
{
	(void)state;
	ok("pcap /tmp/x.pcap 2");
	assert_string_equal(recorded, "/tmp/x.pcap");
	assert_int_equal(recorded_max, 2 << 20);
	ok("pcap off");
	assert_string_equal(recorded, "(off)");
	pcap_result = -ENOENT;
	assert_non_null(strstr(tell("pcap /no/x"), "error No such file or directory '/no/x'"));
	ok("quit");
	assert_string_equal(recorded, "quit");
}

static void long_answers_are_cut_not_overrun(void **state)
{
	static const struct hub_control_ops ops = { fake_pcap, fake_quit, NULL };
	char line[] = "stats", little[40];

	(void)state;
	memset(little, 'x', sizeof(little));
	hub_control(&lan, &ops, line, little, sizeof(little) - 1);
	assert_int_equal(strlen(little), sizeof(little) - 2);
	assert_int_equal(little[sizeof(little) - 1], 'x');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_frame_goes_to_all_others, new_lan, end_lan),
		cmocka_unit_test_setup_teardown(ports_have_sane_and_single_names, new_lan, end_lan),
		cmocka_unit_test_setup_teardown(cut_is_one_way, new_lan, end_lan),
		cmocka_unit_test_setup_teardown(partition_replaces_the_one_before, new_lan, end_lan),
		cmocka_unit_test_setup_teardown(heal_leaves_loss_and_clear_takes_all, new_lan, end_lan),
		cmocka_unit_test_setup_teardown(duplicates_are_counted, new_lan, end_lan),
		cmocka_unit_test_setup_teardown(jitter_alone_keeps_the_order, new_lan, end_lan),
		cmocka_unit_test_setup_teardown(reorder_lets_frames_overtake, new_lan, end_lan),
		cmocka_unit_test_setup_teardown(full_queue_counts_overruns, new_lan, end_lan),
		cmocka_unit_test_setup_teardown(show_tells_what_was_set, new_lan, end_lan),
		cmocka_unit_test_setup_teardown(stats_has_a_line_per_port, new_lan, end_lan),
		cmocka_unit_test_setup_teardown(nonsense_changes_nothing, new_lan, end_lan),
		cmocka_unit_test_setup_teardown(recording_is_handed_on, new_lan, end_lan),
		cmocka_unit_test_setup_teardown(long_answers_are_cut_not_overrun, new_lan, end_lan),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
