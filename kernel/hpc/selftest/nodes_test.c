// SPDX-License-Identifier: GPL-2.0-only
/*
 * The node table: what is refused, what comes back, what order it comes in;
 * and the arithmetic of the load figure.
 */

#include <kunit/test.h>
#include <linux/socket.h>

#include "../internal.h"
#include "selftest.h"

static struct hpc_node valid_node(u32 id)
{
	return (struct hpc_node) {
		.id	= id,
		.status	= HPC_NODE_UP,
		.cpus	= 4,
		.speed	= 30000,
		.load	= 50,
		.util	= 99,
		.naddrs	= 1,
		.mem	= 1ULL << 33,
		.rmem	= 1ULL << 32,
		.tmem	= 1ULL << 34,
		.addr	= { { .family = AF_INET, .addr = { 10, 0, 0, 1 } } },
	};
}

struct check_case {
	const char *name;
	void (*spoil)(struct hpc_node *node);
	int ret;
};

static void spoil_nothing(struct hpc_node *n)	{ }
static void spoil_id_none(struct hpc_node *n)	{ n->id -= n->id; }
static void spoil_id_large(struct hpc_node *n)	{ n->id = HPC_NODE_MAX + 1; }
static void id_largest(struct hpc_node *n)	{ n->id = HPC_NODE_MAX; }
static void spoil_status_self(struct hpc_node *n) { n->status |= HPC_NODE_SELF; }
static void spoil_status_new(struct hpc_node *n) { n->status |= 0x8000; }
static void spoil_cpus(struct hpc_node *n)	{ n->cpus = HPC_CPUS_MAX + 1; }
static void spoil_speed(struct hpc_node *n)	{ n->speed = HPC_SPEED_MAX + 1; }
static void spoil_util(struct hpc_node *n)	{ n->util = HPC_UTIL_MAX + 1; }
static void spoil_naddrs(struct hpc_node *n)	{ n->naddrs = HPC_NODE_ADDRS + 1; }
static void spoil_addr_hidden(struct hpc_node *n) { n->addr[1].family = AF_INET; }
static void spoil_addr_family(struct hpc_node *n) { n->addr[0].family = AF_UNIX; }
static void spoil_addr_tail(struct hpc_node *n)	{ n->addr[0].addr[4] = 1; }
static void spoil_addr_scope(struct hpc_node *n) { n->addr[0].scope = 1; }
static void addr_none(struct hpc_node *n)
{
	n->naddrs = 0;
	memset(n->addr, 0, sizeof(n->addr));
}
static void addr_ipv6(struct hpc_node *n)
{
	n->addr[0].family = AF_INET6;
	n->addr[0].scope = 2;
	memset(n->addr[0].addr, 0xfe, 16);
}

static const struct check_case check_cases[] = {
	{ "valid",			spoil_nothing,		0 },
	{ "largest number",		id_largest,		0 },
	{ "no address",			addr_none,		0 },
	{ "IPv6",			addr_ipv6,		0 },
	{ "number 0",			spoil_id_none,		-EINVAL },
	{ "number too large",		spoil_id_large,		-EINVAL },
	{ "claims to be self",		spoil_status_self,	-EINVAL },
	{ "unknown status bit",		spoil_status_new,	-EINVAL },
	{ "too many processors",	spoil_cpus,		-EINVAL },
	{ "too fast",			spoil_speed,		-EINVAL },
	{ "more than 100 percent",	spoil_util,		-EINVAL },
	{ "too many addresses",		spoil_naddrs,		-EINVAL },
	{ "address beyond the count",	spoil_addr_hidden,	-EINVAL },
	{ "unknown address family",	spoil_addr_family,	-EINVAL },
	{ "IPv4 with a tail",		spoil_addr_tail,	-EINVAL },
	{ "IPv4 with a scope",		spoil_addr_scope,	-EINVAL },
};

KUNIT_ARRAY_PARAM_DESC(check, check_cases, name);

static void node_check(struct kunit *test)
{
	const struct check_case *c = test->param_value;
	struct hpc_node node = valid_node(7);

	c->spoil(&node);
	KUNIT_EXPECT_EQ(test, hpc_node_check(&node), c->ret);
}

static struct kunit_case nodes_cases[] = {
	KUNIT_CASE_PARAM(node_check, check_gen_params),
	{}
};

struct kunit_suite hpc_nodes_suite = {
	.name		= "hpc_nodes",
	.test_cases	= nodes_cases,
};

static void load_normalise(struct kunit *test)
{
	/* One job on one standard processor is 100. */
	KUNIT_EXPECT_EQ(test, 100, hpc_load_normalise(1000, 1, HPC_SPEED_STANDARD));
	/* Twice the processors or twice the speed halve it. */
	KUNIT_EXPECT_EQ(test, 50, hpc_load_normalise(1000, 2, HPC_SPEED_STANDARD));
	KUNIT_EXPECT_EQ(test, 50, hpc_load_normalise(1000, 1, 2 * HPC_SPEED_STANDARD));
	KUNIT_EXPECT_EQ(test, 25, hpc_load_normalise(500, 2, HPC_SPEED_STANDARD));
	KUNIT_EXPECT_EQ(test, 0, hpc_load_normalise(0, 64, 1));
	/* No processors yet: no load, and no division by zero. */
	KUNIT_EXPECT_EQ(test, 0, hpc_load_normalise(1000, 0, HPC_SPEED_STANDARD));
	KUNIT_EXPECT_EQ(test, 0, hpc_load_normalise(1000, 1, 0));
	KUNIT_EXPECT_EQ(test, U32_MAX, hpc_load_normalise(U32_MAX, 1, 1));
}

static void load_running(struct kunit *test)
{
	/* All processors are in use: those who wait count as well. */
	KUNIT_EXPECT_EQ(test, 3000, hpc_load_running(3, 1000, 1));
	KUNIT_EXPECT_EQ(test, 8000, hpc_load_running(8, 4000, 4));
	/* One of four. */
	KUNIT_EXPECT_EQ(test, 1000, hpc_load_running(1, 1000, 4));
	KUNIT_EXPECT_EQ(test, 1000, hpc_load_running(2, 1000, 4));
	/* Somebody was seen who is hardly ever there. */
	KUNIT_EXPECT_EQ(test, 50, hpc_load_running(1, 50, 1));
	KUNIT_EXPECT_EQ(test, 100, hpc_load_running(2, 50, 1));
	KUNIT_EXPECT_EQ(test, 500, hpc_load_running(1, 500, 1));
	/* Nobody was, though somebody is there often. */
	KUNIT_EXPECT_EQ(test, 0, hpc_load_running(0, 1000, 1));
	KUNIT_EXPECT_EQ(test, 0, hpc_load_running(5, 0, 1));
	KUNIT_EXPECT_EQ(test, 0, hpc_load_running(5, 1000, 0));
}

static struct kunit_case load_cases[] = {
	KUNIT_CASE(load_running),
	KUNIT_CASE(load_normalise),
	{}
};

struct kunit_suite hpc_load_suite = {
	.name		= "hpc_load",
	.test_cases	= load_cases,
};
