// SPDX-License-Identifier: GPL-2.0-only
/*
 * How many bytes of each range come back: both halves of a process must find the
 * same, or the stream between them means nothing.
 */

#include <kunit/test.h>

#include "../ranges.h"
#include "selftest.h"

static struct hpc_wire_range range(u32 kind, u32 len)
{
	return (struct hpc_wire_range) {
		.addr	= cpu_to_le64(PAGE_SIZE),
		.len	= cpu_to_le32(len),
		.kind	= cpu_to_le32(kind),
	};
}

struct out_case {
	const char *name;
	u32 kind;
	u32 len;
	long ret;
	u32 out;
};

static const struct out_case out_cases[] = {
	{ "read only",		HPC_RANGE_IN, 100, 0, 0 },
	{ "written",		HPC_RANGE_OUT, 100, 0, 100 },
	{ "written, failed",	HPC_RANGE_OUT, 100, -EBADF, 0 },
	{ "written, to be restarted", HPC_RANGE_OUT, 100, -512, 0 },
	{ "always, failed",	HPC_RANGE_OUT | HPC_RANGE_ALWAYS, 16, -EINTR, 16 },
	{ "as returned",	HPC_RANGE_OUT | HPC_RANGE_RET, 100, 7, 7 },
	{ "more than there is",	HPC_RANGE_OUT | HPC_RANGE_RET, 100, 700, 100 },
	{ "nothing returned",	HPC_RANGE_OUT | HPC_RANGE_RET, 100, 0, 0 },
	{ "as returned, failed", HPC_RANGE_OUT | HPC_RANGE_RET, 100, -EAGAIN, 0 },
	/* No error, but a large result such as an offset. */
	{ "large result",	HPC_RANGE_OUT, 8, LONG_MIN / 2, 8 },
};

KUNIT_ARRAY_PARAM_DESC(out, out_cases, name);

static void range_out(struct kunit *test)
{
	const struct out_case *c = test->param_value;
	struct hpc_wire_range r = range(c->kind, c->len);
	u64 left = hpc_ret_bytes(c->ret);

	KUNIT_EXPECT_EQ(test, hpc_range_out(&r, c->ret, &left), c->out);
}

/* readv(): the first buffers are filled first. */
static void vector_out(struct kunit *test)
{
	struct hpc_wire_range r[] = {
		range(HPC_RANGE_IN, 48),
		range(HPC_RANGE_OUT | HPC_RANGE_RET, 10),
		range(HPC_RANGE_OUT | HPC_RANGE_RET, 10),
		range(HPC_RANGE_OUT | HPC_RANGE_RET, 10),
	};
	const u32 want[] = { 0, 10, 5, 0 };
	u64 left = hpc_ret_bytes(15);
	int i;

	for (i = 0; i < ARRAY_SIZE(r); i++)
		KUNIT_EXPECT_EQ(test, hpc_range_out(&r[i], 15, &left), want[i]);
	KUNIT_EXPECT_EQ(test, left, 0);
}

static struct kunit_case ranges_cases[] = {
	KUNIT_CASE_PARAM(range_out, out_gen_params),
	KUNIT_CASE(vector_out),
	{}
};

struct kunit_suite hpc_ranges_suite = {
	.name		= "hpc_ranges",
	.test_cases	= ranges_cases,
};
