// SPDX-License-Identifier: GPL-2.0-only
// sources: userland/tools/apply.c userland/tools/table.c
// sources: userland/libhpc/map.c userland/libhpc/address.c userland/libhpc/json.c
// wrap: hpc_self_get hpc_self_set hpc_node_get hpc_node_set hpc_node_del hpc_node_next
// wrap: hpc_open hpc_close
/*
 * setpe and showmap on a node table of our own, which follows the rules that
 * <linux/hpc.h> states for the kernel's.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "tools/apply.h"
#include "tools/table.h"

#define FD	7
#define IDS	64

static struct hpc_node rows[IDS];	/* id 0: no such row */
static uint32_t self;
static int budget;			/* changes that succeed before ENOMEM */
static char journal[4096];

int __wrap_hpc_open(int flags);
void __wrap_hpc_close(int fd);
int __wrap_hpc_self_get(int fd, uint32_t *ret_id);
int __wrap_hpc_self_set(int fd, uint32_t id);
int __wrap_hpc_node_get(int fd, uint32_t id, struct hpc_node *ret_node);
int __wrap_hpc_node_set(int fd, const struct hpc_node *node);
int __wrap_hpc_node_del(int fd, uint32_t id);
int __wrap_hpc_node_next(int fd, uint32_t from, struct hpc_node *ret_node);

static int spend(const char *what, uint32_t id)
{
	sprintf(journal + strlen(journal), "%s %u\n", what, id);
	return budget-- > 0 ? 0 : -ENOMEM;
}

int __wrap_hpc_open(int flags)
{
	(void)flags;
	return self == IDS ? -ENOENT : FD;
}

void __wrap_hpc_close(int fd)
{
	assert_int_equal(fd, FD);
}

int __wrap_hpc_self_get(int fd, uint32_t *ret_id)
{
	assert_int_equal(fd, FD);
	*ret_id = self;
	return 0;
}

int __wrap_hpc_self_set(int fd, uint32_t id)
{
	int ret = spend("self", id);

	assert_int_equal(fd, FD);
	if (ret)
		return ret;
	if (rows[id].id)
		return -EEXIST;
	rows[self].id = 0;
	self = id;
	rows[id] = (struct hpc_node){ .id = id, .status = HPC_NODE_DEFINED };
	return 0;
}

int __wrap_hpc_node_get(int fd, uint32_t id, struct hpc_node *ret_node)
{
	assert_int_equal(fd, FD);
	if (!rows[id].id)
		return -ENOENT;
	*ret_node = rows[id];
	return 0;
}

int __wrap_hpc_node_set(int fd, const struct hpc_node *node)
{
	int ret = spend("set", node->id);

	assert_int_equal(fd, FD);
	assert_int_equal(node->status & ~HPC_NODE_STATUS_WRITABLE, 0);
	if (ret)
		return ret;
	rows[node->id] = *node;
	rows[node->id].status |= HPC_NODE_DEFINED;
	return 0;
}

int __wrap_hpc_node_del(int fd, uint32_t id)
{
	int ret;

	assert_int_equal(fd, FD);
	if (!rows[id].id)
		return -ENOENT;
	if (id == self)
		return -EBUSY;
	ret = spend("del", id);
	if (!ret)
		rows[id].id = 0;
	return ret;
}

int __wrap_hpc_node_next(int fd, uint32_t from, struct hpc_node *ret_node)
{
	for (; from < IDS; from++)
		if (from && rows[from].id)
			return __wrap_hpc_node_get(fd, from, ret_node);
	return -ENOENT;
}

static int empty_table(void **state)
{
	(void)state;
	memset(rows, 0, sizeof(rows));
	self = 0;
	budget = 1000;
	journal[0] = '\0';
	return 0;
}

static int apply(const char *text, uint32_t own, struct apply_failure *failure)
{
	struct hpc_map_error err;
	struct hpc_map map;

	assert_int_equal(hpc_map_parse(text, strlen(text), NULL, NULL, &map, &err), 0);
	journal[0] = '\0';
	return apply_map(FD, &map, own, failure);
}

