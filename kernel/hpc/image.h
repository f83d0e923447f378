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
 * hpc_pack - send the image of the current process, but for its threads
 * @link:	where to
 * @threads:	as many follow
 * @stats:	filled in
 *
 * Called with all threads in hpc_gather().  Changes nothing of the process.
 *
 * Return: 0, an error of the link, -ENOMEM, or -EBUSY if something about the
 * process turned up that does not travel (see hpc_cantmove()).
 */
int hpc_pack(struct hpc_link *link, unsigned int threads,
	     struct hpc_image_stats *stats);

/*
 * The same for the current thread, whose registers are pure user state, up to
 * the END, which is left to the caller.
 */
int hpc_pack_thread(struct hpc_link *link);

/* A register set on hold until the thread is about to return to user mode. */
struct hpc_regs {
	struct list_head list;
	u32	note;
	u32	len;
	u8	data[] __counted_by(len);
};

/**
 * struct hpc_thread_image - one thread of an image
 * @list:	in hpc_arrival.threads
 * @thread:	checked, in force after hpc_arrive_thread()
 * @regs:	struct hpc_regs
 * @nregs:	how many
 * @link:	to its home; not of the first thread
 */
struct hpc_thread_image {
	struct list_head	list;
	struct hpc_wire_thread	thread;
	struct list_head	regs;
	unsigned int		nregs;
	struct hpc_link		*link;
};

/**
 * struct hpc_arrival - an image read so far
 * @home:	the process comes home; otherwise it becomes a guest
 * @head:	checked
 * @process:	checked
 * @actions:	signal handlers, in force after hpc_arrive()
 * @threads:	struct hpc_thread_image, the process's first thread first
 * @nthreads:	how many
 * @siginfos:	struct hpc_pending_sig, at a homecoming only
 * @nsiginfos:	how many
 * @old_mm:	what the task's memory was before; a reference is held
 * @stats:	filled in
 */
struct hpc_arrival {
	bool			home;
	struct hpc_wire_head	head;
	struct hpc_wire_process	process;
	struct hpc_wire_action	actions[64];
	struct list_head	threads;
	unsigned int		nthreads;
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
 * @a:		from hpc_arrival_new()
 *
 * On success the task has the image's memory, and nothing else of it: that is
 * in @a, for hpc_arrive().  On failure it has its own memory, as before.
 *
 * Return: 0, -EPROTO for a malformed image, -EOPNOTSUPP for one of another
 * version, kernel or processor, -ENOMEM, or an error of the link.
 */
int hpc_unpack(struct hpc_link *link, u32 head_len, struct hpc_arrival *a);

/*
 * hpc_unpack_thread - read one thread, at a homecoming over a link of its own
 * @type:	of the first frame, whose header has been read
 * @len:	its length
 *
 * Returns as hpc_unpack() does.
 */
int hpc_unpack_thread(struct hpc_link *link, u16 type, u32 len,
		      struct hpc_arrival *a);

/* The first, or only, thread of @a. */
struct hpc_thread_image *hpc_arrival_first(struct hpc_arrival *a);

/* Takes over what is the process's, but for the memory. */
void hpc_arrive(struct hpc_arrival *a);
/* And what is the thread's.  Cannot fail but for bad registers. */
int hpc_arrive_thread(struct hpc_thread_image *t, bool home);
void hpc_thread_image_free(struct hpc_thread_image *t);

/* Goes on with a futex wait that a move interrupted; sleeps as long as it does. */
void hpc_arrive_futex(const struct hpc_wire_thread *t);

/* Gives the task its old memory back. */
void hpc_unpack_undo(struct hpc_arrival *a);
/* For an image that is to come, @home or here.  NULL: no memory. */
struct hpc_arrival *hpc_arrival_new(bool home);
/* Frees @a and what it holds.  Its memory, if it was not undone, is the task's. */
void hpc_arrival_free(struct hpc_arrival *a);

#endif /* _HPC_IMAGE_H */
