// SPDX-License-Identifier: GPL-2.0-only
/*
 * mosrun: starts a program somewhere, or with something declared; see mosrun(1).
 * Under the names of its wrappers it is one of them.
 *
 * A program is executed at home and moved when it is there.  So whoever moves it
 * must outlive mosrun: a process that waits, by a pipe that closes on exec, for
 * the program to be there, sends it on, and locks it if that was wanted.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "hpc.h"
#include "tool.h"
#include "version.h"

#define ARRIVE_MS	30000
#define ASK_AGAIN_MS	1000
#define POLL_MS		10

const char *tool_name = "mosrun";

enum lock { LOCK_OFF, LOCK_ON, LOCK_KEEP };

/**
 * struct run - what is to be done
 * @home:	at home
 * @node:	on this one; 0: anywhere
 * @list:	on one of these, as in -j
 * @portable:	it is to use no more of a processor than all have
 * @force:	at home if that node cannot be had
 * @argv0:	the argument after the program is its argv[0]
 */
struct run {
	bool home, force, argv0, portable;
	uint32_t node;
	const char *list;
	enum lock lock;
	const char *job, *decay;
	long interval, keep;
};

/* --- words --------------------------------------------------------------------------- */

static void help(FILE *out)
{
	fputs("usage: mosrun [-h | -NODE | -jLIST] [-F] [-l | -L | -k] [-c | -i]\n"
	      "              [-n | -s | -f | -t SECONDS -d KEPT] [--portable] [-z]\n"
	      "              PROGRAM [ARGUMENT...]\n"
	      "       runhome [-z] PROGRAM...          at home, and locked there\n"
	      "       runon NODE [-z] PROGRAM...       on that node, and locked there\n"
	      "       nomig [-z] PROGRAM...            never moved by the balancer\n"
	      "       cpujob | iojob | nodecay | slowdecay | fastdecay [-h | -NODE] [-z] PROGRAM...\n"
	      "\n"
	      "Starts a program on a node, or with something said about it.\n"
	      "\n"
	      "  -h           run it at home and keep it there\n"
	      "  -NODE        start it on the node with that number\n"
	      "  -jLIST       on any one of these nodes, as in -j1-4,7\n"
	      "  -F           if that node cannot be had: at home instead of not at all\n"
	      "  -l, -L, -k   unlocked (the default), locked where it starts, or as mosrun is\n"
	      "  -c, -i       it computes; it belongs to its files at home\n"
	      "  -n, -s, -f   its statistics do not decay, decay slowly, decay fast\n"
	      "  -t SECONDS, -d KEPT\n"
	      "               every so many seconds so much of 1000 is kept of them\n"
	      "  -e, -E, -r, -R\n"
	      "               accepted for old scripts: children inherit what is said here\n"
	      "      --portable\n"
	      "               restricted to what every x86-64 processor has: it may go to any node\n"
	      "  -z           the argument after PROGRAM is its name, argv[0]\n"
	      "      --help, --version\n"
	      "\n"
	      "Exit status: that of the program; 126 or 127 if it could not be started, 1 if the\n"
	      "node cannot be had, 2 wrong usage.  See also: mosctl(1), migrate(1).\n", out);
}

static bool is_number(const char *text)
{
	return *text && strspn(text, "0123456789") == strlen(text);
}

/* --- which node ------------------------------------------------------------------------- */

static bool can_take(const struct hpc_node *n)
{
	const uint32_t bad = HPC_NODE_BLOCK | HPC_NODE_LEAVING | HPC_NODE_FOREIGN;

	return (n->status & HPC_NODE_SELF) || ((n->status & HPC_NODE_UP) && !(n->status & bad));
}