static void assert_table(const char *expected)
{
	struct table_source source;
	size_t size;
	char *text;
	FILE *out = open_memstream(&text, &size);
	int fd;

	assert_int_equal(table_open_kernel(&source, &fd), 0);
	assert_int_equal(table_print_map(&source, out), 0);
	fclose(out);
	assert_string_equal(text, expected);
	free(text);
}

/* --- setpe -w ----------------------------------------------------------------------------- */

static void fills_an_empty_table(void **state)
{
	struct apply_failure failure;

	(void)state;
	assert_int_equal(apply("1 10.0.0.1 3\n2 10.9.0.2 ALIAS\n", 2, &failure), 0);
	assert_string_equal(journal, "self 2\nset 1\nset 2\nset 3\n");
	assert_table("# this machine is node 2\n"
		     "1\t10.0.0.1\t2\n"
		     "2\t10.9.0.2\tALIAS\n"
		     "3\t10.0.0.3\t1\n");
}

static void same_map_changes_nothing(void **state)
{
	struct apply_failure failure;

	(void)state;
	assert_int_equal(apply("1 10.0.0.1 3\n", 2, &failure), 0);
	rows[3].load = 500;
	rows[3].status |= HPC_NODE_UP;
	assert_int_equal(apply("3 10.0.0.3 1\n1 10.0.0.1 2\n", 2, &failure), 0);
	assert_string_equal(journal, "");
	assert_int_equal(rows[3].load, 500);
}

static void adds_before_it_removes(void **state)
{
	struct apply_failure failure;

	(void)state;
	assert_int_equal(apply("1 10.0.0.1 4\n", 1, &failure), 0);
	assert_int_equal(apply("1 10.0.0.1 2\n8 10.0.8.1 2\n", 1, &failure), 0);
	assert_string_equal(journal, "set 8\nset 9\ndel 3\ndel 4\n");
}

static void new_address_is_a_new_machine(void **state)
{
	struct apply_failure failure;

	(void)state;
	assert_int_equal(apply("1 10.0.0.1 2\n", 1, &failure), 0);
	rows[2].load = 500;
	rows[2].status |= HPC_NODE_UP;
	assert_int_equal(apply("1 10.0.0.1 1\n2 10.0.0.9 1\n", 1, &failure), 0);
	assert_string_equal(journal, "set 2\n");
	assert_int_equal(rows[2].load, 0);
	assert_int_equal(rows[2].status, HPC_NODE_DEFINED);
}

static void takes_a_number_another_had(void **state)
{
	struct apply_failure failure;

	(void)state;
	assert_int_equal(apply("1 10.0.0.1 2\n", 1, &failure), 0);
	assert_int_equal(apply("1 10.0.0.2 1\n2 10.0.0.1 1\n", 2, &failure), 0);
	assert_string_equal(journal, "del 2\nself 2\nset 1\nset 2\n");
	assert_int_equal(self, 2);
	assert_table("# this machine is node 2\n1\t10.0.0.2\t1\n2\t10.0.0.1\t1\n");
}

/* Whichever step fails: it is named, and a second run finishes the work. */
static void every_step_may_fail(void **state)
{
	static const char before[] = "1 10.0.0.1 4\n", after[] = "3 10.0.0.1 1\n5 10.0.0.2 2\n";
	struct apply_failure failure;
	int step, ret;

	for (step = 0;; step++) {
		empty_table(state);
		assert_int_equal(apply(before, 1, &failure), 0);
		budget = step;
		memset(&failure, 0, sizeof(failure));
		ret = apply(after, 3, &failure);
		if (!ret)
			break;
		assert_int_equal(ret, -ENOMEM);
		assert_non_null(failure.what);
		assert_in_range(failure.id, 1, IDS);
		assert_int_equal(failure.changed, step > 0);
		budget = 1000;
		assert_int_equal(apply(after, 3, &failure), 0);
		assert_table("# this machine is node 3\n3\t10.0.0.1\t1\n5\t10.0.0.2\t2\n");
	}
	/* del 3, self 3, set 3 5 6, del 2 4 (1 went with our old number) */
	assert_int_equal(step, 7);
}

