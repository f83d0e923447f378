// SPDX-License-Identifier: GPL-2.0-only
/* mosmon: the cluster on a screen; see mosmon(1). */

#include <curses.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "hpc.h"
#include "screen.h"
#include "tool.h"

#define DELAY_S		2
#define SCALE_WIDTH	7	/* of the numbers left of the bars */
#define BAR_WIDTH	6	/* of a node */
#define REDRAW		5	/* looks after which all is drawn anew */
#define LIST_BAR	10

const char *tool_name = "mosmon";

enum what { SHOW_LOAD, SHOW_MEMORY, SHOW_UTIL, SHOW_SPEED, SHOWN };
enum view { VIEW_BARS, VIEW_LIST, VIEW_PROCESSES };

static struct {
	long delay_s;
	bool json, totals, colour;
	enum what what;
	enum view view, before;
	size_t first;		/* node on the screen */
	struct hpc_cluster cluster;
	int error;
	struct proc_view processes;
} m = { .delay_s = DELAY_S, .totals = true, .processes.sort = PROC_BY_CPU };

static const char *const titles[SHOWN] = {
	[SHOW_LOAD] = "load: processes by processor and speed",
	[SHOW_MEMORY] = "memory in use, percent",
	[SHOW_UTIL] = "processor time in use, percent",
	[SHOW_SPEED] = "speed of a processor (10000: Pentium III, 1 GHz)",
};

static void help(FILE *out)
{
	fprintf(out,
		"usage: mosmon [-d SECONDS] [-m | -u | -s | -a | -p]\n"
		"       mosmon --json\n"
		"\n"
		"Shows the nodes of the cluster as bars, and the processes of this one.\n"
		"\n"
		"  -d, --delay SECONDS  between looks (default: %d)\n"
		"  -m, --memory         begin with memory, not with load\n"
		"  -u, --util           begin with processor time in use\n"
		"  -s, --speed          begin with speed\n"
		"  -a, --all            begin with a list of nodes that has all of them\n"
		"  -p, --processes      begin with the processes\n"
		"  -j, --json           write what is known to standard output, once\n"
		"  -h, --help           this text\n"
		"  -V, --version        version of this program\n"
		"\n"
		"Keys: l load, m memory, u time in use, s speed, a all, p processes, t totals,\n"
		"arrows scroll, q quits.  With processes: %s.\n"
		"Exit status: 0 ended, 1 failed, 2 wrong usage.  See also: mosctl(1), mtop(1).\n",
		DELAY_S, proc_view_keys());
}

/* --- figures ------------------------------------------------------------------------- */

static bool is_up(const struct hpc_node *n)
{
	return (n->status & HPC_NODE_UP) && !(n->status & HPC_NODE_FOREIGN);
}

static double figure(const struct hpc_node *n, enum what what)
{
	switch (what) {
	case SHOW_LOAD:
		return n->load / 100.0;
	case SHOW_MEMORY:
		return n->tmem && n->mem <= n->tmem ? (n->tmem - n->mem) * 100.0 / n->tmem : 0;
	case SHOW_UTIL:
		return n->util;
	default:
		return n->speed;
	}
}

/* The end of the scale: a round number that all bars fit below. */
static double scale(enum what what)
{
	double most = what == SHOW_LOAD ? 1 : HPC_SPEED_STANDARD, round = 1;
	size_t i;

	if (what == SHOW_MEMORY || what == SHOW_UTIL)
		return 100;
	for (i = 0; i < m.cluster.n; i++)
		if (is_up(&m.cluster.node[i]) && figure(&m.cluster.node[i], what) > most)
			most = figure(&m.cluster.node[i], what);
	while (round * 10 < most)
		round *= 10;
	if (most > round * 5)
		return round * 10;
	return most > round * 2 ? round * 5 : most > round ? round * 2 : round;
}

struct totals {
	unsigned int up, cpus, running;
	double speed, load;
	uint64_t mem;
};

