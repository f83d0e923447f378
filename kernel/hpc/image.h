/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The image of a process: written by pack.c from the current task, read by
 * unpack.c into the current task.
 */
#ifndef _HPC_IMAGE_H
#define _HPC_IMAGE_H

#include <linux/list.h>
#include <linux/types.h>

#include "wire.h"

struct hpc_link;
struct mm_struct;

/**
 * struct hpc_image_stats - what a pack or unpack came to
 * @pages:	sent or received
 * @zeroes:	pages found to be all zero and left out
 * @bytes:	on the wire
 */
struct hpc_image_stats {
	u64	pages;
	u64	zeroes;
	u64	bytes;
};

/**
 * hpc_pack - send the image of the current task
 * @link:	where to
 * @stats:	filled in
 *
 * Called with the registers of the thread in pt_regs being pure user state.
 * Changes nothing of the task.
 *
 * Return: 0, an error of the link, -ENOMEM, or -EBUSY if something about the
 * process turned up that does not travel (see hpc_cantmove()).
 */
int hpc_pack(struct hpc_link *link, struct hpc_image_stats *stats);

/* A register set on hold until the thread is about to return to user mode. */
struct hpc_regs {
	struct list_head list;
	u32	note;
	u32	len;
	u8	data[] __counted_by(len);
};

/**
 * struct hpc_arrival - an image read so far
 * @home:	the process comes home; otherwise it becomes a guest
 * @head:	checked
 * @process:	checked
 * @thread:	checked, in force after hpc_arrive()
 * @actions:	signal handlers, likewise
 * @regs:	struct hpc_regs
 * @nregs:	how many
 * @siginfos:	struct hpc_pending_sig, at a homecoming only
 * @nsiginfos:	how many
 * @old_mm:	what the task's memory was before; a reference is held
 * @stats:	filled in
 */
struct hpc_arrival {
	bool			home;
	struct hpc_wire_head	head;
	struct hpc_wire_process	process;
	struct hpc_wire_thread	thread;
	struct hpc_wire_action	actions[64];
	struct list_head	regs;
	unsigned int		nregs;
	struct list_head	siginfos;
	unsigned int		nsiginfos;
	struct mm_struct	*old_mm;
	struct hpc_image_stats	stats;
};

struct hpc_pending_sig {
	struct list_head	list;
	struct hpc_wire_siginfo	info;
};

/**
 * hpc_unpack - read an image into the current task
 * @link:	where from; positioned behind the HEAD frame's header
 * @head_len:	length in that header
 * @a:		zeroed by the caller but for @home
 *
 * On success the task has the image's memory, and nothing else of it: that is
 * in @a, for hpc_arrive().  On failure it has its own memory, as before.
 *
 * Return: 0, -EPROTO for a malformed image, -EOPNOTSUPP for one of another
 * version, kernel or processor, -ENOMEM, or an error of the link.
 */
int hpc_unpack(struct hpc_link *link, u32 head_len, struct hpc_arrival *a);

/* Takes over all of @a but the memory.  Cannot fail but for bad registers. */
int hpc_arrive(struct hpc_arrival *a);

/* Goes on with a futex wait that a move interrupted; sleeps as long as it does. */
void hpc_arrive_futex(const struct hpc_wire_thread *t);

/* Gives the task its old memory back. */
void hpc_unpack_undo(struct hpc_arrival *a);
/* Frees what @a holds.  Its memory, if it was not undone, is the task's. */
void hpc_arrival_free(struct hpc_arrival *a);

#endif /* _HPC_IMAGE_H */
