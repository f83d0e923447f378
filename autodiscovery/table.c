// SPDX-License-Identifier: GPL-2.0-only
/* See table.h.  Two back ends behind five calls; the rules are the same for both. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "hpc.h"
#include "table.h"

#define MARKS	(HPC_NODE_UP | HPC_NODE_LEAVING | HPC_NODE_SILENT | HPC_NODE_FOREIGN)
#define NUMBERS	(HPC_NODE_MAX + 1)

struct backend {
	int (*self_get)(struct disc_table *t, uint32_t *ret_number);
	int (*self_set)(struct disc_table *t, uint32_t number);
	int (*set)(struct disc_table *t, const struct hpc_node *node);
	int (*del)(struct disc_table *t, uint32_t number);
	int (*next)(struct disc_table *t, uint32_t from, struct hpc_node *ret_node);
};

/**
 * struct disc_table - a table
 * @fd:		of the device
 * @ours:	bit for each row that was written here
 * @path, @rows, @self, @dirty: of the file
 */
struct disc_table {
	const struct backend *backend;
	int fd;
	uint8_t ours[NUMBERS / 8];
	char *path;
	struct hpc_node **rows;
	uint32_t self;
	bool dirty;
};

/* --- the kernel's -------------------------------------------------------------------------- */

static int kernel_self_get(struct disc_table *t, uint32_t *ret_number)
{
	return hpc_self_get(t->fd, ret_number);
}

static int kernel_self_set(struct disc_table *t, uint32_t number)
{
	return hpc_self_set(t->fd, number);
}

static int kernel_set(struct disc_table *t, const struct hpc_node *node)
{
	return hpc_node_set(t->fd, node);
}

static int kernel_del(struct disc_table *t, uint32_t number)
{
	return hpc_node_del(t->fd, number);
}

static int kernel_next(struct disc_table *t, uint32_t from, struct hpc_node *ret_node)
{
	return hpc_node_next(t->fd, from, ret_node);
}

static const struct backend kernel = {
	.self_get = kernel_self_get, .self_set = kernel_self_set, .set = kernel_set,
	.del = kernel_del, .next = kernel_next,
};

/* --- a file -------------------------------------------------------------------------------- */

static int file_self_get(struct disc_table *t, uint32_t *ret_number)
{
	*ret_number = t->self;
	return 0;
}

static int file_set(struct disc_table *t, const struct hpc_node *node)
{
	struct hpc_node **row = &t->rows[node->id], new = *node;

	new.status |= HPC_NODE_DEFINED | (node->id == t->self ? HPC_NODE_SELF : 0);
	if (!*row)
		*row = calloc(1, sizeof(**row));
	if (!*row)
		return -ENOMEM;
	t->dirty |= memcmp(*row, &new, sizeof(new)) != 0;
	**row = new;
	return 0;
}

static int file_del(struct disc_table *t, uint32_t number)
{
	if (!t->rows[number])
		return -ENOENT;
	free(t->rows[number]);
	t->rows[number] = NULL;
	t->dirty = true;
	return 0;
}

static int file_self_set(struct disc_table *t, uint32_t number)
{
	struct hpc_node node = { .id = number, .status = HPC_NODE_UP };

	if (number && t->rows[number])
		return -EEXIST;
	if (t->self)
		file_del(t, t->self);
	t->self = number;
	t->dirty = true;
	return number ? file_set(t, &node) : 0;
}

static int file_next(struct disc_table *t, uint32_t from, struct hpc_node *ret_node)
{
	for (; from <= HPC_NODE_MAX; from++) {
		if (t->rows[from]) {
			*ret_node = *t->rows[from];
			return 0;
		}
	}
	return -ENOENT;
}

static const struct backend file = {
	.self_get = file_self_get, .self_set = file_self_set, .set = file_set,
	.del = file_del, .next = file_next,
};

static void file_print_row(FILE *f, const struct hpc_node *node)
{
	char text[HPC_ADDR_TEXT];
	uint32_t i;

	fprintf(f, "%u 0x%x %u %u", node->id, node->status, node->cpus, node->speed);
	for (i = 0; i < node->naddrs; i++) {
		hpc_addr_format(&node->addr[i], NULL, text);
		fprintf(f, " %s", text);
	}
	fputc('\n', f);
}

