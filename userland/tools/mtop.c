// SPDX-License-Identifier: GPL-2.0-only
/* mtop: top, with the node each process computes on; see mtop(1). */

#include <getopt.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "hpc.h"
#include "screen.h"
#include "tool.h"

#define DELAY_S		2
#define BATCH_ROWS	20

const char *tool_name = "mtop";

static struct {
	bool batch;
	long delay_s, rounds;
	struct proc_view view;
	struct hpc_cluster cluster;
} m = { .delay_s = DELAY_S, .view.sort = PROC_BY_CPU };

static void help(FILE *out)
{
	fprintf(out,
		"usage: mtop [-d SECONDS] [-n ROUNDS] [-b] [-m]\n"
		"\n"
		"Shows the busiest processes, with the node each one computes on (0: this one, <N: a\n"
		"guest that belongs to node N), and sends them elsewhere.\n"
		"\n"
		"  -d, --delay SECONDS  between looks (default: %d)\n"
		"  -n, --rounds N       end after so many looks\n"
		"  -b, --batch          write lines to standard output instead of a screen; without a\n"
		"                       terminal there it does so anyway, and once if -n is not given\n"
		"  -m, --moved          only processes that are away, and guests\n"
		"  -h, --help           this text\n"
		"  -V, --version        version of this program\n"
		"\n"
		"Keys: %s,\n"
		"arrows choose, q quits.\n"
		"Exit status: 0 ended, 1 failed, 2 wrong usage.  See also: mps(1), mosmon(1).\n",
		DELAY_S, proc_view_keys());
}

/* Two lines above the processes. */
static void summary(char text[2][160])
{
	const size_t size = sizeof(text[0]);
	unsigned int away = 0, guests = 0, running = 0;
	char clock[16] = "";
	time_t now = time(NULL);
	struct tm tm;
	size_t i;

	for (i = 0; i < m.view.list.n; i++) {
		away += m.view.list.row[i].node != 0;
		guests += m.view.list.row[i].home != 0;
		running += m.view.list.row[i].stat.state == 'R';
	}
	if (localtime_r(&now, &tm))
		strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
	snprintf(text[0], size, "mtop %s  node %u of %zu  %zu processes, %u running, %u away, %u guests",
		 clock, m.cluster.self, m.cluster.n, m.view.list.n, running, away, guests);
	proc_machine_text(&m.view.list, text[1], size);
}

static int look(void)
{
	int ret = proc_view_read(&m.view);

	if (ret)
		return tool_failed("cannot read '%s': %s", hpc_proc(), strerror(-ret));
	/* Without a cluster there still are processes. */
	if (hpc_cluster_read(&m.cluster))
		m.cluster.n = m.cluster.self = 0;
	return 0;
}

static void print_batch(void)
{
	char text[2][160], node[12], time[16];
	const struct proc_row *row;
	size_t i, n = 0;

	summary(text);
	printf("%s\n%s\n    PID  NODE MIGS  USER     S  %%CPU %%MEM      TIME COMMAND\n", text[0],
	       text[1]);
	proc_list_sort(&m.view.list, m.view.sort);
	for (i = 0; i < m.view.list.n && n < BATCH_ROWS; i++) {
		row = &m.view.list.row[i];
		if (m.view.only && !row->node && !row->home)
			continue;
		proc_node_text(row, node);
		proc_time_text(row, time);
		printf("%7d %5s %4u%c %-8.8s %c %5.1f %4.1f %9s %s\n", row->stat.pid, node,
		       row->nmigs, row->locked ? 'L' : ' ', row->user, row->stat.state, row->cpu,
		       proc_memory_percent(&m.view.list, row), time, row->command);
		n++;
	}
	proc_list_sort(&m.view.list, PROC_BY_PID);
}

static int batch(void)
{
	long round;
	int ret;

	for (round = 0; !m.rounds || round < m.rounds; round++) {
		if (round)
			poll(NULL, 0, m.delay_s * 1000);
		ret = look();
		if (ret)
			return ret;
		print_batch();
		if (tool_end())
			return 1;
	}
	return 0;
}

static int interactive(void)
{
	char text[2][160];
	long round = 0;
	int key = -1, ret;

	ret = screen_begin(m.delay_s * 1000);
	if (ret)
		return tool_failed("this is no terminal that a screen can be drawn on; try -b");
	for (;;) {
		ret = proc_view_only_moves(key) ? 0 : look();
		if (ret)
			return ret;
		summary(text);
		screen_line(0, true, "%s", text[0]);
		screen_line(1, false, "%s, by %s", text[1], proc_sort_word(m.view.sort));
		proc_view_draw(&m.view, 2);
		screen_line_keys(proc_view_keys(), "quit");
		key = screen_key();
		if (key == 'q' || (key < 0 && m.rounds && ++round >= m.rounds))
			return 0;
		proc_view_key(&m.view, key);
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "delay", required_argument, NULL, 'd' },
		{ "rounds", required_argument, NULL, 'n' },
		{ "batch", no_argument, NULL, 'b' },
		{ "moved", no_argument, NULL, 'm' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	int c, ret;

	while ((c = getopt_long(argc, argv, "d:n:bmhV", options, NULL)) != -1) {
		switch (c) {
		case 'd':
			if (!tool_number(optarg, 1, 3600, &m.delay_s))
				return tool_usage("'%s' is no number of seconds", optarg);
			break;
		case 'n':
			if (!tool_number(optarg, 1, INT32_MAX, &m.rounds))
				return tool_usage("'%s' is no number of looks", optarg);
			break;
		case 'b':
			m.batch = true;
			break;
		case 'm':
			m.view.only = true;
			break;
		default:
			return tool_option(c, help);
		}
	}
	if (optind < argc)
		return tool_usage("'%s' is no option", argv[optind]);
	if (!m.batch && !isatty(STDOUT_FILENO)) {
		m.batch = true;
		m.rounds = m.rounds ? m.rounds : 1;
	}
	ret = m.batch ? batch() : interactive();
	proc_list_free(&m.view.list);
	hpc_cluster_free(&m.cluster);
	return ret;
}
