// SPDX-License-Identifier: GPL-2.0-only
/*
 * hpcd: carries out what the engine asks for, and takes in what others send.
 *
 * One loop, which never waits for another machine: each handshake has a process
 * of its own.  What runs, guests and deputies, is the kernel's and the keepers';
 * so the daemon may end at any time.
 */

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "cgroup.h"
#include "container.h"
#include "daemon.h"
#include "hpc.h"
#include "log.h"
#include "move.h"
#include "report.h"

/* Handshakes at a time; who comes later waits. */
#define OUT_MAX		16
#define IN_MAX		32
#define WISHES_MAX	1024
#define BACKLOG		128
#define EVENTS		64

/* Guests get that of their home. */
#define PRIORITY	-10

struct wish {
	pid_t pid;
	uint32_t node;
};

static struct {
	struct hpcd_mover mover;
	struct source signals;
	struct source events;
	struct source listener[2];	/* IPv4, IPv6 */
	/* GOTO events that wait for a helper: a ring. */
	struct wish wish[WISHES_MAX];
	unsigned int head, waiting;
} d = {
	.signals.fd = -1, .events.fd = -1,
	.listener = { { .fd = -1 }, { .fd = -1 } },
};

static void report(enum hpcd_report_kind kind, pid_t pid, uint32_t node, const char *text)
{
	struct hpcd_report r = { .kind = kind, .pid = pid, .node = node };

	snprintf(r.text, sizeof(r.text), "%s", text);
	watchers_tell(&r);
}

/* --- moves out ----------------------------------------------------------------------------- */

static void out_next(void);

static void stayed(pid_t pid, uint32_t node, const char *why)
{
	hpcd_log(LOG_NOTICE, "process %d does not move to node %u and goes on here: %s", pid, node,
		 why);
	report(HPCD_REPORT_STAYED, pid, node, why);
}

static void out_done(const struct helper *helper, const struct helper_result *result)
{
	char why[HPCD_WHY_SIZE + 32];

	balancer_tried(helper->process, helper->node, result->error, result->rtt_us);
	/* If all went well the engine will say what comes of it. */
	if (result->error == -ESRCH) {
		hpcd_log(LOG_DEBUG, "process %d ended before it could move to node %u",
			 helper->process, helper->node);
		report(HPCD_REPORT_STAYED, helper->process, helper->node, result->why);
	} else if (result->error) {
		snprintf(why, sizeof(why), "node %u: %s", helper->node, result->why);
		stayed(helper->process, helper->node, why);
	}
	out_next();
}

static int out_begin(const struct wish *w)
{
	struct helper what = { .kind = HELPER_OUT, .process = w->pid, .node = w->node };
	struct helper_result result = { .node = w->node };
	int error;

	if (!helper_begin(&what, &d.mover.engine, 1, out_done, &error))
		return error;
	result.error = hpcd_move_out(&d.mover, w->pid, w->node, &result.rtt_us, result.why);
	helper_end(&result);
}

static void out_next(void)
{
	struct wish w;
	int ret;

	while (d.waiting && helpers_count(HELPER_OUT) < OUT_MAX) {
		w = d.wish[d.head];
		d.head = (d.head + 1) % WISHES_MAX;
		d.waiting--;
		ret = out_begin(&w);
		if (ret) {
			balancer_tried(w.pid, w.node, ret, 0);
			stayed(w.pid, w.node, strerror(-ret));
		}
	}
}

static bool is_waiting(pid_t pid)
{
	unsigned int i;

	for (i = 0; i < d.waiting; i++)
		if (d.wish[(d.head + i) % WISHES_MAX].pid == pid)
			return true;
	return false;
}

bool daemon_want(pid_t pid, uint32_t node)
{
	if (helper_moves(pid) || is_waiting(pid) || d.waiting == WISHES_MAX)
		return false;
	d.wish[(d.head + d.waiting++) % WISHES_MAX] = (struct wish) { .pid = pid, .node = node };
	out_next();
	return true;
}

static void want(pid_t pid, uint32_t node)
{
	if (daemon_want(pid, node))
		return;
	if (d.waiting == WISHES_MAX)
		stayed(pid, node, "too many moves are waiting already; try again later");
	else
		stayed(pid, node, "a move of it is under way already");
}

