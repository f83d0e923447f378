// SPDX-License-Identifier: GPL-2.0-only
/*
 * The node table: the meeting point of the cluster's parts.
 *
 * omdiscd or setpe write it through /dev/hpc, everybody reads it there or in
 * /proc/hpc/nodes.  Nothing here knows what the addresses are good for.
 *
 * Locking: table.lock serialises writers and may be held while /proc entries
 * come and go; a reader's copy is guarded by rows_lock, which nests inside it
 * and is never held over anything that sleeps.
 */

#include <linux/cleanup.h>
#include <linux/slab.h>
#include <linux/socket.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/xarray.h>
#include <kunit/visibility.h>

#include "internal.h"

/**
 * struct row - one node
 * @node:	what is known of it; guarded by rows_lock
 * @dir:	its folder in /proc/hpc/nodes; guarded by table.lock
 */
struct row {
	struct hpc_node		node;
	struct proc_dir_entry	*dir;
};

/**
 * struct table - all nodes
 * @lock:	held by whoever changes the table
 * @rows:	struct row by node number; changed under @lock and rows_lock
 * @self:	own number, 0 for none; changed under @lock
 */
static struct table {
	struct mutex	lock;
	struct xarray	rows;
	u32		self;
} table = {
	.lock	= __MUTEX_INITIALIZER(table.lock),
	.rows	= XARRAY_INIT(table.rows, 0),
};

static DEFINE_SPINLOCK(rows_lock);

static bool addr_valid(const struct hpc_addr *a)
{
	switch (a->family) {
	case AF_INET:
		return !a->scope && !memchr_inv(a->addr + 4, 0, sizeof(a->addr) - 4);
	case AF_INET6:
		return true;
	default:
		return false;
	}
}

/* Is what user space says of a node (all but @size) acceptable? */
VISIBLE_IF_KUNIT int hpc_node_check(const struct hpc_node *node)
{
	static const struct hpc_addr unused;
	u32 i;

	if (node->id < HPC_NODE_MIN || node->id > HPC_NODE_MAX)
		return -EINVAL;
	if (node->status & ~HPC_NODE_STATUS_WRITABLE)
		return -EINVAL;
	if (node->cpus > HPC_CPUS_MAX || node->speed > HPC_SPEED_MAX ||
	    node->util > HPC_UTIL_MAX || node->naddrs > HPC_NODE_ADDRS)
		return -EINVAL;
	for (i = 0; i < HPC_NODE_ADDRS; i++) {
		const struct hpc_addr *a = &node->addr[i];

		if (i < node->naddrs ? !addr_valid(a)
				     : memcmp(a, &unused, sizeof(*a)))
			return -EINVAL;
	}
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(hpc_node_check);

static void row_copy(const struct row *row, struct hpc_node *ret)
{
	*ret = row->node;
	ret->size = sizeof(*ret);
	ret->status |= HPC_NODE_DEFINED;
}

/* The own node's numbers are never older than the question. */
static void fill_self(struct hpc_node *node)
{
	if (node->id != READ_ONCE(table.self))
		return;
	hpc_load_fill(node);
	node->status = HPC_NODE_DEFINED | HPC_NODE_UP | HPC_NODE_SELF;
	if (hpc_admin_blocks())
		node->status |= HPC_NODE_BLOCK;
}

int hpc_node_next(u32 id, struct hpc_node *ret)
{
	unsigned long index = id;
	struct row *row;

	scoped_guard(spinlock, &rows_lock) {
		row = xa_find(&table.rows, &index, HPC_NODE_MAX, XA_PRESENT);
		if (!row)
			return -ENOENT;
		row_copy(row, ret);
	}
	fill_self(ret);
	return 0;
}

int hpc_node_get(u32 id, struct hpc_node *ret)
{
	struct row *row;

	scoped_guard(spinlock, &rows_lock) {
		row = xa_load(&table.rows, id);
		if (!row)
			return -ENOENT;
		row_copy(row, ret);
	}
	fill_self(ret);
	return 0;
}

static int row_add(const struct hpc_node *node)
{
	struct row *row;
	int ret;

	row = kzalloc(sizeof(*row), GFP_KERNEL);
	if (!row)
		return -ENOMEM;
	row->node = *node;

	/* Memory first: between the two locks nothing may fail. */
	ret = xa_reserve(&table.rows, node->id, GFP_KERNEL);
	if (ret)
		goto err_free;
	scoped_guard(spinlock, &rows_lock)
		xa_store(&table.rows, node->id, row, GFP_NOWAIT);

	row->dir = hpc_proc_node_add(node->id);
	if (!row->dir) {
		ret = -ENOMEM;
		goto err_erase;
	}
	return 0;

err_erase:
	scoped_guard(spinlock, &rows_lock)
		xa_erase(&table.rows, node->id);
err_free:
	kfree(row);
	return ret;
}

static void row_del(u32 id)
{
	struct row *row;

	scoped_guard(spinlock, &rows_lock)
		row = xa_erase(&table.rows, id);
	if (!row)
		return;
	/* Waits for readers of its files, which find no row any more. */
	hpc_proc_node_del(row->dir);
	kfree(row);
}

static void rows_clear(void)
{
	unsigned long id;
	struct row *row;

	xa_for_each(&table.rows, id, row)
		row_del(id);
}

int hpc_node_set(const struct hpc_node *node)
{
	struct row *row;
	int ret;

	ret = hpc_node_check(node);
	if (ret)
		return ret;

	guard(mutex)(&table.lock);
	row = xa_load(&table.rows, node->id);
	if (!row)
		return row_add(node);
	scoped_guard(spinlock, &rows_lock)
		row->node = *node;
	return 0;
}

int hpc_node_del(u32 id)
{
	guard(mutex)(&table.lock);
	if (!xa_load(&table.rows, id))
		return -ENOENT;
	if (id == table.self)
		return -EBUSY;
	row_del(id);
	return 0;
}

u32 hpc_self(void)
{
	return READ_ONCE(table.self);
}

int hpc_self_set(u32 id)
{
	struct hpc_node node = { .id = id };
	u32 old;
	int ret;

	if (id > HPC_NODE_MAX)
		return -EINVAL;

	guard(mutex)(&table.lock);
	old = table.self;
	if (id == old)
		return 0;
	if (!id) {
		WRITE_ONCE(table.self, 0);
		rows_clear();
		hpc_load_stop();
		return 0;
	}
	if (xa_load(&table.rows, id))
		return -EEXIST;
	ret = row_add(&node);
	if (ret)
		return ret;
	WRITE_ONCE(table.self, id);
	if (old)
		row_del(old);
	else
		hpc_load_start();
	return 0;
}
