// SPDX-License-Identifier: GPL-2.0-only
/* What keeps a process from a node, the offsets of its clocks, and names and notes. */
// sources: userland/hpcd/match.c userland/hpcd/features.c userland/hpcd/clock.c userland/hpcd/local.c
// sources: userland/hpcd/container.c userland/hpcd/cgroup.c
// sources: userland/libhpc/device.c userland/libhpc/address.c
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "hpc.h"
#include "userland/hpcd/clock.h"
#include "userland/hpcd/container.h"
#include "userland/hpcd/local.h"
#include "userland/hpcd/match.h"

#define XSAVEC	(1u << 1)
#define OSXSAVE	(1u << 27)

static char text[200];

/* --- processors --------------------------------------------------------------------- */

static int features(const struct hpcd_features *home, const struct hpcd_features *target)
{
	text[0] = '\0';
	return hpcd_features_check(home, target, text, sizeof(text));
}

static void same_or_more_features_will_do(void **state)
{
	struct hpcd_features home, target;

	(void)state;
	hpcd_features_read(&home);
	assert_int_not_equal(home.word[HPCD_F_1_EDX] & 1u << 26, 0);	/* sse2: x86-64 */
	assert_int_not_equal(home.word[HPCD_F_EXT_1_EDX] & 1u << 29, 0);	/* lm */
	target = home;
	assert_int_equal(features(&home, &target), 0);
	memset(target.word, 0xff, sizeof(target.word));
	home.word[HPCD_F_D_1_EAX] |= XSAVEC;
	assert_int_equal(features(&home, &target), 0);
}

static void what_is_lacking_is_named(void **state)
{
	struct hpcd_features home = { 0 }, target = { 0 };

	(void)state;
	home.word[HPCD_F_7_EBX] = 1u << 16 | 1u << 5;
	target.word[HPCD_F_7_EBX] = 1u << 5;
	assert_int_equal(features(&home, &target), -ENOTSUP);
	assert_string_equal(text, "its processor lacks avx512f");
	home.word[HPCD_F_XCR0_LOW] = 1u << 30;
	assert_int_equal(features(&home, &target), -ENOTSUP);
	assert_string_equal(text, "its processor lacks avx512f, feature 13.30");
	assert_int_equal(features(&target, &home), 0);
}

static void long_lists_are_cut(void **state)
{
	struct hpcd_features home, target = { 0 };

	(void)state;
	memset(home.word, 0xff, sizeof(home.word));
	assert_int_equal(features(&home, &target), -ENOTSUP);
	assert_in_range(strlen(text), 100, sizeof(text) - 1);
}

/* Code that saves registers by XSAVE has room for what home's processor saves. */
static void more_register_state_needs_xsavec(void **state)
{
	struct hpcd_features home = { 0 }, target = { 0 };

	(void)state;
	home.word[HPCD_F_1_ECX] = target.word[HPCD_F_1_ECX] = OSXSAVE;
	home.word[HPCD_F_XCR0_LOW] = 0x7;
	target.word[HPCD_F_XCR0_LOW] = 0xe7;
	target.word[HPCD_F_D_1_EAX] = XSAVEC;
	assert_int_equal(features(&home, &target), -ENOTSUP);
	assert_non_null(strstr(text, "saves more registers"));
	home.word[HPCD_F_D_1_EAX] = XSAVEC;
	assert_int_equal(features(&home, &target), 0);
	/* And where XSAVE is not used at all, it does not matter. */
	home = (struct hpcd_features) { 0 };
	assert_int_equal(features(&home, &target), 0);
}

static void portable_programs_need_the_baseline_only(void **state)
{
	struct hpcd_features home, target = { 0 };

	(void)state;
	memset(home.word, 0xff, sizeof(home.word));
	target.word[HPCD_F_1_EDX] = 0x07888111 | 1u << 15;
	target.word[HPCD_F_EXT_1_EDX] = 1u << 11 | 1u << 29;
	assert_int_equal(features(&home, &target), -ENOTSUP);
	hpcd_features_baseline(&home);
	assert_int_equal(features(&home, &target), 0);
	/* Wherever XSAVE writes more, these do not use it. */
	target.word[HPCD_F_1_ECX] = OSXSAVE;
	target.word[HPCD_F_XCR0_LOW] = 0xe7;
	assert_int_equal(features(&home, &target), 0);
	/* No SSE2: no node for anybody. */
	target.word[HPCD_F_1_EDX] &= ~(1u << 26);
	assert_int_equal(features(&home, &target), -ENOTSUP);
	assert_string_equal(text, "its processor lacks sse2");
}

