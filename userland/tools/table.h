/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The node table as text: shared by setpe and showmap.
 *
 * Nodes whose numbers and first addresses follow each other make one row, as
 * the lines of openmosix.map do.
 */
#ifndef TESSERA_TOOLS_TABLE_H
#define TESSERA_TOOLS_TABLE_H

#include <stdio.h>

#include "hpc.h"

/* One node, in the order of numbers.  -ENOENT: that was the last. */
typedef int table_next_fn(void *arg, uint32_t from, struct hpc_node *ret_node);

struct table_source {
	uint32_t self;		/* own number, 0: none */
	table_next_fn *next;
	void *arg;
};

/* The table of the running kernel; *@fd outlives the source. */
int table_open_kernel(struct table_source *ret_source, int *fd);

/* As setpe -w would read it. */
int table_print_map(const struct table_source *source, FILE *out);
/* As openMosix's showmap looked, and one column more. */
int table_print_columns(const struct table_source *source, FILE *out);
int table_print_json(const struct table_source *source, FILE *out);

#endif