static struct totals sum(void)
{
	struct totals t = { 0 };
	size_t i;

	for (i = 0; i < m.cluster.n; i++) {
		const struct hpc_node *n = &m.cluster.node[i];

		if (!is_up(n))
			continue;
		t.up++;
		t.cpus += n->cpus;
		t.speed += (double)n->cpus * n->speed;
		t.load += n->load / 100.0 * n->cpus * n->speed / HPC_SPEED_STANDARD;
		t.mem += n->mem;
	}
	return t;
}

/* --- drawing ---------------------------------------------------------------------------- */

static int colour_of(double part)
{
	return part > 0.9 ? 3 : part > 0.5 ? 2 : 1;
}

static void colour(int which, bool on)
{
	if (!m.colour)
		return;
	if (on)
		attron(COLOR_PAIR(which));
	else
		attroff(COLOR_PAIR(which));
}

static int draw_head(void)
{
	struct totals t = sum();

	if (m.error) {
		screen_line(0, true, "mosmon: %s", hpc_error_text(m.error));
		return 1;
	}
	if (!m.cluster.self) {
		screen_line(0, true, "mosmon: this machine is in no cluster: it has no node number");
		return 1;
	}
	screen_line(0, true, "Tessera  node %u  %zu nodes, %u up", m.cluster.self, m.cluster.n, t.up);
	if (!m.totals)
		return 1;
	screen_line(1, false, "%u processors, as fast as %.1f standard ones; %.1f processes; "
		    "%llu MiB free", t.cpus, t.speed / HPC_SPEED_STANDARD, t.load,
		    (unsigned long long)t.mem >> 20);
	return 2;
}

static void draw_bar(const struct hpc_node *n, int x, int top, int height, double most)
{
	double part = figure(n, m.what) / most;
	int which = m.what == SHOW_SPEED ? 1 : colour_of(part), filled, y;

	if (part > 1)
		part = 1;
	filled = part * height + 0.5;
	colour(which, true);
	for (y = 0; y < filled; y++)
		mvaddstr(top + height - 1 - y, x + 1, "####");
	colour(which, false);
}

static void draw_bars(int top)
{
	double most = scale(m.what);
	int height = LINES - top - 4, y, x;
	size_t fit = (COLS - SCALE_WIDTH) / BAR_WIDTH, i;

	if (!fit)
		fit = 1;
	if (m.first + fit > m.cluster.n)
		m.first = m.cluster.n > fit ? m.cluster.n - fit : 0;
	screen_line(top++, true, "%s", titles[m.what]);
	if (height < 1)
		return;
	for (y = 0; y < height; y++) {
		screen_line(top + y, false, "%s", "");
		if (y == 0 || y == height / 2)
			mvprintw(top + y, 0, "%6.*f", m.what == SHOW_LOAD ? 2 : 0,
				 most * (height - y) / height);
		mvaddch(top + y, SCALE_WIDTH - 1, '|');
	}
	screen_line(top + height, false, "%s", "");
	screen_line(top + height + 1, false, "%s", "node");
	for (i = 0; i < fit && m.first + i < m.cluster.n; i++) {
		const struct hpc_node *n = &m.cluster.node[m.first + i];

		x = SCALE_WIDTH + i * BAR_WIDTH;
		mvaddstr(top + height, x, "------");
		if (is_up(n))
			draw_bar(n, x, top, height, most);
		else
			mvaddstr(top + height - 1, x + 1, hpc_node_state(n));
		if (n->id == m.cluster.self)
			attron(A_BOLD);
		mvprintw(top + height + 1, x, "%5u%s", n->id, n->id == m.cluster.self ? "*" : "");
		attroff(A_BOLD);
	}
}

