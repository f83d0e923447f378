/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The processes of this machine, and where each computes: for mps, mtop, mosmon.
 */
#ifndef TESSERA_TOOLS_PROCLIST_H
#define TESSERA_TOOLS_PROCLIST_H

#include <stdbool.h>
#include <stdio.h>

#include "hpc.h"

/**
 * struct proc_row - one process
 * @node:	computes on it; 0: here
 * @home:	of a guest: node it belongs to; otherwise 0
 * @nmigs:	moves so far
 * @locked:	stays where it is
 * @cpu:	percent of a processor, since the read before, or in all its life
 * @user:	owner's name, or number
 * @command:	its words, or its name in brackets
 */
struct proc_row {
	struct hpc_stat stat;
	uid_t uid;
	uint32_t node, home, nmigs;
	bool locked;
	double cpu;
	char user[16];
	char command[160];
};

/* {} to begin with; threads of the kernel are left out. */
struct proc_list {
	struct proc_row *row, *before;
	size_t n, room, n_before, room_before;
	double uptime, uptime_before;
	unsigned long mem_total_kib, mem_available_kib;
	char load[32];		/* the three averages */
};

int proc_list_read(struct proc_list *list);
void proc_list_free(struct proc_list *list);

enum proc_sort { PROC_BY_PID, PROC_BY_CPU, PROC_BY_MEMORY, PROC_BY_NODE, PROC_BY_TIME };
void proc_list_sort(struct proc_list *list, enum proc_sort by);
/* "%CPU", as the end of "by ...". */
const char *proc_sort_word(enum proc_sort by);

/* "12", or "<7" for a guest of node 7, or "0". */
void proc_node_text(const struct proc_row *row, char text[12]);
void proc_time_text(const struct proc_row *row, char text[16]);
void proc_tty_text(const struct proc_row *row, char text[16]);
/* How long the machine is up, its load, and its memory, in a line. */
void proc_machine_text(const struct proc_list *list, char *text, size_t size);
double proc_memory_percent(const struct proc_list *list, const struct proc_row *row);
unsigned long proc_rss_kib(const struct proc_row *row);

#endif
