/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The half of a process that runs its program, away from home.
 */
#ifndef _HPC_GUEST_H
#define _HPC_GUEST_H

#include <linux/types.h>

#include "wire.h"

struct folio;
struct hpc_task;
struct kernel_clone_args;
struct pt_regs;

struct hpc_ranges;
struct timer_list;

/*
 * Fills folios @index to @index + @n - 1 of home's file @file.  Called by the
 * page cache for the thread that touched them.  -EIO: it is no guest's.
 */
int hpc_guest_fetch(u32 file, pgoff_t index, struct folio **folios,
		    unsigned int n);

/*
 * Has home carry out system call @nr.  Return: what it returned there, which
 * may be one of the -ERESTART* codes; does not return if the link is lost.
 */
long hpc_guest_call(struct hpc_task *hpc, unsigned int nr,
		    const unsigned long *arg, const struct hpc_ranges *ranges);

/* Asks home for its file behind @fd.  -EXDEV: it must be done at home. */
int hpc_guest_mmap(struct hpc_task *hpc, int fd, u32 prot, u32 flags, u32 *id);

/*
 * Sends home a frame and waits for the answer, which is @size bytes; or only
 * waits for another one.  An error is the end of the guest.
 */
int hpc_guest_ask(struct hpc_task *hpc, u16 type, const void *body, u32 len,
		  u16 want, void *answer, u32 size);
int hpc_guest_answer(struct hpc_task *hpc, u16 want, void *answer, u32 size);

/*
 * fork() and its kin: the child's number, or an error.  -EXDEV: it must be done
 * at home.  Changes @args.
 */
long hpc_guest_clone(struct hpc_task *hpc, struct kernel_clone_args *args);

/* Tells home of a new handler; does not wait. */
void hpc_guest_action(struct hpc_task *hpc, int sig);

/*
 * Tells home which signals are blocked, if that has changed.  Waits only if some
 * are let in: what home has of those comes before this returns.
 */
void hpc_guest_mask(struct hpc_task *hpc);

/* The current thread is one from now on. */
void hpc_guest_begin(struct hpc_task *hpc);

/* hpc_task.report has expired. */
void hpc_guest_report(struct timer_list *timer);

/* The guest is about to return to user mode and was kicked. */
void hpc_guest_user(struct hpc_task *hpc);

/* The current task, a guest, ends. */
void hpc_guest_exit(struct hpc_task *hpc, long code);

/* The guest goes home as soon as its registers are pure user state. */
void hpc_guest_want_home(struct hpc_task *hpc);

/* --- calls.c --------------------------------------------------------------- */

/* A system call of a guest.  true: it is dealt with, the result is in @regs. */
bool hpc_guest_syscall(struct hpc_task *hpc, struct pt_regs *regs, long nr);
/* May a call that met -EINTR be restarted if no handler ran? */
bool hpc_call_restarts(unsigned int nr);
/* May home be asked to carry out @nr?  Checked by the deputy. */
bool hpc_call_forwarded(unsigned int nr);

#endif /* _HPC_GUEST_H */
