// SPDX-License-Identifier: GPL-2.0-only
// sources: userland/libhpc/map.c userland/libhpc/address.c
/* openmosix.map: what is read, what is refused, and in which words. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "hpc.h"

static struct hpc_map map;
static struct hpc_map_error err;

static int resolve(const char *name, struct hpc_addr *ret_addr, void *arg)
{
	(void)arg;
	if (!strcmp(name, "alpha"))
		return hpc_addr_parse("10.0.0.1", ret_addr);
	if (!strcmp(name, "beta"))
		return hpc_addr_parse("10.0.0.2", ret_addr);
	if (!strcmp(name, "myself"))
		return hpc_addr_parse("127.0.1.1", ret_addr);
	if (!strcmp(name, "fe80::7%eth0")) {
		hpc_addr_parse("fe80::7", ret_addr);
		ret_addr->scope = 3;
		return 0;
	}
	return !strcmp(name, "later") ? -EAGAIN : -ENOENT;
}

static int parse(const char *text)
{
	memset(&map, 0xa5, sizeof(map));
	memset(&err, 0, sizeof(err));
	return hpc_map_parse(text, strlen(text), resolve, NULL, &map, &err);
}

static void assert_node(uint32_t id, const char *addresses)
{
	char text[1024] = "", one[HPC_ADDR_TEXT];
	struct hpc_node n;
	uint32_t i;

	assert_int_equal(hpc_map_next(&map, id, &n), 0);
	assert_int_equal(n.id, id);
	assert_int_equal(n.status, 0);
	for (i = 0; i < n.naddrs; i++) {
		hpc_addr_format(&n.addr[i], NULL, one);
		strcat(text, i ? " " : "");
		strcat(text, one);
	}
	assert_string_equal(text, addresses);
}

static uint32_t find(const char *address)
{
	struct hpc_addr a;
	uint32_t id;

	assert_int_equal(hpc_addr_parse(address, &a), 0);
	return hpc_map_find(&map, &a, &id) ? 0 : id;
}

/* --- maps that are right ------------------------------------------------------------- */

static void one_line(void **state)
{
	(void)state;
	assert_int_equal(parse("1 10.0.0.1 1\n"), 0);
	assert_int_equal(map.n, 1);
	assert_int_equal(hpc_map_nodes(&map), 1);
	assert_node(1, "10.0.0.1");
}

static void blanks_and_comments(void **state)
{
	(void)state;
	assert_int_equal(parse("# a map\n"
			       "\n"
			       "  \t \r\n"
			       "\t1\t10.0.0.1  1   # the first\r\n"
			       "  # nothing\n"
			       "2 10.0.0.2 1#last, without newline"), 0);
	assert_int_equal(map.n, 2);
	assert_int_equal(map.entry[0].line, 4);
	assert_int_equal(map.entry[1].line, 6);
	assert_node(2, "10.0.0.2");
}

static void ranges_count_on(void **state)
{
	struct hpc_node n;

	(void)state;
	assert_int_equal(parse("10 192.168.0.254 4\n"
			       "65535 192.168.9.9 1\n"), 0);
	assert_int_equal(hpc_map_nodes(&map), 5);
	assert_node(10, "192.168.0.254");
	assert_node(12, "192.168.1.0");
	assert_node(13, "192.168.1.1");
	assert_int_equal(hpc_map_next(&map, 14, &n), 0);
	assert_int_equal(n.id, 65535);
	assert_int_equal(hpc_map_next(&map, 65536, &n), -ENOENT);
}

static void whole_cluster_in_one_line(void **state)
{
	(void)state;
	assert_int_equal(parse("1 10.1.0.0 65535\n"), 0);
	assert_node(65535, "10.1.255.254");
	assert_int_equal(find("10.1.255.254"), 65535);
	assert_int_equal(find("10.1.255.255"), 0);
}

static void walk_is_in_order_of_numbers(void **state)
{
	static const uint32_t expected[] = { 3, 7, 8, 20, 21 };
	uint32_t from = 0;
	struct hpc_node n;
	size_t i;

	(void)state;
	assert_int_equal(parse("20 10.0.0.1 2\n3 10.0.1.1 1\n7 10.0.2.1 2\n"), 0);
	for (i = 0; i < 5; i++) {
		assert_int_equal(hpc_map_next(&map, from, &n), 0);
		assert_int_equal(n.id, expected[i]);
		from = n.id + 1;
	}
	assert_int_equal(hpc_map_next(&map, from, &n), -ENOENT);
}

static void aliases_add_addresses(void **state)
{
	(void)state;
	assert_int_equal(parse("2 10.5.0.2 ALIAS\n"
			       "1 10.0.0.1 3\n"
			       "2 10.6.0.2 0\n"
			       "2 10.7.0.2 alias\n"), 0);
	assert_int_equal(hpc_map_nodes(&map), 3);
	assert_node(1, "10.0.0.1");
	assert_node(2, "10.0.0.2 10.5.0.2 10.6.0.2 10.7.0.2");
	assert_int_equal(find("10.6.0.2"), 2);
	assert_int_equal(find("10.0.0.3"), 3);
}

