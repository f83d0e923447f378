// SPDX-License-Identifier: GPL-2.0-only
/* Asking the engine to move a process. */

#include <errno.h>
#include <sys/ioctl.h>

#include "hpc.h"

int hpc_send(int fd, pid_t pid, int sock, uint32_t node)
{
	struct hpc_move move = { .size = sizeof(move), .pid = pid, .fd = sock, .node = node };

	return ioctl(fd, HPC_IOC_SEND, &move) < 0 ? -errno : 0;
}

int hpc_receive(int fd, int sock)
{
	__s32 arg = sock;

	return ioctl(fd, HPC_IOC_RECEIVE, &arg) < 0 ? -errno : 0;
}

int hpc_bring(int fd, pid_t pid)
{
	__s32 arg = pid;

	return ioctl(fd, HPC_IOC_BRING, &arg) < 0 ? -errno : 0;
}