/* "balance": to where the balancer would have it. */
static void want_best(pid_t pid)
{
	uint32_t self = 0, where;
	int node = balancer_place(pid);

	if (node < 0) {
		stayed(pid, 0, node == -ESRCH ? "nothing is known of it yet" : strerror(-node));
		return;
	}
	if (hpc_where(pid, &where) || hpc_self_get(d.mover.engine, &self))
		return;
	if ((where ? where : self) == (uint32_t)node)
		stayed(pid, node, "it is best where it is");
	else if ((uint32_t)node == self)
		hpc_bring(d.mover.engine, pid);
	else
		want(pid, node);
}

/* --- moves in ------------------------------------------------------------------------------ */

static void listeners_pause(bool pause)
{
	source_pause(&d.listener[0], pause);
	source_pause(&d.listener[1], pause);
}

static void in_done(const struct helper *helper, const struct helper_result *result)
{
	(void)helper;
	if (result->error && result->node)
		hpcd_log(LOG_NOTICE, "no guest from node %u: %s", result->node, result->why);
	else if (result->error)
		/* Whoever can reach the port can make this happen. */
		hpcd_log(LOG_DEBUG, "a connection came to nothing: %s", result->why);
	/* There may be a new container. */
	guests_scan();
	if (helpers_count(HELPER_IN) < IN_MAX)
		listeners_pause(false);
}

static void in_begin(int sock)
{
	struct helper what = { .kind = HELPER_IN };
	struct helper_result result = { 0 };
	int error, keep[] = { d.mover.engine, sock };

	if (helper_begin(&what, keep, 2, in_done, &error)) {
		result.error = hpcd_move_in(&d.mover, sock, &result.node, result.why);
		helper_end(&result);
	}
	if (error)
		hpcd_log(LOG_WARNING, "cannot deal with a connection, closing it: %s",
			 strerror(-error));
	if (helpers_count(HELPER_IN) >= IN_MAX)
		listeners_pause(true);
}

static void listener_ready(struct source *source)
{
	int sock = accept4(source->fd, NULL, NULL, SOCK_CLOEXEC);

	if (sock < 0) {
		if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR)
			hpcd_log(LOG_WARNING, "cannot accept a connection: %m");
		return;
	}
	in_begin(sock);
	close(sock);
}

static int listen_on(int family, uint16_t port)
{
	struct sockaddr_in in = {
		.sin_family = AF_INET, .sin_port = htons(port),
	};
	struct sockaddr_in6 in6 = {
		.sin6_family = AF_INET6, .sin6_port = htons(port),
	};
	int fd, one = 1, ret = 0;

	fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    (family == AF_INET6 &&
	     setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one))))
		ret = -errno;
	if (!ret && (family == AF_INET ? bind(fd, (const struct sockaddr *)&in, sizeof(in)) :
					 bind(fd, (const struct sockaddr *)&in6, sizeof(in6))))
		ret = -errno;
	if (!ret && listen(fd, BACKLOG))
		ret = -errno;
	if (!ret)
		return fd;
	close(fd);
	return ret;
}

static int listeners_open(uint16_t port)
{
	static const int families[] = { AF_INET, AF_INET6 };
	int i, fd, open = 0, ret;

	for (i = 0; i < 2; i++) {
		fd = listen_on(families[i], port);
		/* A machine may do without one of the two. */
		if (fd == -EAFNOSUPPORT || fd == -EADDRNOTAVAIL)
			continue;
		ret = fd < 0 ? fd : source_add(&d.listener[i], fd, listener_ready);
		if (ret) {
			hpcd_log(LOG_ERR, "cannot listen on TCP port %u (%s): %s", port,
				 i ? "IPv6" : "IPv4", strerror(-ret));
			return ret;
		}
		open++;
	}
	if (!open)
		hpcd_log(LOG_ERR, "this machine has neither IPv4 nor IPv6");
	return open ? 0 : -EAFNOSUPPORT;
}

/* --- what the engine tells ----------------------------------------------------------------- */

static const char *lost_why(int error)
{
	if (error == -ETIMEDOUT)
		return "it no longer answers";
	if (error == -ECONNRESET)
		return "it closed the connection";
	return strerror(-error);
}

