/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The node table that discovery keeps: the kernel's, or a file that looks like it
 * where there is no such kernel (tests).
 *
 * Only rows that were written here are ever removed.  setpe leaves a mark while the
 * table comes from a map; who enters rows otherwise is known by rows that lack the
 * marks discovery leaves.  Then nothing is written here.
 */
#ifndef TESSERA_DISC_TABLE_H
#define TESSERA_DISC_TABLE_H

#include <linux/hpc.h>

#include "peers.h"

struct disc_table;

/* The kernel's.  Wants CAP_SYS_ADMIN now, and never again. */
int disc_table_open_kernel(struct disc_table **ret_table);
/* @path is replaced by each change; ours is the number of this node. */
int disc_table_open_file(const char *path, struct disc_table **ret_table);
void disc_table_close(struct disc_table *t);

int disc_table_self(struct disc_table *t, uint32_t *ret_number);
int disc_table_self_set(struct disc_table *t, uint32_t number);
/* Our own addresses, for those who read the table. */
int disc_table_self_addrs(struct disc_table *t, const struct disc_info *info);
/* The kernel's figures of this node; all 0 if there are none. */
void disc_table_own(struct disc_table *t, struct hpc_node *ret_node);
/* Somebody else's: of the kernel's table, by a mark or by rows that nobody here wrote. */
bool disc_table_has_map(struct disc_table *t);
/* The mark alone, which is cheap. */
bool disc_table_is_marked(const struct disc_table *t);

/* What @d knows of @number goes into the table. */
int disc_table_update(struct disc_table *t, const struct disc *d, uint16_t number);
/* It said goodbye: the row stays, marked, until the next disc_table_sweep(). */
int disc_table_leaving(struct disc_table *t, uint16_t number);
/* Rows that an earlier run left are ours from now on. */
void disc_table_adopt(struct disc_table *t);
/* Removes rows of ours that nobody has any more. */
void disc_table_sweep(struct disc_table *t, const struct disc *d);
/* Removes all rows of ours. */
void disc_table_clear(struct disc_table *t);
/* The rows are somebody else's from now on. */
void disc_table_give_up(struct disc_table *t);
/* Writes the file, if there is something new. */
int disc_table_flush(struct disc_table *t);

#endif