int disc_table_flush(struct disc_table *t)
{
	char work[4096];
	uint32_t i;
	FILE *f;

	if (!t->path || !t->dirty)
		return 0;
	snprintf(work, sizeof(work), "%s.work", t->path);
	f = fopen(work, "we");
	if (!f)
		return -errno;
	for (i = 0; i < NUMBERS; i++)
		if (t->rows[i])
			file_print_row(f, t->rows[i]);
	if (fclose(f) || rename(work, t->path))
		return -errno;
	t->dirty = false;
	return 0;
}

/* --- opening ------------------------------------------------------------------------------- */

int disc_table_open_kernel(struct disc_table **ret_table)
{
	struct disc_table *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->backend = &kernel;
	t->fd = hpc_open(O_RDWR);
	if (t->fd < 0) {
		int ret = t->fd;

		free(t);
		return ret;
	}
	*ret_table = t;
	return 0;
}

int disc_table_open_file(const char *path, struct disc_table **ret_table)
{
	struct disc_table *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->backend = &file;
	t->fd = -1;
	t->path = strdup(path);
	t->rows = calloc(NUMBERS, sizeof(*t->rows));
	if (!t->path || !t->rows) {
		disc_table_close(t);
		return -ENOMEM;
	}
	t->dirty = true;
	*ret_table = t;
	return 0;
}

void disc_table_close(struct disc_table *t)
{
	uint32_t i;

	if (!t)
		return;
	for (i = 0; t->rows && i < NUMBERS; i++)
		free(t->rows[i]);
	free(t->rows);
	free(t->path);
	if (t->fd >= 0)
		hpc_close(t->fd);
	free(t);
}

/* --- rows ---------------------------------------------------------------------------------- */

static bool is_ours(const struct disc_table *t, uint32_t number)
{
	return t->ours[number / 8] >> number % 8 & 1;
}

static void ours_set(struct disc_table *t, uint32_t number, bool ours)
{
	t->ours[number / 8] &= ~(1u << number % 8);
	t->ours[number / 8] |= (unsigned int)ours << number % 8;
}

static bool is_link_local(const uint8_t *addr)
{
	return addr[0] == 0xfe && (addr[1] & 0xc0) == 0x80;
}

static void row_add_addr(struct hpc_node *node, const struct disc_addr *a, uint32_t ifindex)
{
	struct hpc_addr addr = { .family = a->family == 4 ? AF_INET : AF_INET6 };
	uint32_t i;

	memcpy(addr.addr, a->addr, a->family == 4 ? 4 : 16);
	if (a->family == 6 && is_link_local(a->addr))
		addr.scope = ifindex;
	if (hpc_addr_unusable(&addr) || node->naddrs == HPC_NODE_ADDRS)
		return;
	for (i = 0; i < node->naddrs; i++)
		if (!hpc_addr_compare(&node->addr[i], &addr))
			return;
	node->addr[node->naddrs++] = addr;
}

/* Where its packets come from is an address that works, so it comes first. */
static void row_fill_addrs(struct hpc_node *node, const struct disc_peer *p)
{
	struct disc_addr from = { .family = p->from.family };
	unsigned int i;

	memcpy(from.addr, p->from.addr, sizeof(from.addr));
	if (from.family)
		row_add_addr(node, &from, p->from.ifindex);
	for (i = 0; i < p->info.naddrs; i++)
		row_add_addr(node, &p->info.addr[i], p->from.ifindex);
}

static uint32_t row_status(const struct disc_peer *p)
{
	uint32_t status = p->flags & DISC_F_BLOCK ? HPC_NODE_BLOCK : 0;

	if (p->foreign)
		return status | HPC_NODE_FOREIGN;
	return status | HPC_NODE_UP | (p->state == DISC_SILENT ? HPC_NODE_SILENT : 0);
}

static uint32_t at_most(uint32_t value, uint32_t most)
{
	return value < most ? value : most;
}