/* Is @id in "1-4,7"?  -EINVAL: that is no list. */
static int list_has(const char *list, uint32_t id)
{
	unsigned long from, to;
	char *end;
	int found = 0;

	do {
		from = strtoul(list, &end, 10);
		if (end == list || !from)
			return -EINVAL;
		to = from;
		if (*end == '-') {
			list = end + 1;
			to = strtoul(list, &end, 10);
			if (end == list)
				return -EINVAL;
		}
		if (to < from || to > HPC_NODE_MAX || (*end && *end != ','))
			return -EINVAL;
		found |= id >= from && id <= to;
		list = end + 1;
	} while (*end);
	return found;
}

static uint32_t choose(const struct hpc_cluster *c, const char *list)
{
	uint32_t chosen = 0, dice, seen = 0;
	size_t i;

	for (i = 0; i < c->n; i++) {
		if (list_has(list, c->node[i].id) != 1 || !can_take(&c->node[i]))
			continue;
		if (getrandom(&dice, sizeof(dice), 0) != sizeof(dice))
			dice = 0;
		if (dice % ++seen == 0)
			chosen = c->node[i].id;
	}
	return chosen;
}

/* Settles on r->node; 0 and -F: at home. */
static int place(struct run *r)
{
	struct hpc_cluster c = { 0 };
	const struct hpc_node *n;
	int ret;

	if (r->home || (!r->node && !r->list))
		return 0;
	ret = hpc_cluster_read(&c);
	if (ret) {
		ret = r->force ? 0 : tool_failed("cannot read the node table: %s",
						 hpc_error_text(ret));
		r->node = 0;
		goto out;
	}
	if (r->list)
		r->node = choose(&c, r->list);
	n = r->node ? hpc_cluster_node(&c, r->node) : NULL;
	if ((!n || !can_take(n)) && !r->force)
		ret = r->list ? tool_failed("none of the nodes '%s' is up and takes guests", r->list) :
		      !n ? tool_failed("there is no node %u in the node table; see showmap", r->node) :
		      tool_failed("node %u takes no processes: it is %s", r->node, hpc_node_state(n));
	if (!n || !can_take(n) || r->node == c.self)
		r->node = 0;
out:
	hpc_cluster_free(&c);
	return ret;
}

/* --- sending it on ----------------------------------------------------------------------- */

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* In a process of its own: until it is there, or clearly will not be. */
static void escort(const struct run *r, pid_t pid)
{
	int64_t begin = now_ms(), asked = 0;
	uint32_t where;
	int ret = 0;

	while (r->node && now_ms() - begin < ARRIVE_MS) {
		if (hpc_where(pid, &where))
			return;
		if (where == r->node)
			break;
		if (now_ms() - asked >= ASK_AGAIN_MS) {
			asked = now_ms();
			ret = hpc_goto(pid, r->node);
		}
		poll(NULL, 0, POLL_MS);
	}
	if (ret)
		tool_failed("process %d stays at home: %s", pid,
			    ret == -EBUSY ? "it cannot move (see /proc/PID/cantmove)" : strerror(-ret));
	if (r->lock == LOCK_ON)
		hpc_lock_set(pid, true);
}

/*
 * Forks twice, so that the program has no child that it does not know.  Returns
 * in the program to be; what it executes closes the pipe.
 */
static int escort_begin(const struct run *r)
{
	pid_t pid = getpid(), child;
	int fds[2], status;
	char c;

	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	child = fork();
	if (child < 0)
		return -errno;
	if (!child) {
		if (fork())
			_exit(0);
		setsid();
		close(fds[1]);
		/* Ends with the exec, or with the process. */
		while (read(fds[0], &c, 1) < 0 && errno == EINTR)
			;
		escort(r, pid);
		_exit(0);
	}
	close(fds[0]);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return 0;
}

/* --- what is said about it ------------------------------------------------------------------ */

