/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whether two nodes, and one process, go together; nothing but comparing.
 */
#ifndef TESSERA_HPCD_MATCH_H
#define TESSERA_HPCD_MATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "hpc.h"
#include "proto.h"

/*
 * HPCD_R_NONE, or why not with its text.  @mine: of the node that asks, @its: of
 * the other, whose number should be one of the table.
 */
enum hpcd_reason hpcd_match_kernel(const struct hpcd_hello *mine, const struct hpcd_hello *its,
				   char *ret_text, size_t size);

/* May a process of @size bytes that started on @home go to @target? */
enum hpcd_reason hpcd_match_process(const struct hpcd_hello *home,
				    const struct hpcd_hello *target, uint64_t size,
				    char *ret_text, size_t text_size);

/* Is @addr, as a connection comes from, one of @node's? */
bool hpcd_match_address(const struct hpc_node *node, const struct hpc_addr *addr);

#endif