static void row_fill(struct hpc_node *node, const struct disc_peer *p)
{
	node->id = p->number;
	node->status = row_status(p);
	node->cpus = p->info.cpus;
	node->speed = at_most(p->info.speed, HPC_SPEED_MAX);
	node->load = p->load;
	node->util = at_most(p->util, HPC_UTIL_MAX);
	node->mem = p->mem << 10;
	node->rmem = p->rmem << 10;
	node->tmem = p->info.tmem << 10;
	row_fill_addrs(node, p);
}

static int row_del(struct disc_table *t, uint32_t number)
{
	int ret;

	if (!is_ours(t, number))
		return 0;
	ours_set(t, number, false);
	ret = t->backend->del(t, number);
	return ret == -ENOENT || ret == -EBUSY ? 0 : ret;
}

int disc_table_update(struct disc_table *t, const struct disc *d, uint16_t number)
{
	const struct disc_peer *owner = disc_owner(d, number);
	struct hpc_node node = { 0 };
	uint32_t self = 0;

	t->backend->self_get(t, &self);
	if (!number || number == self || number == disc_number(d))
		return 0;
	if (!owner)
		return row_del(t, number);
	row_fill(&node, owner);
	ours_set(t, number, true);
	return t->backend->set(t, &node);
}

int disc_table_leaving(struct disc_table *t, uint16_t number)
{
	struct hpc_node node;

	if (!is_ours(t, number) || t->backend->next(t, number, &node) || node.id != number)
		return 0;
	node.status = (node.status & HPC_NODE_BLOCK) | HPC_NODE_LEAVING;
	return t->backend->set(t, &node);
}

void disc_table_sweep(struct disc_table *t, const struct disc *d)
{
	uint32_t i;

	for (i = 0; i < NUMBERS; i++) {
		if (i % 8 == 0 && !t->ours[i / 8])
			i += 7;
		else if (is_ours(t, i) && (!d || !disc_owner(d, i) || i == disc_number(d)))
			row_del(t, i);
	}
}

void disc_table_clear(struct disc_table *t)
{
	disc_table_sweep(t, NULL);
}

int disc_table_self(struct disc_table *t, uint32_t *ret_number)
{
	return t->backend->self_get(t, ret_number);
}

/* A number that was somebody else's until now has a row of ours. */
int disc_table_self_set(struct disc_table *t, uint32_t number)
{
	if (number)
		row_del(t, number);
	return t->backend->self_set(t, number);
}

int disc_table_self_addrs(struct disc_table *t, const struct disc_info *info)
{
	struct hpc_node node = { .status = HPC_NODE_UP };
	unsigned int i;
	int ret = t->backend->self_get(t, &node.id);

	if (ret || !node.id)
		return ret;
	/* Of which card a link-local one is would mean nothing elsewhere. */
	for (i = 0; i < info->naddrs; i++)
		if (info->addr[i].family == 4 || !is_link_local(info->addr[i].addr))
			row_add_addr(&node, &info->addr[i], 0);
	return t->backend->set(t, &node);
}

void disc_table_own(struct disc_table *t, struct hpc_node *ret_node)
{
	uint32_t self = 0;

	memset(ret_node, 0, sizeof(*ret_node));
	if (t->backend->self_get(t, &self) || !self)
		return;
	if (t->backend->next(t, self, ret_node) || ret_node->id != self)
		memset(ret_node, 0, sizeof(*ret_node));
}

void disc_table_adopt(struct disc_table *t)
{
	struct hpc_node node;
	uint32_t from = HPC_NODE_MIN;

	while (!t->backend->next(t, from, &node)) {
		from = node.id + 1;
		if ((node.status & MARKS) && !(node.status & HPC_NODE_SELF))
			ours_set(t, node.id, true);
	}
}

void disc_table_give_up(struct disc_table *t)
{
	memset(t->ours, 0, sizeof(t->ours));
}

bool disc_table_is_marked(const struct disc_table *t)
{
	return t->backend == &kernel && hpc_map_marked();
}

bool disc_table_has_map(struct disc_table *t)
{
	struct hpc_node node;
	uint32_t from = HPC_NODE_MIN;

	if (disc_table_is_marked(t))
		return true;
	while (!t->backend->next(t, from, &node)) {
		from = node.id + 1;
		if (!(node.status & (MARKS | HPC_NODE_SELF)))
			return true;
	}
	return false;
}
