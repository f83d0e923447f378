// SPDX-License-Identifier: GPL-2.0-only
/* The cluster as a whole, as the tools show it. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "hpc.h"

int hpc_info(int fd, pid_t pid, struct hpc_info *ret_info)
{
	struct hpc_info info = { .size = sizeof(info), .pid = pid };

	if (ioctl(fd, HPC_IOC_INFO, &info) < 0)
		return -errno;
	*ret_info = info;
	return 0;
}

static int append(struct hpc_cluster *c, const struct hpc_node *node)
{
	void *more;

	if (c->n == c->room) {
		size_t room = c->room ? c->room * 2 : 64;

		more = realloc(c->node, room * sizeof(*c->node));
		if (!more)
			return -ENOMEM;
		c->node = more;
		c->room = room;
	}
	c->node[c->n++] = *node;
	return 0;
}

static int read_device(struct hpc_cluster *c, int fd)
{
	uint32_t from = HPC_NODE_MIN;
	struct hpc_node node;
	int ret;

	ret = hpc_self_get(fd, &c->self);
	if (ret)
		return ret;
	while (!(ret = hpc_node_next(fd, from, &node))) {
		ret = append(c, &node);
		if (ret)
			return ret;
		from = node.id + 1;
	}
	return ret == -ENOENT ? 0 : ret;
}

/* --- from files, for tests of the tools ------------------------------------------------- */

static uint64_t node_number(uint32_t id, const char *name)
{
	char text[32];

	if (hpc_proc_read(text, sizeof(text), "hpc/nodes/%u/%s", id, name))
		return 0;
	return strtoull(text, NULL, 10);
}

static int by_id(const void *a, const void *b)
{
	const struct hpc_node *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

static int read_files(struct hpc_cluster *c)
{
	char path[HPC_PROC_PATH];
	const struct dirent *e;
	struct hpc_node node;
	int ret;
	DIR *dir;

	ret = hpc_admin_get("mospe", &c->self);
	if (ret)
		return ret;
	snprintf(path, sizeof(path), "%s/hpc/nodes", hpc_proc());
	dir = opendir(path);
	if (!dir)
		return -errno;
	while (!ret && (e = readdir(dir))) {
		uint32_t id = strtoul(e->d_name, NULL, 10);

		if (!id)
			continue;
		node = (struct hpc_node) {
			.id = id, .status = node_number(id, "status"), .cpus = node_number(id, "cpus"),
			.speed = node_number(id, "speed"), .load = node_number(id, "load"),
			.util = node_number(id, "util"), .mem = node_number(id, "mem"),
			.rmem = node_number(id, "rmem"), .tmem = node_number(id, "tmem"),
		};
		ret = append(c, &node);
	}
	closedir(dir);
	if (c->n)
		qsort(c->node, c->n, sizeof(*c->node), by_id);
	return ret;
}

int hpc_cluster_read(struct hpc_cluster *c)
{
	int fd, ret;

	c->n = 0;
	if (hpc_proc_is_other())
		return read_files(c);
	fd = hpc_open(O_RDONLY);
	if (fd < 0)
		return fd;
	ret = read_device(c, fd);
	hpc_close(fd);
	return ret;
}

void hpc_cluster_free(struct hpc_cluster *c)
{
	free(c->node);
	*c = (struct hpc_cluster) { 0 };
}

const struct hpc_node *hpc_cluster_node(const struct hpc_cluster *c, uint32_t id)
{
	struct hpc_node key = { .id = id };

	return c->n ? bsearch(&key, c->node, c->n, sizeof(*c->node), by_id) : NULL;
}

const char *hpc_node_state(const struct hpc_node *node)
{
	if (node->status & HPC_NODE_FOREIGN)
		return "foreign";
	if (node->status & HPC_NODE_LEAVING)
		return "leaving";
	if (!(node->status & HPC_NODE_UP))
		return "down";
	if (node->status & HPC_NODE_SILENT)
		return "silent";
	return node->status & HPC_NODE_BLOCK ? "blocked" : "up";
}

const char *hpc_error_text(int error)
{
	switch (error) {
	case -ENOENT:
		return "the running kernel is not Tessera's, or too old";
	case -EPERM:
	case -EACCES:
		return "permission denied; try again as root";
	case -EOPNOTSUPP:
		return "the running kernel is not Tessera's";
	default:
		return strerror(-error);
	}
}
