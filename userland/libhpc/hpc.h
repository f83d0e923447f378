/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libhpc: what a program may ask of Tessera's engine, and the map of a cluster.
 *
 * device.c, move.c and events.c speak to /dev/hpc, process.c and proc.c to /proc,
 * cluster.c to both, discovery.c to omdiscd; address.c, map.c and json.c open no file, no
 * socket and no clock.
 * Every function that can fail returns 0 or -errno and leaves its ret_ arguments
 * alone when it fails; nothing here prints.
 */
#ifndef TESSERA_LIBHPC_HPC_H
#define TESSERA_LIBHPC_HPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include <linux/hpc.h>

#define HPC_DEVICE "/dev/hpc"

/* --- device.c: the kernel's node table --------------------------------------- */

/* Asking only wants O_RDONLY; changing something O_RDWR and CAP_SYS_ADMIN. */
int hpc_open(int flags);
void hpc_close(int fd);

int hpc_version(int fd, struct hpc_version *ret_version);
/* Node number of this machine, 0 while it is in no cluster. */
int hpc_self_get(int fd, uint32_t *ret_id);
int hpc_self_set(int fd, uint32_t id);

/* @node->size is filled in here. */
int hpc_node_set(int fd, const struct hpc_node *node);
/* -ENOENT: not in the table. */
int hpc_node_get(int fd, uint32_t id, struct hpc_node *ret_node);
int hpc_node_del(int fd, uint32_t id);
/* The node with the lowest number not below @from; -ENOENT after the last. */
int hpc_node_next(int fd, uint32_t from, struct hpc_node *ret_node);

/* --- move.c: moving processes ---------------------------------------------------- */

/*
 * Asks for @pid to move over the connected @sock to @node, where a process waits
 * in hpc_receive().  What becomes of it is told by an event.
 */
int hpc_send(int fd, pid_t pid, int sock, uint32_t node);
/* The caller becomes the process that comes over @sock.  Returns only failure. */
int hpc_receive(int fd, int sock);
/* Asks for @pid to come home: one of ours that is away, or a guest here. */
int hpc_bring(int fd, pid_t pid);

/* --- events.c: what the engine tells ---------------------------------------------- */

/* At least one event, at most @max.  -EAGAIN: none, and @fd is O_NONBLOCK. */
int hpc_events_read(int fd, struct hpc_event *ret_events, size_t max, size_t *ret_n);

/* --- process.c: the engine's files of a process in /proc ---------------------------- */

#define HPC_CANTMOVE_TEXT 512

/* Node that computes @pid, 0 for this one.  -ESRCH: there is no such process. */
int hpc_where(pid_t pid, uint32_t *ret_node);
/* Moves so far. */
int hpc_nmigs(pid_t pid, uint32_t *ret_nmigs);
/* Asks for a move to @node, 0: home.  -EBUSY: hpc_cantmove() knows why. */
int hpc_goto(pid_t pid, uint32_t node);
/* The kernel's words for what keeps it where it is, each on a line; "" if nothing. */
int hpc_cantmove(pid_t pid, char ret_words[HPC_CANTMOVE_TEXT]);
/* What one of these words means, as the end of "it ..."; NULL: not known here. */
const char *hpc_cantmove_meaning(const char *word);
/* Is @pid a guest of another node? */
bool hpc_is_guest(pid_t pid);

/* --- proc.c: /proc, and its plain files ------------------------------------------------- */

#define HPC_PROC_PATH 256

/* Where /proc is: $TESSERA_PROC, for tests of the tools, or /proc. */
const char *hpc_proc(void);
bool hpc_proc_is_other(void);