static void event_take(const struct hpc_event *e)
{
	balancer_event(e);
	switch (e->type) {
	case HPC_EVENT_GOTO:
		if (e->node)
			want(e->pid, e->node);
		else
			want_best(e->pid);
		break;
	case HPC_EVENT_AWAY:
		hpcd_log(LOG_DEBUG, "process %d computes on node %u now", e->pid, e->node);
		report(HPCD_REPORT_AWAY, e->pid, e->node, "");
		break;
	case HPC_EVENT_STAYED:
		stayed(e->pid, e->node, strerror(-e->error));
		break;
	case HPC_EVENT_HOME:
		hpcd_log(LOG_DEBUG, "process %d came home from node %u", e->pid, e->node);
		report(HPCD_REPORT_HOME, e->pid, e->node, "");
		break;
	case HPC_EVENT_ENDED:
		hpcd_log(LOG_DEBUG, "process %d ended on node %u", e->pid, e->node);
		report(HPCD_REPORT_ENDED, e->pid, e->node, "");
		break;
	case HPC_EVENT_LOST:
		hpcd_log(LOG_WARNING, "process %d is lost with node %u: %s", e->pid, e->node,
			 lost_why(e->error));
		report(HPCD_REPORT_LOST, e->pid, e->node, lost_why(e->error));
		break;
	case HPC_EVENT_ARRIVED:
		hpcd_log(LOG_DEBUG, "a guest of node %u runs here as process %d", e->node, e->pid);
		break;
	case HPC_EVENT_LEFT:
		hpcd_log(LOG_DEBUG, "guest process %d of node %u is here no more", e->pid, e->node);
		break;
	case HPC_EVENT_MISSED:
		hpcd_log(LOG_WARNING, "%d events were lost, and with them wishes to move",
			 e->error);
		break;
	}
}

static void events_ready(struct source *source)
{
	struct hpc_event events[EVENTS];
	size_t n, i;
	int ret = hpc_events_read(source->fd, events, EVENTS, &n);

	if (ret == -EAGAIN || ret == -EINTR)
		return;
	if (ret) {
		hpcd_log(LOG_ERR, "cannot read what the engine tells: %s", strerror(-ret));
		loop_end();
		return;
	}
	for (i = 0; i < n; i++)
		event_take(&events[i]);
}

/* --- beginning and end --------------------------------------------------------------------- */

static void signals_ready(struct source *source)
{
	struct signalfd_siginfo info;

	while (read(source->fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCHLD) {
			helpers_reap();
		} else {
			hpcd_log(LOG_INFO, "ends; guests here go on");
			loop_end();
		}
	}
}

static int signals_open(void)
{
	sigset_t set;
	int fd;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : source_add(&d.signals, fd, signals_ready);
}

static int engine_open(int flags)
{
	int fd = hpc_open(flags);

	if (fd < 0)
		hpcd_log(LOG_ERR, "cannot open '" HPC_DEVICE "': %s%s", strerror(-fd),
			 fd == -ENOENT ? "; the running kernel is not Tessera's" : "");
	return fd;
}

static int engine_setup(void)
{
	int fd, ret;

	d.mover.engine = engine_open(O_RDWR);
	if (d.mover.engine < 0)
		return d.mover.engine;
	fd = engine_open(O_RDONLY | O_NONBLOCK);
	if (fd < 0)
		return fd;
	/* The first poll, which this is, is where events begin. */
	ret = source_add(&d.events, fd, events_ready);
	if (ret)
		hpcd_log(LOG_ERR, "cannot wait for the engine: %s", strerror(-ret));
	return ret;
}

/* A lock of the process's, not of the descriptor: keepers do not inherit it. */
static int lock_take(void)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = open(HPCD_RUN_DIR "/hpcd.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0) {
		hpcd_log(LOG_ERR, "cannot make '" HPCD_RUN_DIR "/hpcd.lock': %m");
		return -errno;
	}
	if (!fcntl(fd, F_SETLK, &lock))
		return 0;
	if (!fcntl(fd, F_GETLK, &lock) && lock.l_type != F_UNLCK)
		hpcd_log(LOG_ERR, "another hpcd runs already, as process %d", lock.l_pid);
	else
		hpcd_log(LOG_ERR, "cannot lock '" HPCD_RUN_DIR "/hpcd.lock': %m");
	close(fd);
	return -EBUSY;
}