static void eight_addresses_are_enough(void **state)
{
	char text[512] = "1 10.0.0.1 1\n";
	int i;

	(void)state;
	for (i = 2; i <= 8; i++)
		sprintf(text + strlen(text), "1 10.0.0.%d ALIAS\n", i);
	assert_int_equal(parse(text), 0);
	assert_node(1, "10.0.0.1 10.0.0.2 10.0.0.3 10.0.0.4 10.0.0.5 10.0.0.6 10.0.0.7 10.0.0.8");

	strcat(text, "1 10.0.0.9 ALIAS\n");
	assert_int_equal(parse(text), -EINVAL);
	assert_int_equal(err.line, 9);
	assert_non_null(strstr(err.text, "more than 8 addresses"));
}

static void names_are_resolved(void **state)
{
	(void)state;
	assert_int_equal(parse("1 alpha 1\n2 beta 1\n"), 0);
	assert_node(1, "10.0.0.1");
	assert_node(2, "10.0.0.2");
}

static void ipv6(void **state)
{
	(void)state;
	assert_int_equal(parse("1 fd00::ffff 3\n9 fe80::7%eth0 1\n"), 0);
	assert_node(1, "fd00::ffff");
	assert_node(2, "fd00::1:0");
	assert_node(9, "fe80::7%3");
	assert_int_equal(find("fd00::1:1"), 3);
	assert_int_equal(find("fd00::1:2"), 0);
	/* The scope is part of the address. */
	assert_int_equal(find("fe80::7"), 0);
}

static void most_lines(void **state)
{
	char text[8192] = "";
	int i;

	(void)state;
	for (i = 1; i <= 256; i++)
		sprintf(text + strlen(text), "%d 10.0.%d.1 1\n", i, i - 1);
	assert_int_equal(parse(text), 0);
	assert_int_equal(hpc_map_nodes(&map), 256);
	strcat(text, "300 10.1.0.1 1\n");
	assert_int_equal(parse(text), -EINVAL);
	assert_int_equal(err.line, 257);
	assert_string_equal(err.text, "a map has at most 256 lines");
}

/* --- maps that are wrong --------------------------------------------------------------- */

static const struct wrong {
	const char *text;
	unsigned int line;
	const char *says;
} wrong[] = {
	{ "", 0, "there is no node" },
	{ "# only words\n", 0, "there is no node" },
	{ "1\n", 1, "expected three fields, 'NUMBER ADDRESS COUNT', found one" },
	{ "\n\n1 10.0.0.1 # 1\n", 3, "found two" },
	{ "1 10.0.0.1 1 1\n", 1, "found more" },
	{ "0 10.0.0.1 1\n", 1, "node number 0 is not between 1 and 65535" },
	{ "65536 10.0.0.1 1\n", 1, "node number 65536 is not between" },
	{ "99999999999999999999 10.0.0.1 1\n", 1, "is not between" },
	{ "-1 10.0.0.1 1\n", 1, "'-1' is not a node number" },
	{ "0x10 10.0.0.1 1\n", 1, "'0x10' is not a node number" },
	{ "1 10.0.0.1 -1\n", 1, "'-1' is neither a number of machines nor ALIAS" },
	{ "1 10.0.0.1 ALIASES\n", 1, "'ALIASES' is neither" },
	{ "2 10.0.0.1 65535\n", 1, "65535 machines from number 2 on" },
	{ "1 10.0.0.1 4294967297\n", 1, "4294967297 machines from number 1 on" },
	{ "1 10.0.0 1\n", 1, "'10.0.0' is neither an address nor a known host name" },
	{ "1 10.0.0.256 1\n", 1, "'10.0.0.256' is neither" },
	{ "1 gamma 1\n", 1, "'gamma' is neither an address nor a known host name" },
	{ "1 later 1\n", 1, "host name 'later' could not be looked up: Resource temporarily" },
	{ "1 alpha 2\n", 1, "'alpha' is not an address, and only addresses can be counted" },
	{ "1 myself 1\n", 1, "'myself' is 127.0.1.1: that is a loopback address, which no other "
			     "machine can reach; correct /etc/hosts" },
	{ "1 127.0.0.1 1\n", 1, "127.0.0.1 is a loopback address" },
	{ "1 0.0.0.0 1\n", 1, "is not an address of a machine" },
	{ "1 224.0.0.1 1\n", 1, "is a multicast address" },
	{ "1 255.255.255.255 1\n", 1, "is not an address of a machine" },
	{ "1 255.255.255.250 9\n", 1, "is not an address of a machine" },
	{ "1 223.255.255.254 3\n", 1, "the last of 3 addresses, 224.0.0.0, is a multicast" },
	{ "1 126.255.255.254 3\n", 1, "the last of 3 addresses, 127.0.0.0, is a loopback" },
	{ "1 ::1 1\n", 1, "is a loopback address" },
	{ "1 ::ffff:10.0.0.1 1\n", 1, "IPv4 address in disguise" },
	{ "1 ff02::1 1\n", 1, "is a multicast address" },
	{ "1 fe80::1 1\n", 1, "write it with its interface" },
	{ "1 fe80::1%none 1\n", 1, "'fe80::1%none' is neither" },
	{ "1 10.0.0.1 3\n\n3 10.0.1.1 1\n", 3, "node number 3 is taken by line 1 already" },
	{ "5 10.0.0.1 1\n1 10.0.1.1 9\n", 2, "node number 5 is taken by line 1" },
	{ "1 10.0.0.1 1\n1 10.0.0.2 1\n", 2, "written with ALIAS" },
	{ "1 10.0.0.1 4\n9 10.0.0.4 2\n", 2, "address 10.0.0.4 is used by line 1 already" },
	{ "1 10.0.0.8 1\n9 10.0.0.1 9\n", 2, "address 10.0.0.8 is used by line 1 already" },
	{ "1 10.0.0.1 2\n1 10.0.0.2 ALIAS\n", 2, "address 10.0.0.2 is used by line 1" },
	{ "1 alpha 1\n2 10.0.0.1 1\n", 2, "address 10.0.0.1 is used by line 1" },
	{ "1 10.0.0.1 1\n2 10.0.0.2 ALIAS\n", 2, "ALIAS for node 2, which no line" },
	{ "1 10.0.0.1\a 1\n", 1, "control character" },
};

