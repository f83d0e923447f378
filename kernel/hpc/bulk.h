/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Long reads and writes, in pieces.
 */
#ifndef _HPC_BULK_H
#define _HPC_BULK_H

#include <linux/file.h>
#include <linux/types.h>

struct hpc_link;
struct pipe_inode_info;
struct hpc_ranges;
struct hpc_wire_call;

/**
 * struct hpc_bulk - one of them
 * @fd:		the file, and its position's lock
 * @pos:	where it goes on
 * @pipe:	has what came of a write and is not in the file yet
 * @waiting:	how much that is, bytes
 * @count:	its bytes
 * @done:	read or written so far
 * @travelled:	bytes to be written that came over the link
 * @write:	or read
 * @positioned:	the call names the position
 */
struct hpc_bulk {
	struct fd	fd;
	loff_t		pos;
	struct pipe_inode_info *pipe;
	size_t		waiting;
	size_t		count;
	size_t		done;
	size_t		travelled;
	bool		write;
	bool		positioned;
};

/*
 * True if the call is such a one: then its IN bytes are still on the link, and
 * hpc_bulk_call() is to follow.
 */
bool hpc_bulk_begin(struct hpc_bulk *b, const struct hpc_wire_call *w,
		    const struct hpc_ranges *ranges);
/* What the call returns.  What was read is on its way, in PART frames. */
long hpc_bulk_call(struct hpc_bulk *b, struct hpc_link *link);

#endif /* _HPC_BULK_H */
