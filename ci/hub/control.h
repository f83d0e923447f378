/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hub's control language: one command a line, answered by zero or more
 * lines "data ..." and then "ok", or by "error TEXT".
 *
 *	set FROM TO KEY=VALUE...   FROM, TO: a port's name or *; keys: loss, dup,
 *				   reorder (0..1), delay, jitter, gap (ms), cut (0, 1)
 *	partition A,B|C,D ...	   cuts all that joins ports of different groups, and
 *				   mends all other cuts; a port in no group keeps all
 *	heal			   mends all cuts
 *	clear			   takes all faults away
 *	show			   the pairs that have a fault, and the seed
 *	stats			   counters of each port
 *	pcap PATH [MIB]		   records frames entering the LAN (at most MIB)
 *	pcap off
 *	quit
 */
#ifndef TESSERA_HUB_CONTROL_H
#define TESSERA_HUB_CONTROL_H

#include <stddef.h>

#include "lan.h"

#define HUB_LINE_MAX	4096

/* What control.c cannot do itself, since it touches no files. */
struct hub_control_ops {
	/* path NULL: stop.  0 or -errno. */
	int (*pcap)(void *arg, const char *path, uint64_t bytes_max);
	void (*quit)(void *arg);
	void *arg;
};

/* Carries out `line` (which it takes apart) and writes the answer, NUL-terminated, to reply. */
void hub_control(struct hub_lan *lan, const struct hub_control_ops *ops, char *line,
		 char *reply, size_t size);

#endif
