// SPDX-License-Identifier: GPL-2.0-only
/* mps: ps, with the node each process computes on; see mps(1). */

#include <getopt.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hpc.h"
#include "proclist.h"
#include "tool.h"

const char *tool_name = "mps";

/* Which processes, and how. */
static struct {
	bool all, full, json, moved, guests;
	long node;		/* -1: any */
	const char *user;
	char *const *pids;
	int n_pids;
	struct hpc_stat self;
	uint32_t own_node;
} m = { .node = -1 };

static void help(FILE *out)
{
	fputs("usage: mps [-e | -u USER | -m | -g | -n NODE | PID...] [-f] [--json]\n"
	      "\n"
	      "Lists processes like ps, with the node each one computes on (0: this one, <N: a guest\n"
	      "that belongs to node N) and how often it has moved.  Without options: those of your\n"
	      "terminal.\n"
	      "\n"
	      "  -e, -A, --all     all processes\n"
	      "  -u, --user USER   those of a user\n"
	      "  -m, --moved       those that compute on other nodes\n"
	      "  -g, --guests      those of other nodes that compute here\n"
	      "  -n, --node NODE   those that compute on a node\n"
	      "  -f, --full        parent, priority and memory as well\n"
	      "  -j, --json        for programs\n"
	      "  -h, --help        this text\n"
	      "  -V, --version     version of this program\n"
	      "\n"
	      "Exit status: 0 printed, 1 none found or failed, 2 wrong usage.  See also: mtop(1),\n"
	      "migrate(1).\n", out);
}

static bool is_wanted(const struct proc_row *row)
{
	int i;

	for (i = 0; i < m.n_pids; i++)
		if (atoi(m.pids[i]) == row->stat.pid)
			return true;
	if (m.n_pids)
		return false;
	if (m.moved || m.guests)
		return (m.moved && row->node) || (m.guests && row->home);
	if (m.node >= 0)
		return row->node == (m.node == m.own_node ? 0 : m.node);
	if (m.user)
		return !strcmp(row->user, m.user);
	return m.all || (row->stat.tty && row->stat.tty == m.self.tty && row->uid == geteuid());
}

static void print_json(const struct proc_row *row, bool first)
{
	printf("%s\n  {\"pid\": %d, \"ppid\": %d, \"user\": ", first ? "" : ",", row->stat.pid,
	       row->stat.ppid);
	hpc_json_string(stdout, row->user);
	printf(", \"node\": %u, \"home\": %u, \"moves\": %u, \"locked\": %s, \"state\": \"%c\", "
	       "\"cpu\": %.1f, \"rss_kib\": %lu, \"command\": ", row->node, row->home, row->nmigs,
	       row->locked ? "true" : "false", row->stat.state, row->cpu, proc_rss_kib(row));
	hpc_json_string(stdout, row->command);
	putchar('}');
}

static void print_row(const struct proc_row *row)
{
	char node[12], time[16], tty[16];

	proc_node_text(row, node);
	proc_time_text(row, time);
	proc_tty_text(row, tty);
	printf("%7d %5s %4u%c %-8.8s ", row->stat.pid, node, row->nmigs, row->locked ? 'L' : ' ',
	       row->user);
	if (m.full)
		printf("%7d %3d %8lu ", row->stat.ppid, row->stat.nice, proc_rss_kib(row));
	printf("%-7s %c    %9s %s\n", tty, row->stat.state, time, row->command);
}

static int print(const struct proc_list *list)
{
	size_t i, n = 0;

	if (m.json)
		putchar('[');
	else
		printf("    PID  NODE MIGS  USER     %sTTY     STAT      TIME COMMAND\n",
		       m.full ? "   PPID  NI      RSS " : "");
	for (i = 0; i < list->n; i++) {
		if (!is_wanted(&list->row[i]))
			continue;
		if (m.json)
			print_json(&list->row[i], !n);
		else
			print_row(&list->row[i]);
		n++;
	}
	if (m.json)
		puts(n ? "\n]" : "]");
	return tool_end() || !n;
}

static int option_take(int c)
{
	switch (c) {
	case 'e':
	case 'A':
		m.all = true;
		break;
	case 'u':
		m.user = optarg;
		break;
	case 'm':
		m.moved = true;
		break;
	case 'g':
		m.guests = true;
		break;
	case 'n':
		if (!tool_number(optarg, 0, HPC_NODE_MAX, &m.node))
			return tool_usage("'%s' is no node number", optarg);
		break;
	case 'f':
		m.full = true;
		break;
	case 'j':
		m.json = true;
		break;
	default:
		return tool_option(c, help);
	}
	return 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "all", no_argument, NULL, 'e' },
		{ "user", required_argument, NULL, 'u' },
		{ "moved", no_argument, NULL, 'm' },
		{ "guests", no_argument, NULL, 'g' },
		{ "node", required_argument, NULL, 'n' },
		{ "full", no_argument, NULL, 'f' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	struct proc_list list = { 0 };
	int c, i, ret;
	long pid;

	while ((c = getopt_long(argc, argv, "eAu:mgn:fjhV", options, NULL)) != -1) {
		ret = option_take(c);
		if (ret || c == 'h' || c == 'V')
			return ret;
	}
	m.pids = argv + optind;
	m.n_pids = argc - optind;
	for (i = 0; i < m.n_pids; i++)
		if (!tool_number(m.pids[i], 1, INT32_MAX, &pid))
			return tool_usage("'%s' is no process number", m.pids[i]);
	if (hpc_stat_read(getpid(), &m.self))
		m.self.tty = 0;
	if (hpc_admin_get("mospe", &m.own_node))
		m.own_node = 0;
	ret = proc_list_read(&list);
	if (ret)
		return tool_failed("cannot read '%s': %s", hpc_proc(), strerror(-ret));
	ret = print(&list);
	proc_list_free(&list);
	return ret;
}
