// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a process declares of itself: how it is written, what takes back what,
 * and what it means.
 */

#include <kunit/test.h>

#include "../internal.h"
#include "selftest.h"

struct parse_case {
	const char *text;
	int ret;
	u16 interval;
	u16 keep;
};

static const struct parse_case parse_cases[] = {
	{ "5 900",	0, 5, 900 },
	{ " 1 0\n",	0, 1, 0 },
	{ "3600 1000",	0, 3600, 1000 },
	{ "3601 1000",	-ERANGE },
	{ "0 900",	-ERANGE },
	{ "5 1001",	-ERANGE },
	{ "5",		-EINVAL },
	{ "5 900 1",	-EINVAL },
	{ "fast",	-EINVAL },
	{ "",		-EINVAL },
};

KUNIT_ARRAY_PARAM_DESC(parse, parse_cases, text);

static void wish_parse(struct kunit *test)
{
	const struct parse_case *c = test->param_value;
	struct hpc_wish wish = { .job = HPC_JOB_CPU };

	KUNIT_EXPECT_EQ(test, hpc_wish_parse(c->text, &wish), c->ret);
	KUNIT_EXPECT_EQ(test, wish.decay,
			c->ret ? HPC_DECAY_DEFAULT : HPC_DECAY_OWN);
	KUNIT_EXPECT_EQ(test, wish.interval, c->interval);
	KUNIT_EXPECT_EQ(test, wish.keep, c->keep);
	KUNIT_EXPECT_EQ(test, wish.job, HPC_JOB_CPU);
}

static void wish_set(struct kunit *test)
{
	struct hpc_wish wish = {};

	hpc_wish_set(&wish, HPC_JOB_CPU, 0, true);
	hpc_wish_set(&wish, 0, HPC_DECAY_SLOW, true);
	KUNIT_EXPECT_EQ(test, wish.job, HPC_JOB_CPU);
	KUNIT_EXPECT_EQ(test, wish.decay, HPC_DECAY_SLOW);
	/* What it is not cannot be taken back. */
	hpc_wish_set(&wish, HPC_JOB_IO, 0, false);
	hpc_wish_set(&wish, 0, HPC_DECAY_FAST, false);
	KUNIT_EXPECT_EQ(test, wish.job, HPC_JOB_CPU);
	KUNIT_EXPECT_EQ(test, wish.decay, HPC_DECAY_SLOW);
	hpc_wish_set(&wish, HPC_JOB_IO, 0, true);
	KUNIT_EXPECT_EQ(test, wish.job, HPC_JOB_IO);
	hpc_wish_set(&wish, HPC_JOB_IO, 0, false);
	KUNIT_EXPECT_EQ(test, wish.job, HPC_JOB_UNKNOWN);
}

static void wish_decay(struct kunit *test)
{
	struct hpc_wish wish = {}, own = {
		.decay = HPC_DECAY_OWN, .interval = 7, .keep = 500,
	};
	u32 interval, keep, fast;

	hpc_wish_decay(&wish, &interval, &fast);
	wish.decay = HPC_DECAY_FAST;
	hpc_wish_decay(&wish, &interval, &keep);
	KUNIT_EXPECT_EQ(test, keep, fast);
	wish.decay = HPC_DECAY_SLOW;
	hpc_wish_decay(&wish, &interval, &keep);
	KUNIT_EXPECT_GE(test, keep, fast);
	wish.decay = HPC_DECAY_NONE;
	hpc_wish_decay(&wish, &interval, &keep);
	KUNIT_EXPECT_EQ(test, keep, HPC_DECAY_ONE);
	hpc_wish_decay(&own, &interval, &keep);
	KUNIT_EXPECT_EQ(test, interval, 7);
	KUNIT_EXPECT_EQ(test, keep, 500);
}

static struct kunit_case admin_cases[] = {
	KUNIT_CASE_PARAM(wish_parse, parse_gen_params),
	KUNIT_CASE(wish_set),
	KUNIT_CASE(wish_decay),
	{}
};

struct kunit_suite hpc_admin_suite = {
	.name		= "hpc_admin",
	.test_cases	= admin_cases,
};
