// SPDX-License-Identifier: GPL-2.0-only
/* The node table as text; see table.h. */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <net/if.h>
#include <sys/socket.h>

#include "table.h"

/* Nodes first to first + count - 1; @count 0 stands for one further address. */
struct row {
	uint32_t first;
	uint32_t count;
	bool has_addr;
	struct hpc_addr addr;
};

typedef void print_row_fn(const struct row *row, FILE *out);

static int kernel_next(void *arg, uint32_t from, struct hpc_node *ret_node)
{
	return hpc_node_next(*(int *)arg, from, ret_node);
}

int table_open_kernel(struct table_source *ret_source, int *fd)
{
	uint32_t self;
	int ret;

	*fd = hpc_open(O_RDONLY);
	if (*fd < 0)
		return *fd;
	ret = hpc_self_get(*fd, &self);
	if (ret) {
		hpc_close(*fd);
		return ret;
	}
	*ret_source = (struct table_source){ .self = self, .next = kernel_next, .arg = fd };
	return 0;
}

static void addr_format(const struct hpc_addr *addr, char text[HPC_ADDR_TEXT])
{
	char name[IF_NAMESIZE];

	hpc_addr_format(addr, addr->scope ? if_indextoname(addr->scope, name) : NULL, text);
}

static bool row_continues(const struct row *row, const struct hpc_node *node)
{
	struct hpc_addr expected;

	return row->count && node->id == row->first + row->count && row->has_addr &&
	       node->naddrs && !hpc_addr_advance(&row->addr, row->count, &expected) &&
	       !hpc_addr_compare(&expected, &node->addr[0]);
}

static void print_aliases(const struct hpc_node *node, print_row_fn *print, FILE *out)
{
	uint32_t i;

	for (i = 1; i < node->naddrs; i++) {
		struct row alias = { .first = node->id, .has_addr = true, .addr = node->addr[i] };

		print(&alias, out);
	}
}

/* A node with aliases ends its row, so that they follow it at once. */
static int print_rows(const struct table_source *source, print_row_fn *print, FILE *out)
{
	struct hpc_node node;
	struct row row = { 0 };
	uint32_t from = HPC_NODE_MIN;
	int ret;

	while ((ret = source->next(source->arg, from, &node)) == 0) {
		from = node.id + 1;
		if (row_continues(&row, &node)) {
			row.count++;
		} else {
			if (row.count)
				print(&row, out);
			row = (struct row){ .first = node.id, .count = 1,
					    .has_addr = node.naddrs > 0, .addr = node.addr[0] };
		}
		if (node.naddrs > 1) {
			print(&row, out);
			print_aliases(&node, print, out);
			row.count = 0;
		}
	}
	if (row.count)
		print(&row, out);
	return ret == -ENOENT ? 0 : ret;
}

static void print_map_row(const struct row *row, FILE *out)
{
	char text[HPC_ADDR_TEXT];

	if (!row->has_addr) {
		fprintf(out, "# %" PRIu32 " has no address\n", row->first);
		return;
	}
	addr_format(&row->addr, text);
	if (row->count)
		fprintf(out, "%" PRIu32 "\t%s\t%" PRIu32 "\n", row->first, text, row->count);
	else
		fprintf(out, "%" PRIu32 "\t%s\tALIAS\n", row->first, text);
}

int table_print_map(const struct table_source *source, FILE *out)
{
	if (source->self)
		fprintf(out, "# this machine is node %" PRIu32 "\n", source->self);
	else
		fprintf(out, "# this machine is in no cluster\n");
	return print_rows(source, print_map_row, out);
}

static void print_column_row(const struct row *row, FILE *out)
{
	char text[HPC_ADDR_TEXT] = "-";

	if (row->has_addr)
		addr_format(&row->addr, text);
	fprintf(out, "0x%04" PRIx32 "       %-16s ", row->first, text);
	if (!row->count)
		fprintf(out, "%-5s %" PRIu32 "\n", "ALIAS", row->first);
	else if (row->count == 1)
		fprintf(out, "%-5" PRIu32 " %" PRIu32 "\n", row->count, row->first);
	else
		fprintf(out, "%-5" PRIu32 " %" PRIu32 "-%" PRIu32 "\n", row->count, row->first,
			row->first + row->count - 1);
}

int table_print_columns(const struct table_source *source, FILE *out)
{
	fprintf(out, "My Node-Id: 0x%04" PRIx32 "\n\n", source->self);
	fprintf(out, "Base Node-Id Address          Count Nodes\n");
	fprintf(out, "------------ ---------------- ----- -----\n");
	return print_rows(source, print_column_row, out);
}

static void print_json_node(const struct hpc_node *node, FILE *out)
{
	char text[HPC_ADDR_TEXT];
	uint32_t i;

	fprintf(out, "{\"id\": %" PRIu32 ", \"status\": %" PRIu32 ", \"addresses\": [", node->id,
		node->status);
	for (i = 0; i < node->naddrs; i++) {
		if (i)
			fputs(", ", out);
		addr_format(&node->addr[i], text);
		hpc_json_string(out, text);
	}
	fputs("]}", out);
}

int table_print_json(const struct table_source *source, FILE *out)
{
	struct hpc_node node;
	uint32_t from = HPC_NODE_MIN;
	const char *comma = "";
	int ret;

	fprintf(out, "{\"self\": %" PRIu32 ", \"nodes\": [", source->self);
	while ((ret = source->next(source->arg, from, &node)) == 0) {
		from = node.id + 1;
		fprintf(out, "%s\n  ", comma);
		print_json_node(&node, out);
		comma = ",";
	}
	fprintf(out, "%s]}\n", *comma ? "\n" : "");
	return ret == -ENOENT ? 0 : ret;
}
