/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is observed of processes: of this node's own, wherever they compute, and of
 * guests here.  Each look at all of them adds to running averages, which decay as
 * the process wishes (/proc/hpc/decay).
 */
#ifndef TESSERA_HPCD_PROCESSES_H
#define TESSERA_HPCD_PROCESSES_H

#include <stdbool.h>
#include <stdint.h>

#include "balance.h"
#include "hpc.h"

/* An average in which what is older counts for less. */
struct hpcd_average {
	double sum, weight;
};

/* @value held for @ms; of what was before, @keep thousandths are kept every @interval_s. */
void hpcd_average_add(struct hpcd_average *a, double value, double ms, uint32_t interval_s,
		      uint32_t keep);
/* 0 if nothing is known. */
double hpcd_average(const struct hpcd_average *a);

/**
 * struct hpcd_process - one process
 * @next:	in the table
 * @stat:	as last seen
 * @info:	likewise, of those it was worth asking about
 * @away:	node it computes on, 0: here
 * @home:	of a guest: node it belongs to, otherwise 0
 * @kernel:	a thread of the kernel
 * @leaving:	until then (ms) a move is under way
 * @retry:	not to be moved before (ms)
 * @retry_ms:	how long that was the last time
 * @since:	when it moved last; 0: never
 * @moved:	when it moved because the balancer wanted it to, the newest first
 * @ticks:	processor time when last seen
 * @calls:	to home, or reads and writes at home, when last seen
 * @seen:	when that was, in ms
 * @round:	of the last look
 * @demand:	of a processor, 0 to 1
 * @talk:	calls for each second of processor time
 * @talked:	the same, remembered from its last time away
 */
struct hpcd_process {
	struct hpcd_process *next;
	struct hpc_stat stat;
	struct hpc_info info;
	uint32_t away;
	uint32_t home;
	bool kernel;
	int64_t leaving;
	int64_t retry;
	int64_t retry_ms;
	int64_t since;
	int64_t moved[3];
	uint64_t ticks;
	uint64_t calls;
	int64_t seen;
	unsigned int round;
	struct hpcd_average demand;
	struct hpcd_average talk;
	double talked;
};

/*
 * Looks at all processes there are.  @engine: /dev/hpc; @rtt_us: a call to home.
 */
int hpcd_processes_look(int engine, int64_t now, uint32_t rtt_us);

/* All that were there at the last look; begin with NULL. */
struct hpcd_process *hpcd_process_next(const struct hpcd_process *p);
/* NULL: not seen yet. */
struct hpcd_process *hpcd_process_find(pid_t pid);
unsigned int hpcd_processes_away(void);
unsigned int hpcd_processes_count(void);

/* What the engine told: it computes on @node now, 0: here. */
void hpcd_process_moved(pid_t pid, uint32_t node, int64_t now);
void hpcd_process_guest(pid_t pid, uint32_t home);
/* It did not move; how long to leave it alone. */
void hpcd_process_stayed(struct hpcd_process *p, int64_t now);

/*
 * Fills in what the balancer wants to know of @p.  @speed as in the node table.
 * false: it is none of the balancer's business.
 */
bool hpcd_process_describe(const struct hpcd_process *p, int64_t now, uint32_t speed,
			   struct balance_process *ret_process);

/* Does a person sit at it, or is it part of the system? */
bool hpcd_process_belongs_here(const struct hpc_stat *stat);

#endif
