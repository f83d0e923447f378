// SPDX-License-Identifier: GPL-2.0-only
/* The requests of /dev/hpc as functions. */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "hpc.h"

int hpc_open(int flags)
{
	int fd = open(HPC_DEVICE, flags | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

void hpc_close(int fd)
{
	if (fd >= 0)
		close(fd);
}

static int request(int fd, unsigned long number, void *arg)
{
	return ioctl(fd, number, arg) < 0 ? -errno : 0;
}

int hpc_version(int fd, struct hpc_version *ret_version)
{
	struct hpc_version v = { .size = sizeof(v) };
	int ret = request(fd, HPC_IOC_VERSION, &v);

	if (ret)
		return ret;
	v.release[sizeof(v.release) - 1] = '\0';
	*ret_version = v;
	return 0;
}

int hpc_self_get(int fd, uint32_t *ret_id)
{
	struct hpc_version v;
	int ret = hpc_version(fd, &v);

	if (ret)
		return ret;
	*ret_id = v.self;
	return 0;
}

int hpc_self_set(int fd, uint32_t id)
{
	return request(fd, HPC_IOC_SELF, &id);
}

int hpc_node_set(int fd, const struct hpc_node *node)
{
	struct hpc_node n = *node;

	n.size = sizeof(n);
	return request(fd, HPC_IOC_NODE_SET, &n);
}

static int node_read(int fd, unsigned long number, uint32_t id, struct hpc_node *ret_node)
{
	struct hpc_node n = { .size = sizeof(n), .id = id };
	int ret = request(fd, number, &n);

	if (ret)
		return ret;
	/* Whoever walks naddrs addresses stays within the array. */
	if (n.naddrs > HPC_NODE_ADDRS)
		return -EPROTO;
	*ret_node = n;
	return 0;
}

int hpc_node_get(int fd, uint32_t id, struct hpc_node *ret_node)
{
	return node_read(fd, HPC_IOC_NODE_GET, id, ret_node);
}

int hpc_node_del(int fd, uint32_t id)
{
	return request(fd, HPC_IOC_NODE_DEL, &id);
}

int hpc_node_next(int fd, uint32_t from, struct hpc_node *ret_node)
{
	/* So that "the one after the last I saw" may always be asked for. */
	if (from > HPC_NODE_MAX)
		return -ENOENT;
	return node_read(fd, HPC_IOC_NODE_NEXT, from < HPC_NODE_MIN ? HPC_NODE_MIN : from,
			 ret_node);
}