/* --- printing ------------------------------------------------------------------------------- */

static char *printed(int (*print)(const struct table_source *source, FILE *out))
{
	struct table_source source;
	size_t size;
	char *text;
	FILE *out = open_memstream(&text, &size);
	int fd;

	assert_int_equal(table_open_kernel(&source, &fd), 0);
	assert_int_equal(print(&source, out), 0);
	fclose(out);
	return text;
}

static void assert_printed(int (*print)(const struct table_source *source, FILE *out),
			   const char *expected)
{
	char *text = printed(print);

	assert_string_equal(text, expected);
	free(text);
}

static void prints_an_empty_table(void **state)
{
	(void)state;
	assert_printed(table_print_map, "# this machine is in no cluster\n");
	assert_printed(table_print_json, "{\"self\": 0, \"nodes\": []}\n");
	assert_printed(table_print_columns, "My Node-Id: 0x0000\n\n"
		       "Base Node-Id Address          Count Nodes\n"
		       "------------ ---------------- ----- -----\n");
}

static void prints_columns(void **state)
{
	struct apply_failure failure;

	(void)state;
	assert_int_equal(apply("10 10.0.0.1 3\n20 fd00::1 1\n20 10.9.0.2 ALIAS\n", 11, &failure), 0);
	rows[30] = (struct hpc_node){ .id = 30 };
	assert_printed(table_print_columns, "My Node-Id: 0x000b\n\n"
		       "Base Node-Id Address          Count Nodes\n"
		       "------------ ---------------- ----- -----\n"
		       "0x000a       10.0.0.1         3     10-12\n"
		       "0x0014       fd00::1          1     20\n"
		       "0x0014       10.9.0.2         ALIAS 20\n"
		       "0x001e       -                1     30\n");
}

static void prints_json(void **state)
{
	struct apply_failure failure;

	(void)state;
	assert_int_equal(apply("1 10.0.0.1 2\n2 fd00::2 ALIAS\n", 1, &failure), 0);
	rows[2].status |= HPC_NODE_UP;
	assert_printed(table_print_json,
		       "{\"self\": 1, \"nodes\": [\n"
		       "  {\"id\": 1, \"status\": 1, \"addresses\": [\"10.0.0.1\"]},\n"
		       "  {\"id\": 2, \"status\": 3, \"addresses\": [\"10.0.0.2\", \"fd00::2\"]}\n"
		       "]}\n");
}

/* What setpe -r prints, setpe -w takes. */
static void printed_map_is_a_map(void **state)
{
	struct apply_failure failure;
	struct hpc_node before[IDS];
	char *text;

	assert_int_equal(apply("1 10.0.0.1 5\n3 10.1.0.1 ALIAS\n6 10.0.0.6 1\n7 10.0.0.8 1\n"
			       "9 10.0.0.10 3\n", 3, &failure), 0);
	memcpy(before, rows, sizeof(before));
	text = printed(table_print_map);
	empty_table(state);
	assert_int_equal(apply(text, 3, &failure), 0);
	assert_memory_equal(before, rows, sizeof(before));
	free(text);
}

static void no_engine(void **state)
{
	struct table_source source;
	int fd;

	(void)state;
	self = IDS;
	assert_int_equal(table_open_kernel(&source, &fd), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(fills_an_empty_table, empty_table),
		cmocka_unit_test_setup(same_map_changes_nothing, empty_table),
		cmocka_unit_test_setup(adds_before_it_removes, empty_table),
		cmocka_unit_test_setup(new_address_is_a_new_machine, empty_table),
		cmocka_unit_test_setup(takes_a_number_another_had, empty_table),
		cmocka_unit_test_setup(every_step_may_fail, empty_table),
		cmocka_unit_test_setup(prints_an_empty_table, empty_table),
		cmocka_unit_test_setup(prints_columns, empty_table),
		cmocka_unit_test_setup(prints_json, empty_table),
		cmocka_unit_test_setup(printed_map_is_a_map, empty_table),
		cmocka_unit_test_setup(no_engine, empty_table),
	};

	return cmocka_run_group_tests_name("tools", tests, NULL, NULL);
}