static int declare(const struct run *r)
{
	char own[32];
	int ret = 0;

	if (r->job)
		ret = hpc_declare(r->job, "1");
	if (!ret && r->decay)
		ret = hpc_declare(r->decay, "1");
	if (!ret && r->interval) {
		snprintf(own, sizeof(own), "%ld %ld", r->interval, r->keep);
		ret = hpc_declare("own", own);
	}
	if (ret)
		return tool_failed("cannot say this of the program: %s", hpc_error_text(ret));
	/* A lock keeps it from going to where it is to be locked: then the escort does it. */
	if (r->lock == LOCK_OFF || r->node)
		ret = hpc_lock_set(getpid(), false);
	else if (r->lock == LOCK_ON)
		ret = hpc_lock_set(getpid(), true);
	return ret ? tool_failed("cannot %slock the program: %s", r->lock == LOCK_ON ? "" : "un",
				 hpc_error_text(ret)) : 0;
}

/*
 * What each library makes of its environment.  glibc leaves out all that depends on
 * XSAVE; SSE3 it never asks for.  The others get MMX, FXSR, SSE and SSE2.
 */
static const struct {
	const char *name, *value;
} restrictions[] = {
	{ "GLIBC_TUNABLES", "glibc.cpu.hwcaps=-XSAVE,-XSAVEC,-AVX_Fast_Unaligned_Load,-SSSE3,"
			    "-SSE4_1,-SSE4_2,-POPCNT,-BMI1,-BMI2,-LZCNT,-MOVBE,-RTM" },
	{ "OPENSSL_ia32cap", "0x07800000:0" },
	{ "GNUTLS_CPUID_OVERRIDE", "0x1" },
};

static int restrict_one(const char *name, const char *value)
{
	const char *before = getenv(name);
	char *both;
	int ret;

	/* Tunables are a list; the last of a name counts. */
	if (strcmp(name, "GLIBC_TUNABLES") != 0 || !before || !*before)
		return setenv(name, value, 1);
	if (strstr(before, value))
		return 0;
	if (asprintf(&both, "%s:%s", before, value) < 0)
		return -1;
	ret = setenv(name, both, 1);
	free(both);
	return ret;
}

static int make_portable(void)
{
	size_t i;
	int ret;

	for (i = 0; i < sizeof(restrictions) / sizeof(*restrictions); i++)
		if (restrict_one(restrictions[i].name, restrictions[i].value))
			return tool_failed("cannot set %s: %m", restrictions[i].name);
	ret = hpc_portable_set(getpid(), true);
	return ret ? tool_failed("cannot mark the program as portable: %s", hpc_error_text(ret)) : 0;
}

static int run(struct run *r, char **argv)
{
	const char *program = argv[0];
	int ret = place(r);

	if (!ret)
		ret = declare(r);
	if (!ret && r->portable)
		ret = make_portable();
	if (ret)
		return ret;
	if (r->node) {
		ret = escort_begin(r);
		if (ret)
			return tool_failed("cannot start a process: %s", strerror(-ret));
	}
	execvp(program, r->argv0 ? argv + 1 : argv);
	ret = errno == ENOENT ? 127 : 126;
	tool_failed("cannot run '%s': %m", program);
	return ret;
}

/* --- the command line -------------------------------------------------------------------------- */

static const struct {
	const char *name;
	struct run run;
	bool node_first;	/* runon */
} wrappers[] = {
	{ "mosrun", { .lock = LOCK_OFF }, false },
	{ "runhome", { .home = true, .lock = LOCK_ON }, false },
	{ "runon", { .lock = LOCK_ON }, true },
	{ "nomig", { .lock = LOCK_ON }, false },
	{ "cpujob", { .job = "cpujob", .lock = LOCK_OFF }, false },
	{ "iojob", { .job = "iojob", .lock = LOCK_OFF }, false },
	{ "nodecay", { .decay = "none", .lock = LOCK_OFF }, false },
	{ "slowdecay", { .decay = "slow", .lock = LOCK_OFF }, false },
	{ "fastdecay", { .decay = "fast", .lock = LOCK_OFF }, false },
};

