/* SPDX-License-Identifier: GPL-2.0-only */
/* Makes the kernel's node table what a map says. */
#ifndef TESSERA_TOOLS_APPLY_H
#define TESSERA_TOOLS_APPLY_H

#include "hpc.h"

/* Which step failed, and whether an earlier one has changed the table. */
struct apply_failure {
	const char *what;
	uint32_t id;
	bool changed;
};

/*
 * Nodes that stay keep their numbers (status, load, memory) if their addresses
 * stay; a node at a new address is another machine and starts from nothing.
 */
int apply_map(int fd, const struct hpc_map *map, uint32_t self,
	      struct apply_failure *ret_failure);

#endif