/* --- nodes ------------------------------------------------------------------------------- */

static void kernels_must_be_the_same_build(void **state)
{
	struct hpcd_hello mine = { .release = "6.12.1-tessera" }, its = mine;

	(void)state;
	assert_int_equal(hpcd_match_kernel(&mine, &its, text, sizeof(text)), HPCD_R_NONE);
	its.build_id[19] = 1;
	assert_int_equal(hpcd_match_kernel(&mine, &its, text, sizeof(text)), HPCD_R_KERNEL);
	assert_string_equal(text, "its kernel, 6.12.1-tessera too, is another build");
	strcpy(its.release, "6.12.2-tessera");
	assert_int_equal(hpcd_match_kernel(&mine, &its, text, sizeof(text)), HPCD_R_KERNEL);
	assert_string_equal(text, "its kernel is 6.12.2-tessera, not 6.12.1-tessera");
}

static void memory_must_be_enough(void **state)
{
	struct hpcd_hello home = { 0 }, target = { .mem = 100 << 20 };
	const uint64_t fits = (100 << 20) - HPCD_MEMORY_RESERVE;

	(void)state;
	assert_int_equal(hpcd_match_process(&home, &target, fits, text, sizeof(text)), HPCD_R_NONE);
	assert_int_equal(hpcd_match_process(&home, &target, fits + 1, text, sizeof(text)),
			 HPCD_R_MEMORY);
	assert_string_equal(text, "it has 100 MiB for guests, of which 32 stay free; the process "
				  "has 69 MiB");
	assert_int_equal(hpcd_match_process(&home, &target, UINT64_MAX, text, sizeof(text)),
			 HPCD_R_MEMORY);
	home.features.word[HPCD_F_1_ECX] = 1;
	assert_int_equal(hpcd_match_process(&home, &target, 0, text, sizeof(text)),
			 HPCD_R_FEATURES);
}

static void peers_are_known_by_their_addresses(void **state)
{
	struct hpc_node node = { .naddrs = 2 };
	struct hpc_addr addr = { 0 };

	(void)state;
	assert_int_equal(hpc_addr_parse("10.20.0.1", &node.addr[0]), 0);
	assert_int_equal(hpc_addr_parse("fe80::1", &node.addr[1]), 0);
	node.addr[1].scope = 3;
	assert_int_equal(hpc_addr_parse("10.20.0.1", &addr), 0);
	assert_true(hpcd_match_address(&node, &addr));
	assert_int_equal(hpc_addr_parse("10.20.0.2", &addr), 0);
	assert_false(hpcd_match_address(&node, &addr));
	assert_int_equal(hpc_addr_parse("fe80::1", &addr), 0);
	addr.scope = 7;
	assert_true(hpcd_match_address(&node, &addr));
	node.naddrs = 1;
	assert_false(hpcd_match_address(&node, &addr));
}

/* --- clocks --------------------------------------------------------------------------------- */

/* A home whose clock is ahead by @ahead, and messages that take their time. */
static void ask(struct hpcd_offsets *o, uint64_t at, int64_t ahead, uint64_t way)
{
	struct hpcd_instant asked = { .monotonic = at, .boottime = at + 5 };
	struct hpcd_instant answer = {
		.monotonic = at + way + ahead, .boottime = at + 5 + way + ahead,
	};

	hpcd_offsets_learn(o, &asked, &answer);
}

static void guests_clock_is_never_behind_homes(void **state)
{
	static const uint64_t ways[] = { 900000, 300000, 20000000, 250000, 400000 };
	static const int64_t aheads[] = { 0, 1, -1, 3600000000000, -3600000000000 };
	struct hpcd_offsets o;
	size_t i, j;

	(void)state;
	for (i = 0; i < sizeof(aheads) / sizeof(*aheads); i++) {
		o = (struct hpcd_offsets) { 0 };
		for (j = 0; j < sizeof(ways) / sizeof(*ways); j++)
			ask(&o, 4000000000000 + j * 1000, aheads[i], ways[j]);
		assert_true(o.known);
		/* Ahead by the quickest way, and never behind. */
		assert_true(o.monotonic == aheads[i] + 250000);
		assert_true(o.boottime == aheads[i] + 250000);
	}
}

