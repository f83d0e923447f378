// SPDX-License-Identifier: GPL-2.0-only
/*
 * Makes the kernel's node table what a map says.
 *
 * The table is changed a node at a time, so the order matters for whoever reads
 * it meanwhile: first our own number, then all that the map has, and only then
 * what it has no more.  So no node is missing meanwhile that belongs there,
 * unless it or we changed numbers.
 */

#include <errno.h>
#include <string.h>

#include "apply.h"

/* What discovery says of nodes, and nobody would take back. */
#define DOUBTS	(HPC_NODE_LEAVING | HPC_NODE_SILENT | HPC_NODE_FOREIGN)

struct run {
	int fd;
	const struct hpc_map *map;
	struct apply_failure failure;
};

static int failed(struct run *run, const char *what, uint32_t id, int error)
{
	run->failure.what = what;
	run->failure.id = id;
	return error;
}

static bool in_map(const struct hpc_map *map, uint32_t id)
{
	struct hpc_node node;

	return !hpc_map_next(map, id, &node) && node.id == id;
}

static bool same_addrs(const struct hpc_node *a, const struct hpc_node *b)
{
	uint32_t i;

	if (a->naddrs != b->naddrs)
		return false;
	for (i = 0; i < a->naddrs; i++)
		if (hpc_addr_compare(&a->addr[i], &b->addr[i]))
			return false;
	return true;
}

static int set_self(struct run *run, uint32_t self)
{
	uint32_t old;
	int ret = hpc_self_get(run->fd, &old);

	if (ret)
		return failed(run, "ask for the own number, to be", self, ret);
	if (old == self)
		return 0;
	/* The number may belong to another machine so far. */
	ret = hpc_node_del(run->fd, self);
	if (ret && ret != -ENOENT)
		return failed(run, "remove the former", self, ret);
	run->failure.changed |= !ret;
	ret = hpc_self_set(run->fd, self);
	if (ret)
		return failed(run, "become", self, ret);
	run->failure.changed = true;
	return 0;
}

static int set_node(struct run *run, const struct hpc_node *wanted)
{
	struct hpc_node old;
	int ret = hpc_node_get(run->fd, wanted->id, &old);

	if (ret && ret != -ENOENT)
		return failed(run, "read", wanted->id, ret);
	if (!ret && same_addrs(&old, wanted) && !(old.status & DOUBTS))
		return 0;
	ret = hpc_node_set(run->fd, wanted);
	if (ret)
		return failed(run, "set", wanted->id, ret);
	run->failure.changed = true;
	return 0;
}

static int set_nodes(struct run *run)
{
	struct hpc_node node;
	uint32_t from = HPC_NODE_MIN;
	int ret;

	while (!(ret = hpc_map_next(run->map, from, &node))) {
		ret = set_node(run, &node);
		if (ret)
			return ret;
		from = node.id + 1;
	}
	return 0;
}

static int drop_others(struct run *run)
{
	struct hpc_node node;
	uint32_t from = HPC_NODE_MIN;
	int ret;

	while (!(ret = hpc_node_next(run->fd, from, &node))) {
		from = node.id + 1;
		if (in_map(run->map, node.id))
			continue;
		ret = hpc_node_del(run->fd, node.id);
		if (ret && ret != -ENOENT)
			return failed(run, "remove", node.id, ret);
		run->failure.changed = true;
	}
	return ret == -ENOENT ? 0 : failed(run, "read the table from", from, ret);
}

int apply_map(int fd, const struct hpc_map *map, uint32_t self,
	      struct apply_failure *ret_failure)
{
	struct run run = { .fd = fd, .map = map };
	int ret;

	ret = set_self(&run, self);
	if (!ret)
		ret = set_nodes(&run);
	if (!ret)
		ret = drop_others(&run);
	if (ret)
		*ret_failure = run.failure;
	return ret;
}
