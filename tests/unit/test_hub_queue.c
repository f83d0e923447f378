// SPDX-License-Identifier: GPL-2.0-only
/* The hub's delay queue: by time, then by order of entry, and never too much. */
// sources: ci/hub/queue.c
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ci/hub/queue.h"

static int new_queue(void **state)
{
	struct hub_queue *q = calloc(1, sizeof(*q));

	q->bytes_max = 1 << 20;
	*state = q;
	return 0;
}

static int end_queue(void **state)
{
	hub_queue_free(*state);
	free(*state);
	return 0;
}

static void add(struct hub_queue *q, uint64_t due, uint32_t mark)
{
	assert_int_equal(hub_queue_add(q, due, 1, 2, &mark, sizeof(mark)), 0);
}

static void expect(struct hub_queue *q, uint64_t now, uint32_t mark)
{
	struct hub_packet *p = hub_queue_take(q, now);

	assert_non_null(p);
	assert_int_equal(p->len, sizeof(mark));
	assert_memory_equal(p->data, &mark, sizeof(mark));
	assert_int_equal(p->from, 1);
	assert_int_equal(p->to, 2);
	free(p);
}

static void nothing_before_its_time(void **state)
{
	struct hub_queue *q = *state;

	assert_null(hub_queue_take(q, UINT64_MAX));
	assert_true(hub_queue_next_ns(q) == UINT64_MAX);
	add(q, 100, 1);
	assert_int_equal(hub_queue_next_ns(q), 100);
	assert_null(hub_queue_take(q, 99));
	expect(q, 100, 1);
	assert_int_equal(q->bytes, 0);
}

static void same_time_in_order_of_entry(void **state)
{
	for (uint32_t i = 0; i < 500; i++)
		add(*state, 7, i);
	for (uint32_t i = 0; i < 500; i++)
		expect(*state, 7, i);
}

static void any_order_comes_out_sorted(void **state)
{
	struct hub_queue *q = *state;
	unsigned int seed = 3;
	uint64_t last = 0;

	for (int i = 0; i < 3000; i++)
		add(q, (uint64_t)rand_r(&seed) % 1000, 0);
	for (int i = 0; i < 3000; i++) {
		struct hub_packet *p = hub_queue_take(q, 1000);

		assert_non_null(p);
		assert_true(p->due_ns >= last);
		last = p->due_ns;
		free(p);
	}
	assert_null(hub_queue_take(q, UINT64_MAX));
}

static void bytes_are_bounded(void **state)
{
	struct hub_queue *q = *state;
	static const uint8_t frame[1000];

	q->bytes_max = 2500;
	assert_int_equal(hub_queue_add(q, 1, 0, 1, frame, sizeof(frame)), 0);
	assert_int_equal(hub_queue_add(q, 2, 0, 1, frame, sizeof(frame)), 0);
	assert_int_equal(hub_queue_add(q, 3, 0, 1, frame, sizeof(frame)), -ENOBUFS);
	free(hub_queue_take(q, 1));
	assert_int_equal(hub_queue_add(q, 3, 0, 1, frame, sizeof(frame)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_before_its_time, new_queue, end_queue),
		cmocka_unit_test_setup_teardown(same_time_in_order_of_entry, new_queue, end_queue),
		cmocka_unit_test_setup_teardown(any_order_comes_out_sorted, new_queue, end_queue),
		cmocka_unit_test_setup_teardown(bytes_are_bounded, new_queue, end_queue),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