/* --- this machine ----------------------------------------------------------------------------- */

static size_t note(uint8_t *p, uint32_t type, const char *name, const void *desc, uint32_t len)
{
	uint32_t head[3] = { (uint32_t)strlen(name) + 1, len, type };
	size_t name_len = (head[0] + 3) & ~3u, desc_len = (len + 3) & ~3u;

	memcpy(p, head, sizeof(head));
	memset(p + sizeof(head), 0, name_len + desc_len);
	memcpy(p + sizeof(head), name, head[0]);
	memcpy(p + sizeof(head) + name_len, desc, len);
	return sizeof(head) + name_len + desc_len;
}

static void build_id_is_found_among_notes(void **state)
{
	static const uint8_t id[20] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
					17, 18, 19, 20 };
	uint8_t notes[400], found[20];
	size_t len = 0, n;

	(void)state;
	len += note(notes, 6, "Xen", "linux", 6);
	len += note(notes + len, 3, "Linux", "not this", 8);
	n = len;
	len += note(notes + len, 3, "GNU", id, sizeof(id));
	assert_int_equal(hpcd_build_id_find(notes, len, found), 0);
	assert_memory_equal(found, id, sizeof(id));
	/* Cut anywhere it is not found, and nothing is read behind the end. */
	for (; n < len; n++)
		assert_int_equal(hpcd_build_id_find(notes, n, found), -ENOENT);
	memset(notes, 0xff, sizeof(notes));
	assert_int_equal(hpcd_build_id_find(notes, sizeof(notes), found), -ENOENT);
}

static void boot_ids(void **state)
{
	static const uint8_t want[16] = { 0x6d, 0x0b, 0xff, 0x00, 0x12, 0x34, 0x43, 0x21,
					  0x80, 0x00, 1, 2, 3, 4, 5, 6 };
	uint8_t id[16];

	(void)state;
	assert_int_equal(hpcd_boot_id_parse("6d0bff00-1234-4321-8000-010203040506\n", id), 0);
	assert_memory_equal(id, want, sizeof(id));
	assert_int_equal(hpcd_boot_id_parse("6d0bff00123443218000010203040506", id), 0);
	assert_int_equal(hpcd_boot_id_parse("6d0bff0012344321800001020304050", id), -EINVAL);
	assert_int_equal(hpcd_boot_id_parse("6d0bff001234432180000102030405067", id), -EINVAL);
	assert_int_equal(hpcd_boot_id_parse("6d0bff0012344321800001020304050g", id), -EINVAL);
	assert_int_equal(hpcd_boot_id_parse("", id), -EINVAL);
}

static void names_of_containers(void **state)
{
	static const uint8_t id[16] = { 0xab };
	char name[HPCD_CONTAINER_NAME];
	uint32_t node = 0;

	(void)state;
	hpcd_container_name(65535, id, name);
	assert_string_equal(name, "65535-ab000000000000000000000000000000");
	assert_true(hpcd_container_parse(name, &node));
	assert_int_equal(node, 65535);
	assert_false(hpcd_container_parse("65536-ab000000000000000000000000000000", &node));
	assert_false(hpcd_container_parse("0-ab000000000000000000000000000000", &node));
	assert_false(hpcd_container_parse("+5-ab000000000000000000000000000000", &node));
	assert_false(hpcd_container_parse("5-ab00000-0000000000000000000000000", &node));
	assert_false(hpcd_container_parse("5-AB000000000000000000000000000000", &node));
	assert_false(hpcd_container_parse("5-ab", &node));
	assert_false(hpcd_container_parse("root", &node));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_or_more_features_will_do),
		cmocka_unit_test(what_is_lacking_is_named),
		cmocka_unit_test(long_lists_are_cut),
		cmocka_unit_test(more_register_state_needs_xsavec),
		cmocka_unit_test(portable_programs_need_the_baseline_only),
		cmocka_unit_test(kernels_must_be_the_same_build),
		cmocka_unit_test(memory_must_be_enough),
		cmocka_unit_test(peers_are_known_by_their_addresses),
		cmocka_unit_test(guests_clock_is_never_behind_homes),
		cmocka_unit_test(build_id_is_found_among_notes),
		cmocka_unit_test(boot_ids),
		cmocka_unit_test(names_of_containers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