static void draw_list_bar(double part, const char *text)
{
	int i, filled;

	if (part > 1)
		part = 1;
	filled = part * LIST_BAR + 0.5;
	addstr(" [");
	colour(colour_of(part), true);
	for (i = 0; i < filled; i++)
		addch('#');
	colour(colour_of(part), false);
	for (; i < LIST_BAR; i++)
		addch(' ');
	printw("]%s", text);
}

static void draw_list(int top)
{
	double most = scale(SHOW_LOAD);
	size_t rows = LINES - top - 2 > 0 ? LINES - top - 2 : 1, i;
	char text[16];

	if (m.first + rows > m.cluster.n)
		m.first = m.cluster.n > rows ? m.cluster.n - rows : 0;
	screen_line(top++, true, " node  state    cpus  speed  load              memory"
		    "           in use");
	for (i = 0; i < rows; i++) {
		const struct hpc_node *n = &m.cluster.node[m.first + i];

		if (m.first + i >= m.cluster.n) {
			screen_line(top + i, false, "%s", "");
			continue;
		}
		screen_line(top + i, n->id == m.cluster.self, "%5u%c %-8s %4u %6u", n->id,
			    n->id == m.cluster.self ? '*' : ' ', hpc_node_state(n), n->cpus, n->speed);
		if (!is_up(n))
			continue;
		snprintf(text, sizeof(text), "%5.2f", figure(n, SHOW_LOAD));
		draw_list_bar(figure(n, SHOW_LOAD) / most, text);
		snprintf(text, sizeof(text), "%4.0f%%", figure(n, SHOW_MEMORY));
		draw_list_bar(figure(n, SHOW_MEMORY) / 100, text);
		snprintf(text, sizeof(text), "%4.0f%%", figure(n, SHOW_UTIL));
		draw_list_bar(figure(n, SHOW_UTIL) / 100, text);
	}
}

static void draw(void)
{
	int top = draw_head();

	switch (m.view) {
	case VIEW_BARS:
		draw_bars(top);
		break;
	case VIEW_LIST:
		draw_list(top);
		break;
	case VIEW_PROCESSES:
		proc_view_draw(&m.processes, top);
		break;
	}
	if (m.view == VIEW_PROCESSES)
		screen_line_keys(proc_view_keys(), "back");
	else
		screen_line_keys("l load  m memory  u in use  s speed  a all  p processes  t totals",
				 "quit");
}

/* --- keys --------------------------------------------------------------------------------- */

static void scroll_by(long by)
{
	long at = (long)m.first + by;

	m.first = at < 0 ? 0 : at;
}

static void show(enum what what)
{
	if (m.view != VIEW_BARS)
		m.first = 0;
	m.view = VIEW_BARS;
	m.what = what;
}

/* false: the end. */
static bool key_take(int key)
{
	long page = m.view == VIEW_LIST ? LINES - 5 : (COLS - SCALE_WIDTH) / BAR_WIDTH;

	if (m.view == VIEW_PROCESSES) {
		if (key == 'q' || key == 'p' || key == 27) {
			m.view = m.before;
			clear();
		} else {
			proc_view_key(&m.processes, key);
		}
		return true;
	}
	switch (key) {
	case 'q':
		return false;
	case 'l':
		show(SHOW_LOAD);
		break;
	case 'm':
		show(SHOW_MEMORY);
		break;
	case 'u':
		show(SHOW_UTIL);
		break;
	case 's':
		show(SHOW_SPEED);
		break;
	case 'a':
		m.view = VIEW_LIST;
		m.first = 0;
		break;
	case 'p':
		m.before = m.view;
		m.view = VIEW_PROCESSES;
		break;
	case 't':
		m.totals = !m.totals;
		break;
	case KEY_LEFT:
	case KEY_UP:
		scroll_by(-1);
		return true;
	case KEY_RIGHT:
	case KEY_DOWN:
		scroll_by(1);
		return true;
	case KEY_PPAGE:
		scroll_by(-page);
		return true;
	case KEY_NPAGE:
		scroll_by(page);
		return true;
	case KEY_HOME:
		m.first = 0;
		return true;
	case KEY_END:
		m.first = m.cluster.n;
		return true;
	default:
		return true;
	}
	clear();
	return true;
}

