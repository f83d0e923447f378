// SPDX-License-Identifier: GPL-2.0-only
/*
 * migrate: moves a process to a node, or home; see migrate(1).
 *
 * The wish goes to the kernel, through /proc/PID/goto.  What comes of it shows in
 * /proc; why nothing came of it is known to hpcd, which is asked to tell.
 */

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "hpc.h"
#include "hpcd/report.h"
#include "tool.h"

#define TIMEOUT_S	60
#define TIMEOUT_MAX_S	86400
#define POLL_MS		20

const char *tool_name = "migrate";

/**
 * struct migrate - one call of this program
 * @pid:	to be moved
 * @node:	to go to, 0: home
 * @balance:	to wherever it is done soonest
 * @timeout_ms:	to wait; 0: do not
 * @hpcd:	connection to hpcd, -1: it does not run
 * @nmigs:	moves before
 * @guest:	the process belongs to another node
 */
struct migrate {
	pid_t pid;
	uint32_t node;
	bool balance;
	int timeout_ms;
	int hpcd;
	uint32_t nmigs;
	bool guest;
};

/* --- messages ------------------------------------------------------------------------- */

static void help(FILE *out)
{
	fprintf(out,
		"usage: migrate [-n | -t SECONDS] PID {NODE | home | balance}\n"
		"\n"
		"Moves a process to the node with that number, back to the node where it was\n"
		"started, or to where it is done soonest, and waits until it is there.\n"
		"\n"
		"  -n, --no-wait          only ask for it\n"
		"  -t, --timeout SECONDS  how long to wait (default: %d)\n"
		"  -h, --help             this text\n"
		"  -V, --version          version of this program\n"
		"\n"
		"Exit status: 0 it is there, 1 it is not, 2 wrong usage.  See also: showmap(1).\n",
		TIMEOUT_S);
}

static int say(const struct migrate *m, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static int say(const struct migrate *m, const char *format, ...)
{
	va_list ap;

	fprintf(stderr, "migrate: process %d ", m->pid);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	return 1;
}

static int say_error(const struct migrate *m, int error)
{
	switch (error) {
	case -ESRCH:
		return say(m, "does not exist");
	case -EOPNOTSUPP:
		return say(m, "cannot move: the running kernel is not Tessera's");
	case -EPERM:
	case -EACCES:
		return say(m, "is not yours to move");
	case -ENOENT:
		return say(m, "cannot move to node %u, which is not in the node table; see showmap",
			   m->node);
	default:
		return say(m, "cannot move: %s", strerror(-error));
	}
}

static int say_cantmove(const struct migrate *m)
{
	char words[HPC_CANTMOVE_TEXT], *word, *save;
	const char *meaning;
	int ret = hpc_cantmove(m->pid, words);

	if (ret)
		return say_error(m, ret);
	word = strtok_r(words, "\n", &save);
	if (!word)
		return say(m, "could not move at that moment; try again");
	for (; word; word = strtok_r(NULL, "\n", &save)) {
		meaning = hpc_cantmove_meaning(word);
		say(m, "cannot move: it %s%s%s%s", meaning ? meaning : word, meaning ? " (" : "",
		    meaning ? word : "", meaning ? ")" : "");
	}
	return 1;
}

/* --- hpcd ------------------------------------------------------------------------------ */

/* The next report; -EAGAIN: none within @ms. */
static int report_read(int fd, int ms, struct hpcd_report *ret_report)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (poll(&p, 1, ms) <= 0)
		return -EAGAIN;
	if (recv(fd, ret_report, sizeof(*ret_report), MSG_DONTWAIT) != sizeof(*ret_report))
		return -ECONNRESET;
	ret_report->text[sizeof(ret_report->text) - 1] = '\0';
	return 0;
}

/* A connection, -ETIMEDOUT if nobody takes it in time, or why there is none. */
static int hpcd_connect_report(int ms)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX, .sun_path = HPCD_REPORT_SOCKET };
	struct timeval limit = { ms / 1000, ms % 1000 * 1000 };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) ||
	    connect(fd, (const struct sockaddr *)&un, sizeof(un)))
		ret = errno == EAGAIN ? -ETIMEDOUT : -errno;
	if (!ret)
		return fd;
	close(fd);
	return ret;
}

/*
 * On a machine with too much to do the answer takes its time.  -ETIMEDOUT: more
 * than @ms; otherwise: hpcd does not run.
 */
static int hpcd_watch(pid_t pid, int ms)
{
	int fd = hpcd_connect_report(ms);
	struct hpcd_report report;
	int32_t what = pid;
	int ret = fd;

	if (fd < 0)
		return fd;
	if (send(fd, &what, sizeof(what), MSG_NOSIGNAL) != sizeof(what))
		ret = -ECONNRESET;
	else
		ret = report_read(fd, ms, &report);
	if (!ret && report.kind == HPCD_REPORT_WATCHING)
		return fd;
	close(fd);
	return ret == -EAGAIN ? -ETIMEDOUT : -ECONNRESET;
}

/* --- waiting ----------------------------------------------------------------------------- */

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* 0: it is where it should be; -EAGAIN: not yet; -ESRCH: it has ended. */
static int arrived(const struct migrate *m)
{
	uint32_t where, nmigs;
	int ret;

	if (m->guest)
		return hpc_is_guest(m->pid) ? -EAGAIN : 0;
	ret = hpc_where(m->pid, &where);
	if (!ret)
		ret = hpc_nmigs(m->pid, &nmigs);
	if (ret)
		return ret;
	return (where == m->node || m->balance) && nmigs != m->nmigs ? 0 : -EAGAIN;
}