static int folders_make(void)
{
	if ((mkdir(HPCD_RUN_DIR, 0755) && errno != EEXIST) ||
	    (mkdir(HPCD_GUESTS_DIR, 0700) && errno != EEXIST)) {
		hpcd_log(LOG_ERR, "cannot make '" HPCD_GUESTS_DIR "': %m");
		return -errno;
	}
	return 0;
}

static uint64_t memory_total(void)
{
	return (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
}

static int cgroups_setup(void)
{
	char what[200];
	int ret = hpcd_cgroup_prepare(memory_total(), what, sizeof(what));

	if (ret)
		hpcd_log(LOG_ERR, "cannot set up the control group of guests: %s", what);
	return ret;
}

static int setup(const struct hpcd_options *options)
{
	int ret;

	d.mover.port = options->port;
	d.mover.linger_ms = options->linger_ms;
	d.mover.silence_s = options->silence_s;
	ret = folders_make();
	if (!ret)
		ret = lock_take();
	if (!ret)
		ret = loop_open();
	if (!ret)
		ret = signals_open();
	if (!ret)
		ret = engine_setup();
	if (!ret)
		ret = cgroups_setup();
	if (!ret)
		ret = listeners_open(options->port);
	if (!ret) {
		ret = watchers_open();
		if (ret)
			hpcd_log(LOG_ERR, "cannot listen at '" HPCD_REPORT_SOCKET "': %s",
				 strerror(-ret));
	}
	if (!ret) {
		ret = balancer_open(d.mover.engine);
		if (ret)
			hpcd_log(LOG_ERR, "cannot start the balancer: %s", strerror(-ret));
	}
	return ret ? ret : guests_scan();
}

/* What Type=notify of a systemd unit waits for. */
static void tell_service_manager(void)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	const char *path = getenv("NOTIFY_SOCKET");
	size_t len = path ? strlen(path) : 0;
	int fd;

	if (len < 2 || len >= sizeof(un.sun_path))
		return;
	memcpy(un.sun_path, path, len);
	if (un.sun_path[0] == '@')
		un.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	/* Nobody to complain to if nobody listens. */
	sendto(fd, "READY=1", 7, MSG_NOSIGNAL, (const struct sockaddr *)&un,
	       offsetof(struct sockaddr_un, sun_path) + len);
	close(fd);
}

int daemon_run(const struct hpcd_options *options, int ready_fd)
{
	int ret;

	/* Where there is too much to do, who sends some of it away comes first. */
	if (setpriority(PRIO_PROCESS, 0, PRIORITY))
		hpcd_log(LOG_DEBUG, "cannot be nice to myself: %m");
	ret = setup(options);
	if (ret)
		return ret;
	hpcd_log(LOG_INFO, "listens on TCP port %u; %u guest containers are here", options->port,
		 guests_count());
	tell_service_manager();
	hpcd_log_detach();
	if (ready_fd >= 0) {
		if (write(ready_fd, "", 1) != 1)
			hpcd_log(LOG_WARNING, "who started hpcd is gone; going on");
		close(ready_fd);
	}
	ret = loop_run();
	unlink(HPCD_REPORT_SOCKET);
	return ret;
}

int daemon_check(void)
{
	struct hpcd_hello hello;
	int engine, ret;

	engine = engine_open(O_RDWR);
	if (engine < 0)
		return engine;
	ret = hpcd_hello_make(engine, &hello);
	if (ret) {
		hpcd_log(LOG_ERR, "%s", ret == -ENOTCONN ?
			 "this machine is in no cluster: it has no node number (see setpe(8))" :
			 strerror(-ret));
	} else {
		ret = cgroups_setup();
	}
	if (!ret)
		hpcd_log(LOG_INFO, "node %u, kernel %s, %llu MiB for guests: all is well",
			 hello.node, hello.release, (unsigned long long)hello.mem >> 20);
	hpc_close(engine);
	return ret;
}