static int look(void)
{
	int ret;

	m.error = hpc_cluster_read(&m.cluster);
	if (m.error)
		m.cluster.n = 0;
	if (m.view != VIEW_PROCESSES)
		return 0;
	ret = proc_view_read(&m.processes);
	return ret ? tool_failed("cannot read '%s': %s", hpc_proc(), strerror(-ret)) : 0;
}

static int interactive(void)
{
	int key = -1, looks = 0, ret = screen_begin(m.delay_s * 1000);

	if (ret)
		return tool_failed("this is no terminal that a screen can be drawn on; try --json");
	m.colour = has_colors() && start_color() == OK;
	if (m.colour) {
		init_pair(1, COLOR_GREEN, COLOR_BLACK);
		init_pair(2, COLOR_YELLOW, COLOR_BLACK);
		init_pair(3, COLOR_RED, COLOR_BLACK);
	}
	do {
		ret = m.view == VIEW_PROCESSES && proc_view_only_moves(key) ? 0 : look();
		if (ret)
			return ret;
		draw();
		/* A console's screen is written to by others, too. */
		if (++looks % REDRAW == 0)
			clearok(curscr, TRUE);
		key = screen_key();
	} while (key < 0 || key_take(key));
	return 0;
}

static int print_json(void)
{
	struct totals t;
	size_t i;
	int ret = hpc_cluster_read(&m.cluster);

	if (ret)
		return tool_failed("cannot read the node table: %s", hpc_error_text(ret));
	t = sum();
	printf("{\"self\": %u, \"up\": %u, \"cpus\": %u, \"speed\": %.0f, \"processes\": %.2f,\n"
	       " \"nodes\": [", m.cluster.self, t.up, t.cpus, t.speed, t.load);
	for (i = 0; i < m.cluster.n; i++) {
		const struct hpc_node *n = &m.cluster.node[i];

		printf("%s\n  {\"node\": %u, \"state\": \"%s\", \"cpus\": %u, \"speed\": %u, "
		       "\"load\": %.2f, \"memory\": %.0f, \"util\": %u}", i ? "," : "", n->id,
		       hpc_node_state(n), n->cpus, n->speed, figure(n, SHOW_LOAD),
		       figure(n, SHOW_MEMORY), n->util);
	}
	puts(m.cluster.n ? "\n ]}" : "]}");
	return tool_end();
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "delay", required_argument, NULL, 'd' },
		{ "memory", no_argument, NULL, 'm' },
		{ "util", no_argument, NULL, 'u' },
		{ "speed", no_argument, NULL, 's' },
		{ "all", no_argument, NULL, 'a' },
		{ "processes", no_argument, NULL, 'p' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	int c, ret;

	while ((c = getopt_long(argc, argv, "d:musapjhV", options, NULL)) != -1) {
		switch (c) {
		case 'd':
			if (!tool_number(optarg, 1, 3600, &m.delay_s))
				return tool_usage("'%s' is no number of seconds", optarg);
			break;
		case 'm':
			m.what = SHOW_MEMORY;
			break;
		case 'u':
			m.what = SHOW_UTIL;
			break;
		case 's':
			m.what = SHOW_SPEED;
			break;
		case 'a':
			m.view = VIEW_LIST;
			break;
		case 'p':
			m.view = VIEW_PROCESSES;
			break;
		case 'j':
			m.json = true;
			break;
		default:
			return tool_option(c, help);
		}
	}
	if (optind < argc)
		return tool_usage("'%s' is no option", argv[optind]);
	ret = m.json ? print_json() : interactive();
	proc_list_free(&m.processes.list);
	hpc_cluster_free(&m.cluster);
	return ret;
}
