/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * Tessera's migration engine: what user space may ask of /dev/hpc.
 *
 * Every structure begins with its own size, as the caller knows it.  A newer
 * kernel takes an older, shorter one and reads the missing tail as zeroes; an
 * older kernel takes a newer one only if what it does not know is zero, and
 * answers E2BIG otherwise.  All integers are in the machine's byte order:
 * nothing here travels between nodes.
 *
 * Errors common to all requests: ENOTTY unknown request, EFAULT bad pointer,
 * EINVAL a size below the first published one, a reserved field not zero, or a
 * value out of the range given at the field, EPERM a request that changes
 * something through a file that was not opened with CAP_SYS_ADMIN.
 */
#ifndef _UAPI_LINUX_HPC_H
#define _UAPI_LINUX_HPC_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* Grows by one with every change that a program could notice. */
#define HPC_ABI_VERSION		1

#define HPC_NODE_MIN		1
#define HPC_NODE_MAX		65535	/* as in openMosix: 16 bits */
#define HPC_NODE_ADDRS		8	/* addresses kept for one node */
#define HPC_SPEED_STANDARD	10000	/* one 1 GHz Pentium III, as in openMosix */
#define HPC_SPEED_MAX		10000000
#define HPC_CPUS_MAX		65535
#define HPC_UTIL_MAX		100

/**
 * struct hpc_version - HPC_IOC_VERSION: who answers
 * @size:	sizeof(struct hpc_version)
 * @abi:	out: HPC_ABI_VERSION of the running kernel
 * @self:	out: own node number, 0 while none is set
 * @reserved:	zero
 * @release:	out: the kernel's release, as `uname -r` prints it
 */
struct hpc_version {
	__u32	size;
	__u32	abi;
	__u32	self;
	__u32	reserved;
	char	release[64];
};

/* enum hpc_node_status - bits of hpc_node.status and of nodes/N/status.
 * 1 and 2 together are openMosix's "3": a live node.
 */
#define HPC_NODE_DEFINED	0x0001	/* in the table */
#define HPC_NODE_UP		0x0002	/* heard of lately, may be used */
#define HPC_NODE_SELF		0x0004	/* the node that answers */
#define HPC_NODE_BLOCK		0x0008	/* takes no guests */
#define HPC_NODE_LEAVING	0x0010	/* said goodbye */
#define HPC_NODE_SILENT		0x0020	/* beats are missing, not yet dead */
#define HPC_NODE_FOREIGN	0x0040	/* other protocol version: listed, not used */
#define HPC_NODE_STATUS_MASK	0x007f
/* What a writer may say; the rest is the kernel's. */
#define HPC_NODE_STATUS_WRITABLE \
	(HPC_NODE_UP | HPC_NODE_BLOCK | HPC_NODE_LEAVING | HPC_NODE_SILENT | \
	 HPC_NODE_FOREIGN)

/**
 * struct hpc_addr - one address of a node
 * @family:	AF_INET or AF_INET6; 0 marks an unused slot
 * @port:	of its hpcd, host byte order; 0 for the standard one
 * @scope:	interface index for link-local IPv6 addresses, otherwise 0
 * @addr:	network byte order; IPv4 in the first four bytes, the rest zero
 */
struct hpc_addr {
	__u16	family;
	__u16	port;
	__u32	scope;
	__u8	addr[16];
};

/**
 * struct hpc_node - HPC_IOC_NODE_SET, HPC_IOC_NODE_GET: a line of the table
 * @size:	sizeof(struct hpc_node)
 * @id:		node number, HPC_NODE_MIN to HPC_NODE_MAX
 * @status:	HPC_NODE_* bits; only those of HPC_NODE_STATUS_WRITABLE are taken
 * @cpus:	processors online, 0 to HPC_CPUS_MAX
 * @speed:	of one processor; HPC_SPEED_STANDARD is the reference, 0 unknown
 * @load:	runnable processes per processor, normalised by speed, times 100
 * @util:	processor time in use, percent of all processors, 0 to 100
 * @naddrs:	how many of @addr are in use, 0 to HPC_NODE_ADDRS
 * @mem:	bytes a guest could get there without the node swapping
 * @rmem:	bytes not in use at all
 * @tmem:	bytes of memory in all
 * @addr:	the first is the one to try first
 *
 * The numbers of the own node are the kernel's: they are answered as they are
 * at that moment, whatever was written last; only @naddrs and @addr are kept.
 */
struct hpc_node {
	__u32	size;
	__u32	id;
	__u32	status;
	__u32	cpus;
	__u32	speed;
	__u32	load;
	__u32	util;
	__u32	naddrs;
	__u64	mem;
	__u64	rmem;
	__u64	tmem;
	struct hpc_addr addr[HPC_NODE_ADDRS];
};

#define HPC_IOC_MAGIC		0xd6

/* Fills in struct hpc_version.  Anybody may ask. */
#define HPC_IOC_VERSION		_IOWR(HPC_IOC_MAGIC, 0x00, struct hpc_version)

/*
 * Sets the own node number; 0 means that this machine is in no cluster, and
 * empties the node table as openMosix's `echo 0 > admin/mospe` did.
 * EEXIST: another node of the table has that number.
 */
#define HPC_IOC_SELF		_IOW(HPC_IOC_MAGIC, 0x01, __u32)

/*
 * Adds a node to the table, or replaces what is known of it.  Numbers, status
 * and addresses change together: no reader sees half of an update.
 * ENOMEM: no memory; the table is as it was.
 */
#define HPC_IOC_NODE_SET	_IOW(HPC_IOC_MAGIC, 0x02, struct hpc_node)

/* Reads the node named by @id.  ENOENT: not in the table.  Anybody may ask. */
#define HPC_IOC_NODE_GET	_IOWR(HPC_IOC_MAGIC, 0x03, struct hpc_node)

/* Removes a node.  ENOENT: not in the table.  EBUSY: it is the own node. */
#define HPC_IOC_NODE_DEL	_IOW(HPC_IOC_MAGIC, 0x04, __u32)

/* Like HPC_IOC_NODE_GET, of the lowest number not below @id: walks the table. */
#define HPC_IOC_NODE_NEXT	_IOWR(HPC_IOC_MAGIC, 0x05, struct hpc_node)

#endif /* _UAPI_LINUX_HPC_H */