static void refused_with_a_reason(void **state)
{
	struct hpc_map before;
	size_t i;

	(void)state;
	memset(&before, 0xa5, sizeof(before));
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		if (parse(wrong[i].text) != -EINVAL || err.line != wrong[i].line ||
		    !strstr(err.text, wrong[i].says))
			fail_msg("'%s': line %u: '%s'", wrong[i].text, err.line, err.text);
		/* Outputs are untouched on failure. */
		assert_memory_equal(&map, &before, sizeof(map));
	}
}

static void zero_byte(void **state)
{
	(void)state;
	assert_int_equal(hpc_map_parse("1 10.0.\0.1 1\n", 13, resolve, NULL, &map, &err), -EINVAL);
	assert_non_null(strstr(err.text, "control character"));
}

static void long_field(void **state)
{
	char text[600];

	(void)state;
	sprintf(text, "1 %0256d 1\n", 0);
	assert_int_equal(parse(text), -EINVAL);
	assert_string_equal(err.text, "field 2 is longer than 255 characters");
	sprintf(text, "1 %0255d 1\n", 0);
	assert_int_equal(parse(text), -EINVAL);
	assert_non_null(strstr(err.text, "is neither an address"));
}

static void no_resolver(void **state)
{
	(void)state;
	assert_int_equal(hpc_map_parse("1 alpha 1\n", 10, NULL, NULL, &map, &err), -EINVAL);
	assert_non_null(strstr(err.text, "known host name"));
}

/* Lines of right and wrong pieces: an answer, and a map without contradictions. */
static void garbage(void **state)
{
	static const char *const numbers[] = { "1", "2", "300", "65535", "0", "x", "", "#" };
	static const char *const addresses[] = {
		"10.0.0.1", "10.0.0.2", "10.0.1.254", "fd00::1", "alpha", "255.255.255.255",
		"fe80::7%eth0", "\xff",
	};
	static const char *const counts[] = { "1", "1", "2", "ALIAS", "0", "65535", "-", "1 1" };
	unsigned int round, valid = 0, lines, seed = 1;
	char text[512];
	struct hpc_node n;

	(void)state;
	for (round = 0; round < 100000; round++) {
		text[0] = '\0';
		for (lines = rand_r(&seed) % 5; lines; lines--)
			sprintf(text + strlen(text), "%s%s%s %s%c", numbers[rand_r(&seed) % 8],
				rand_r(&seed) % 16 ? "\t" : "\n", addresses[rand_r(&seed) % 8],
				counts[rand_r(&seed) % 8], rand_r(&seed) % 16 ? '\n' : '\r');
		if (parse(text)) {
			assert_string_not_equal(err.text, "");
			continue;
		}
		valid++;
		assert_true(hpc_map_nodes(&map) > 0);
		assert_int_equal(hpc_map_next(&map, 0, &n), 0);
		assert_in_range(n.naddrs, 1, HPC_NODE_ADDRS);
	}
	/* Otherwise the pieces are badly chosen. */
	assert_true(valid > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_line),
		cmocka_unit_test(blanks_and_comments),
		cmocka_unit_test(ranges_count_on),
		cmocka_unit_test(whole_cluster_in_one_line),
		cmocka_unit_test(walk_is_in_order_of_numbers),
		cmocka_unit_test(aliases_add_addresses),
		cmocka_unit_test(eight_addresses_are_enough),
		cmocka_unit_test(names_are_resolved),
		cmocka_unit_test(ipv6),
		cmocka_unit_test(most_lines),
		cmocka_unit_test(refused_with_a_reason),
		cmocka_unit_test(zero_byte),
		cmocka_unit_test(long_field),
		cmocka_unit_test(no_resolver),
		cmocka_unit_test(garbage),
	};

	return cmocka_run_group_tests_name("map", tests, NULL, NULL);
}