/* 0: nothing that ends the wait; otherwise the program's exit status. */
static int report_take(struct migrate *m, int ms)
{
	struct hpcd_report report;
	int ret;

	if (m->hpcd < 0) {
		poll(NULL, 0, ms);
		return 0;
	}
	ret = report_read(m->hpcd, ms, &report);
	if (ret == -EAGAIN)
		return 0;
	if (ret) {
		/* It may be started again, but has forgotten us. */
		close(m->hpcd);
		m->hpcd = -1;
		return 0;
	}
	switch (report.kind) {
	case HPCD_REPORT_STAYED:
		return say(m, "stays where it is: %s", report.text);
	case HPCD_REPORT_ENDED:
		return say(m, "has ended");
	case HPCD_REPORT_LOST:
		return say(m, "is lost with node %u: %s", report.node, report.text);
	default:
		return 0;
	}
}

/* Who is stopped only comes home. */
static bool waits_for_cont(const struct migrate *m)
{
	struct hpc_stat stat;

	return (m->node || m->balance) && !hpc_stat_read(m->pid, &stat) && stat.state == 'T';
}

static int wait_until_there(struct migrate *m)
{
	int64_t deadline = now_ms() + m->timeout_ms;
	int ret, status;

	for (;;) {
		ret = arrived(m);
		if (!ret)
			return 0;
		if (ret == -ESRCH)
			return say(m, "has ended");
		if (ret != -EAGAIN)
			return say_error(m, ret);
		if (now_ms() >= deadline)
			return say(m, "has not moved within %d s, though it still may; hpcd's log "
				      "may say more", m->timeout_ms / 1000);
		status = report_take(m, POLL_MS);
		/* What is true now counts more than what was said. */
		if (status)
			return arrived(m) ? status : 0;
		if (waits_for_cont(m))
			return say(m, "is stopped, and moves as soon as it goes on: "
				      "fg, or kill -CONT %d", m->pid);
	}
}

/* --- asking ------------------------------------------------------------------------------- */

/* The number of this machine means home; 0 if it cannot be found out. */
static uint32_t own_number(void)
{
	int fd = hpc_open(O_RDONLY);
	uint32_t self = 0;

	if (fd < 0 || hpc_self_get(fd, &self))
		self = 0;
	hpc_close(fd);
	return self;
}

static int look(struct migrate *m, bool *ret_there)
{
	uint32_t where;
	int ret = hpc_where(m->pid, &where);

	if (!ret)
		ret = hpc_nmigs(m->pid, &m->nmigs);
	if (ret)
		return say_error(m, ret);
	m->guest = hpc_is_guest(m->pid);
	if (m->node && m->node == own_number())
		m->node = 0;
	if (m->guest && (m->node || m->balance))
		return say(m, "is a guest here: from here it can only go home");
	*ret_there = !m->guest && !m->balance && where == m->node;
	return 0;
}

static int migrate(struct migrate *m)
{
	bool there = false;
	int ret;

	ret = look(m, &there);
	if (ret || there)
		return ret;
	m->hpcd = hpcd_watch(m->pid, m->timeout_ms ? m->timeout_ms : TIMEOUT_S * 1000);
	if (m->hpcd == -ETIMEDOUT && (m->balance || m->node))
		return say(m, "is not moved: hpcd has too much to do to answer; try again");
	if (m->hpcd < 0 && m->balance)
		return say(m, "is not moved: hpcd, which would know where to, does not run here");
	if (m->hpcd < 0 && m->node)
		return say(m, "cannot move to node %u: hpcd, which would connect to it, does not "
			      "run on this machine", m->node);
	ret = m->balance ? hpc_proc_write("balance", "%d/goto", m->pid) :
			   hpc_goto(m->pid, m->node);
	if (ret == -EBUSY)
		return say_cantmove(m);
	if (ret)
		return say_error(m, ret);
	return m->timeout_ms ? wait_until_there(m) : 0;
}

/* --- the command line ------------------------------------------------------------------------ */

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "no-wait", no_argument, NULL, 'n' },
		{ "timeout", required_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	struct migrate m = { .timeout_ms = TIMEOUT_S * 1000, .hpcd = -1 };
	long n;
	int c;

	while ((c = getopt_long(argc, argv, "nt:hV", options, NULL)) != -1) {
		switch (c) {
		case 'n':
			m.timeout_ms = 0;
			break;
		case 't':
			if (!tool_number(optarg, 1, TIMEOUT_MAX_S, &n))
				return tool_usage("'%s' is no number of seconds", optarg);
			m.timeout_ms = n * 1000;
			break;
		default:
			return tool_option(c, help);
		}
	}
	if (argc - optind != 2)
		return tool_usage("needs a process and where it shall go");
	if (!tool_number(argv[optind], 1, INT32_MAX, &n))
		return tool_usage("'%s' is no process number", argv[optind]);
	m.pid = n;
	n = 0;
	m.balance = !strcasecmp(argv[optind + 1], "balance");
	if (strcasecmp(argv[optind + 1], "home") != 0 && !m.balance &&
	    !tool_number(argv[optind + 1], HPC_NODE_MIN, HPC_NODE_MAX, &n))
		return tool_usage("'%s' is neither a node number nor 'home' or 'balance'",
				  argv[optind + 1]);
	m.node = n;
	return migrate(&m);
}