/* 0: taken, 1: with the next word; otherwise the exit status. */
static int option_take(struct run *r, const char *word, const char *next)
{
	long n;

	if (is_number(word + 1)) {
		if (!tool_number(word + 1, HPC_NODE_MIN, HPC_NODE_MAX, &n))
			return tool_usage("'%s' is no node number", word + 1);
		r->node = n;
		return 0;
	}
	if (word[1] == 'j') {
		r->list = word[2] ? word + 2 : next;
		if (!r->list || list_has(r->list, 1) < 0)
			return tool_usage("-j needs a list of nodes such as 1-4,7");
		return word[2] ? 0 : 1;
	}
	if (word[1] == 't' || word[1] == 'd') {
		const char *value = word[2] ? word + 2 : next;

		if (!value || !tool_number(value, word[1] == 't', word[1] == 't' ? 3600 : HPC_DECAY_ONE,
					   &n))
			return tool_usage("-%c needs a number", word[1]);
		*(word[1] == 't' ? &r->interval : &r->keep) = n;
		return word[2] ? 0 : 1;
	}
	for (word++; *word; word++) {
		switch (*word) {
		case 'h':
			r->home = true;
			r->lock = LOCK_ON;
			break;
		case 'F':
			r->force = true;
			break;
		case 'l':
			r->lock = LOCK_OFF;
			break;
		case 'L':
			r->lock = LOCK_ON;
			break;
		case 'k':
			r->lock = LOCK_KEEP;
			break;
		case 'c':
			r->job = "cpujob";
			break;
		case 'i':
			r->job = "iojob";
			break;
		case 'n':
			r->decay = "none";
			break;
		case 's':
			r->decay = "slow";
			break;
		case 'f':
			r->decay = "fast";
			break;
		case 'z':
			r->argv0 = true;
			break;
		case 'e':
		case 'E':
		case 'r':
		case 'R':
			break;
		default:
			return tool_usage("there is no option -%c", *word);
		}
	}
	return 0;
}

static int node_take(struct run *r, const char *word)
{
	long n;

	if (!word || !tool_number(word, HPC_NODE_MIN, HPC_NODE_MAX, &n))
		return tool_usage("'%s' is no node number", word ? word : "");
	r->node = n;
	return 0;
}

int main(int argc, char **argv)
{
	const char *name = strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];
	struct run r = { 0 };
	bool node_first = false, own, kept;
	size_t i;
	int at = 1, ret;

	for (i = 0; i < sizeof(wrappers) / sizeof(*wrappers); i++) {
		if (!strcmp(wrappers[i].name, name)) {
			tool_name = wrappers[i].name;
			r = wrappers[i].run;
			node_first = wrappers[i].node_first;
		}
	}
	r.keep = -1;
	if (node_first && at < argc && argv[at][0] != '-') {
		ret = node_take(&r, argv[at++]);
		if (ret)
			return ret;
		node_first = false;
	}
	for (; at < argc && argv[at][0] == '-' && argv[at][1]; at++) {
		if (!strcmp(argv[at], "--")) {
			at++;
			break;
		}
		if (!strcmp(argv[at], "--portable")) {
			r.portable = true;
			continue;
		}
		if (!strcmp(argv[at], "--help")) {
			help(stdout);
			return 0;
		}
		if (!strcmp(argv[at], "--version") || !strcmp(argv[at], "-V")) {
			printf("%s (Tessera) %s\n", tool_name, TESSERA_VERSION);
			return 0;
		}
		if (!strncmp(argv[at], "--", 2))
			return tool_usage("there is no option %s", argv[at]);
		ret = option_take(&r, argv[at], argv[at + 1]);
		if (ret == 2)
			return ret;
		at += ret;
	}
	if (node_first && !r.node)
		return tool_usage("needs a node number");
	/* "mosrun 3 make": no program has such a name. */
	if (!r.node && !r.list && !r.home && at + 1 < argc && is_number(argv[at])) {
		ret = node_take(&r, argv[at++]);
		if (ret)
			return ret;
	}
	own = r.interval > 0;
	kept = r.keep >= 0;
	if (own != kept)
		return tool_usage("-t and -d belong together");
	if (at >= argc || (r.argv0 && at + 1 >= argc))
		return tool_usage("needs a program to run");
	return run(&r, argv + at);
}
