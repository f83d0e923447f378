// SPDX-License-Identifier: GPL-2.0-only
/* What must be the same, and what must be enough. */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "local.h"
#include "match.h"

enum hpcd_reason hpcd_match_kernel(const struct hpcd_hello *mine, const struct hpcd_hello *its,
				   char *ret_text, size_t size)
{
	if (!memcmp(mine->build_id, its->build_id, sizeof(mine->build_id)))
		return HPCD_R_NONE;
	if (strcmp(mine->release, its->release) != 0)
		snprintf(ret_text, size, "its kernel is %s, not %s", its->release, mine->release);
	else
		snprintf(ret_text, size, "its kernel, %s too, is another build", its->release);
	return HPCD_R_KERNEL;
}

enum hpcd_reason hpcd_match_process(const struct hpcd_hello *home,
				    const struct hpcd_hello *target, uint64_t size,
				    char *ret_text, size_t text_size)
{
	if (hpcd_features_check(&home->features, &target->features, ret_text, text_size))
		return HPCD_R_FEATURES;
	if (size > UINT64_MAX - HPCD_MEMORY_RESERVE || size + HPCD_MEMORY_RESERVE > target->mem) {
		snprintf(ret_text, text_size, "it has %" PRIu64 " MiB for guests, of which %llu "
			 "stay free; the process has %" PRIu64 " MiB", target->mem >> 20,
			 HPCD_MEMORY_RESERVE >> 20, (size + (1 << 20) - 1) >> 20);
		return HPCD_R_MEMORY;
	}
	return HPCD_R_NONE;
}

bool hpcd_match_address(const struct hpc_node *node, const struct hpc_addr *addr)
{
	size_t i, len = addr->family == AF_INET ? 4 : sizeof(addr->addr);

	/* The scope of a link-local address is each machine's own matter. */
	for (i = 0; i < node->naddrs && i < HPC_NODE_ADDRS; i++)
		if (node->addr[i].family == addr->family &&
		    !memcmp(node->addr[i].addr, addr->addr, len))
			return true;
	return false;
}
