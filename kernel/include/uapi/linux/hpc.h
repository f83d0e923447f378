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
#define HPC_ABI_VERSION		3

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

/* --- moving processes ------------------------------------------------------ */

/**
 * struct hpc_move - HPC_IOC_SEND: move a process
 * @size:	sizeof(struct hpc_move)
 * @pid:	of the process, as the caller sees it
 * @fd:		a connected TCP socket; at its other end a fresh process waits
 *		in HPC_IOC_RECEIVE.  May be closed after the call.
 * @node:	number of the node at the other end
 *
 * Only asks: the process moves when it next leaves the kernel, and an event says
 * what became of it.  A process that is away comes home first.
 *
 * ESRCH no such process; EPERM it is a guest, or a kernel thread; EBUSY it may
 * not move (/proc/PID/cantmove says why) or has been asked already; EOPNOTSUPP
 * @fd is not a connected TCP socket; EBADF, ENOMEM.
 */
struct hpc_move {
	__u32	size;
	__s32	pid;
	__s32	fd;
	__u32	node;
};
#define HPC_IOC_SEND		_IOW(HPC_IOC_MAGIC, 0x10, struct hpc_move)

/*
 * The calling process, which must have one thread, becomes the process that
 * comes in over the connected TCP socket whose descriptor is the argument.
 * Returns only on failure, with the caller as it was: EPROTO malformed image;
 * EOPNOTSUPP of another version, kernel, or processor; ECONNRESET, ETIMEDOUT the
 * other end gave up; EBUSY more than one thread, or a guest already; EBADF,
 * ENOMEM; ECONNREFUSED this node takes no guests (/proc/hpc/admin/block).  On
 * success every descriptor of the caller is closed.
 *
 * The caller sees to the rest of its surroundings before: name spaces with the
 * PID the process has at home, control group, credentials.
 */
#define HPC_IOC_RECEIVE		_IOW(HPC_IOC_MAGIC, 0x11, __s32)

/*
 * Asks for the homecoming of a process, by its PID as the caller sees it: one of
 * this node that is away, or a guest here.  ESRCH: it is neither.
 */
#define HPC_IOC_BRING		_IOW(HPC_IOC_MAGIC, 0x12, __s32)

/* hpc_info.role */
#define HPC_ROLE_HOME		0	/* runs where it belongs */
#define HPC_ROLE_AWAY		1	/* belongs here, computes on hpc_info.node */
#define HPC_ROLE_GUEST		2	/* belongs to hpc_info.node, computes here */

/*
 * hpc_info.flags.  PORTABLE: it was started so that it uses no more of a processor
 * than every x86-64 PC has; /proc/PID/portable of a program that heeds that.
 */
#define HPC_INFO_PORTABLE	0x0001

/* hpc_info.job: what /proc/hpc/decay was told */
#define HPC_JOB_UNKNOWN		0	/* nothing */
#define HPC_JOB_CPU		1	/* cpujob */
#define HPC_JOB_IO		2	/* iojob */

/* hpc_info.decay: likewise */
#define HPC_DECAY_DEFAULT	0	/* nothing: fast */
#define HPC_DECAY_NONE		1
#define HPC_DECAY_SLOW		2
#define HPC_DECAY_FAST		3
#define HPC_DECAY_OWN		4
#define HPC_DECAY_ONE		1000	/* hpc_info.decay_keep of what never decays */

/**
 * struct hpc_info - HPC_IOC_INFO: what is known of a process
 * @size:	sizeof(struct hpc_info)
 * @pid:	in: of the process, as the caller sees it
 * @role:	HPC_ROLE_*
 * @node:	the other node, 0 if there is none
 * @nmigs:	moves so far
 * @home_pid:	of a guest: its PID at home; otherwise 0
 * @cantmove:	why it may not move, a bit for each word of /proc/PID/cantmove in
 *		the order in which that file prints them; 0: it may
 * @flags:	HPC_INFO_*; zero before interface version 3
 * @calls:	system calls carried out for it while away, in all its life
 * @pages:	pages of mapped files handed out to it while away, likewise
 * @image_bytes:	size of the last image of it, on the wire
 * @image_pages:	pages of memory in that
 * @freeze_ns:	how long the last move kept it from running
 * @job:	HPC_JOB_*
 * @decay:	HPC_DECAY_*
 * @decay_interval: seconds after which its statistics count for less
 * @decay_keep:	what is kept of them then, in 1/HPC_DECAY_ONE
 * @moved:	when the last move was, CLOCK_MONOTONIC in ns; 0: never
 * @cleared:	when what was observed of it was to be forgotten, likewise
 *
 * From @job on since interface version 2.
 * Anybody may ask of any process.  ESRCH: there is none.
 */
struct hpc_info {
	__u32	size;
	__s32	pid;
	__u32	role;
	__u32	node;
	__u32	nmigs;
	__u32	home_pid;
	__u32	cantmove;
	__u32	flags;
	__u64	calls;
	__u64	pages;
	__u64	image_bytes;
	__u64	image_pages;
	__u64	freeze_ns;
	__u32	job;
	__u32	decay;
	__u32	decay_interval;
	__u32	decay_keep;
	__u64	moved;
	__u64	cleared;
};
#define HPC_IOC_INFO		_IOWR(HPC_IOC_MAGIC, 0x13, struct hpc_info)

/* enum hpc_event_type - hpc_event.type */
#define HPC_EVENT_GOTO		1	/* @pid is to move to @node; 0: to the best one */
#define HPC_EVENT_AWAY		2	/* @pid computes on @node now */
#define HPC_EVENT_STAYED	3	/* a move of @pid failed: @error; it goes on */
#define HPC_EVENT_HOME		4	/* @pid came home from @node */
#define HPC_EVENT_ENDED		5	/* @pid ended while on @node */
#define HPC_EVENT_LOST		6	/* @node was lost with @pid, which is dead */
#define HPC_EVENT_ARRIVED	7	/* a guest of @node runs here as @pid */
#define HPC_EVENT_LEFT		8	/* guest @pid of @node is here no more */
#define HPC_EVENT_MISSED	9	/* @error events before this one are lost */

/**
 * struct hpc_event - what read(2) of /dev/hpc returns, as many as fit
 * @type:	HPC_EVENT_*
 * @pid:	in the initial PID name space
 * @node:	the other node
 * @error:	negative errno, 0 where none is meant
 * @time:	CLOCK_MONOTONIC, ns
 *
 * A file sees what happens from its first read(2) or poll(2) on.  Reading needs
 * CAP_SYS_ADMIN when the file was opened.  EAGAIN nothing new and O_NONBLOCK;
 * EINVAL the buffer is smaller than one event.
 */
struct hpc_event {
	__u32	type;
	__s32	pid;
	__u32	node;
	__s32	error;
	__u64	time;
};

#endif /* _UAPI_LINUX_HPC_H */