/* A file below /proc as text, cut off where it does not fit; and one write to it. */
int hpc_proc_read(char *ret_text, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
int hpc_proc_write(const char *text, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The numbers in /proc/hpc/admin. */
int hpc_admin_get(const char *name, uint32_t *ret_value);
int hpc_admin_set(const char *name, uint32_t value);
/* What the caller declares of itself in /proc/hpc/decay/@what. */
int hpc_declare(const char *what, const char *value);

int hpc_lock_get(pid_t pid, bool *ret_locked);
int hpc_lock_set(pid_t pid, bool locked);
/* /proc/PID/portable: it uses no more of a processor than all have. */
int hpc_portable_set(pid_t pid, bool portable);

/**
 * struct hpc_stat - some of /proc/PID/stat
 * @start:	clock ticks since the machine was booted
 * @utime, @stime: clock ticks
 * @vsize:	bytes
 * @rss:	pages
 */
struct hpc_stat {
	pid_t pid, ppid, pgrp, session, tpgid;
	char comm[64];
	char state;
	int tty, priority, nice;
	unsigned int flags, threads;
	unsigned long utime, stime, vsize, rss;
	uint64_t start;
};

int hpc_stat_parse(const char *text, struct hpc_stat *ret_stat);
/* -ESRCH: there is no such process. */
int hpc_stat_read(pid_t pid, struct hpc_stat *ret_stat);
bool hpc_stat_is_kernel(const struct hpc_stat *stat);

/* --- cluster.c: all nodes at once ---------------------------------------------------------- */

int hpc_info(int fd, pid_t pid, struct hpc_info *ret_info);

/* Nodes by number; {} to begin with. */
struct hpc_cluster {
	uint32_t self;
	struct hpc_node *node;
	size_t n, room;
};

int hpc_cluster_read(struct hpc_cluster *c);
void hpc_cluster_free(struct hpc_cluster *c);
const struct hpc_node *hpc_cluster_node(const struct hpc_cluster *c, uint32_t id);
/* "up", "blocked", "silent", "leaving", "foreign" or "down" */
const char *hpc_node_state(const struct hpc_node *node);
/* What an error of any of these means to who sits there. */
const char *hpc_error_text(int error);

/* --- discovery.c: what the running omdiscd knows ----------------------------------------------- */

#define HPC_HOST_TEXT 64

/* It keeps the table, unless that comes from a map. */
bool hpc_discovery_runs(void);
/* -ENOENT: the node has not told its name, or omdiscd does not run here. */
int hpc_host_name(uint32_t id, char ret_host[HPC_HOST_TEXT]);
int hpc_host_find(const char *host, uint32_t *ret_id);

/* While this file is there the table comes from a map, and omdiscd leaves it alone. */
#define HPC_MAP_MARK "/run/tessera/map"

int hpc_map_mark(void);
int hpc_map_unmark(void);
bool hpc_map_marked(void);

/* --- address.c ------------------------------------------------------------------ */

/* Longest text of an address: IPv6, '%', interface name, NUL. */
#define HPC_ADDR_TEXT 64

/* A numeric IPv4 or IPv6 address without '%'.  -EINVAL: it is not one. */
int hpc_addr_parse(const char *text, struct hpc_addr *ret_addr);
/* @scope_name: of the interface of a link-local address; NULL writes its index. */
void hpc_addr_format(const struct hpc_addr *addr, const char *scope_name,
		     char text[HPC_ADDR_TEXT]);
/* Orders by family, scope and number; the port does not count. */
int hpc_addr_compare(const struct hpc_addr *a, const struct hpc_addr *b);
/* The address @n further on.  -ERANGE: there is none. */
int hpc_addr_advance(const struct hpc_addr *addr, uint32_t n, struct hpc_addr *ret_addr);
/* Why no other machine can reach a node at @addr, in a few words; NULL: it can. */
const char *hpc_addr_unusable(const struct hpc_addr *addr);

/* --- map.c: openmosix.map(5) ------------------------------------------------------ */

#define HPC_MAP_LINES_MAX 256

/**
 * struct hpc_map_entry - one line of a map
 * @line:	its number in the file, from 1
 * @first:	node number of the first machine
 * @count:	machines with consecutive numbers and addresses; 0 for an ALIAS
 * @addr:	address of the first
 */
struct hpc_map_entry {
	unsigned int line;
	uint32_t first;
	uint32_t count;
	struct hpc_addr addr;
};

/* Entries in the order of the file. */
struct hpc_map {
	size_t n;
	struct hpc_map_entry entry[HPC_MAP_LINES_MAX];
};

/* What is wrong with a map, in words, and in which line (0: in none of them). */
struct hpc_map_error {
	unsigned int line;
	char text[384];
};

/*
 * Turns a host name (or an address with '%interface') into an address.  Returns
 * 0, -ENOENT for an unknown name, or another -errno.
 */
typedef int hpc_resolve_fn(const char *name, struct hpc_addr *ret_addr, void *arg);

/*
 * Reads a map of @len bytes.  A map that is returned is free of contradictions:
 * no number and no address belongs to two machines, each alias to one.
 * Returns -EINVAL and fills in @ret_error otherwise.
 */
int hpc_map_parse(const char *text, size_t len, hpc_resolve_fn *resolve, void *arg,
		  struct hpc_map *ret_map, struct hpc_map_error *ret_error);

size_t hpc_map_nodes(const struct hpc_map *map);
/* Like hpc_node_next(): only @id, @naddrs and @addr are filled in, the rest is 0. */
int hpc_map_next(const struct hpc_map *map, uint32_t from, struct hpc_node *ret_node);
/* Which node has @addr.  -ENOENT: none. */
int hpc_map_find(const struct hpc_map *map, const struct hpc_addr *addr, uint32_t *ret_id);

/* --- json.c ------------------------------------------------------------------------ */

/* @text in quotation marks.  What is no UTF-8 in it becomes U+FFFD. */
void hpc_json_string(FILE *out, const char *text);

#endif
