// SPDX-License-Identifier: GPL-2.0-only
/*
 * tessera-hub: the virtual network between emulated nodes.
 *
 * Each port is a pair of unix datagram sockets, as QEMU's "-netdev dgram" has
 * them (one datagram is one frame), or a tap of the network namespace the hub
 * runs in.  What goes wrong between ports is set through a control socket
 * (control.h) and decided by the seed (fate.h).
 *
 * A port's peer may come, go and come back: frames for a peer that is away are
 * lost, as on a cable with nothing plugged in.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "control.h"
#include "lan.h"
#include "pcap.h"

#define CLIENTS_MAX	16
#define BACKLOG_MAX	1024	/* frames that wait for one slow receiver */
#define READ_BURST	64	/* frames from one port before the others have a turn */
#define REPLY_MAX	(1u << 20)
#define SOCKET_BUFFER	(4 << 20)

struct port {
	bool tap;
	int rx, tx;		/* one descriptor for a tap; tx is -1 while the peer is away */
	char peer[sizeof(((struct sockaddr_un *)0)->sun_path)];
	struct hub_packet *backlog[BACKLOG_MAX];
	size_t head, waiting;
};

struct client {
	int fd;			/* -1: free */
	size_t have;
	char line[HUB_LINE_MAX];
};

enum { TAG_TIMER, TAG_LISTEN, TAG_CLIENT = 16, TAG_RX = 64, TAG_TX = 256 };

static struct hub_lan lan;
static struct port ports[HUB_PORTS_MAX];
static struct client clients[CLIENTS_MAX];
static struct hub_pcap pcap = HUB_PCAP_CLOSED;
static int epoll_fd, timer_fd, listen_fd;
static volatile sig_atomic_t stopping;

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

static int watch(int fd, uint32_t events, uint32_t tag)
{
	struct epoll_event ev = { .events = events, .data.u32 = tag };

	return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0 ? -errno : 0;
}

static void rewatch(int fd, uint32_t events, uint32_t tag)
{
	struct epoll_event ev = { .events = events, .data.u32 = tag };

	epoll_ctl(epoll_fd, EPOLL_CTL_MOD, fd, &ev);
}

static int unix_address(struct sockaddr_un *sa, const char *path)
{
	*sa = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(sa->sun_path))
		return -ENAMETOOLONG;
	strcpy(sa->sun_path, path);
	return 0;
}

/* -- ports ------------------------------------------------------------- */

static int bind_socket(int type, const char *path)
{
	struct sockaddr_un sa;
	int size = SOCKET_BUFFER, fd, r = unix_address(&sa, path);

	if (r)
		return r;
	fd = socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	unlink(path);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	return fd;
}

/*
 * The sending socket is connected, so that epoll tells when the peer has room
 * again; and it is another than the receiving one, since a connected datagram
 * socket would refuse the frames of a peer that was restarted.
 */
static bool plug_in(unsigned int n)
{
	struct port *p = &ports[n];
	struct sockaddr_un sa;
	int size = SOCKET_BUFFER;

	if (p->tx >= 0)
		return true;
	if (unix_address(&sa, p->peer))
		return false;
	p->tx = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (p->tx < 0)
		return false;
	setsockopt(p->tx, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	if (connect(p->tx, (struct sockaddr *)&sa, sizeof(sa)) == 0 &&
	    watch(p->tx, 0, TAG_TX + n) == 0)
		return true;
	close(p->tx);
	p->tx = -1;
	return false;
}

static void unplug(unsigned int n)
{
	if (!ports[n].tap && ports[n].tx >= 0) {
		close(ports[n].tx);
		ports[n].tx = -1;
	}
}

static void watch_room(unsigned int n, bool wanted)
{
	if (ports[n].tap)
		rewatch(ports[n].rx, EPOLLIN | (wanted ? EPOLLOUT : 0), TAG_RX + n);
	else if (ports[n].tx >= 0)
		rewatch(ports[n].tx, wanted ? EPOLLOUT : 0, TAG_TX + n);
}

/* True if the frame is dealt with: sent, or lost because nobody is there. */
static bool transmit(unsigned int n, const struct hub_packet *pkt)
{
	struct hub_port_stats *stats = &lan.stats[n];

	for (int attempt = 0; attempt < 2; attempt++) {
		if (!plug_in(n))
			return true;
		if (write(ports[n].tx, pkt->data, pkt->len) >= 0) {
			stats->out_frames++;
			stats->out_bytes += pkt->len;
			return true;
		}
		if (errno == EAGAIN || errno == ENOBUFS)
			return false;
		if (ports[n].tap)
			return true;
		unplug(n);	/* the peer was restarted: try its new socket */
	}
	return true;
}

static void flush_backlog(unsigned int n)
{
	struct port *p = &ports[n];

	while (p->waiting && transmit(n, p->backlog[p->head])) {
		free(p->backlog[p->head]);
		p->head = (p->head + 1) % BACKLOG_MAX;
		p->waiting--;
	}
	watch_room(n, p->waiting > 0);
}

static void deliver(struct hub_packet *pkt)
{
	struct port *p = &ports[pkt->to];

	if (!p->waiting && transmit(pkt->to, pkt)) {
		free(pkt);
		return;
	}
	if (p->waiting == BACKLOG_MAX) {
		lan.stats[pkt->to].overrun++;
		free(pkt);
		return;
	}
	p->backlog[(p->head + p->waiting) % BACKLOG_MAX] = pkt;
	if (!p->waiting++)
		watch_room(pkt->to, true);
}

static void deliver_due(void)
{
	struct itimerspec timer = { 0 };
	struct hub_packet *pkt;
	uint64_t next;

	while ((pkt = hub_queue_take(&lan.queue, now_ns())))
		deliver(pkt);
	next = hub_queue_next_ns(&lan.queue);
	if (next != UINT64_MAX) {
		timer.it_value.tv_sec = (time_t)(next / 1000000000);
		timer.it_value.tv_nsec = (long)(next % 1000000000);
	}
	timerfd_settime(timer_fd, TFD_TIMER_ABSTIME, &timer, NULL);
}

static void receive(unsigned int n)
{
	static uint8_t frame[HUB_FRAME_MAX];

	for (int i = 0; i < READ_BURST; i++) {
		ssize_t len = read(ports[n].rx, frame, sizeof(frame));

		if (len <= 0)
			return;
		hub_pcap_write(&pcap, frame, (size_t)len);
		hub_lan_enter(&lan, n, frame, (size_t)len, now_ns());
	}
}

static int add_port(const char *name, int rx, bool tap, const char *peer)
{
	int n = hub_lan_add_port(&lan, name);

	if (n < 0)
		return n;
	ports[n].tap = tap;
	ports[n].rx = rx;
	ports[n].tx = tap ? rx : -1;
	snprintf(ports[n].peer, sizeof(ports[n].peer), "%s", peer);
	return watch(rx, EPOLLIN, TAG_RX + (uint32_t)n);
}

/* NAME:LOCAL:REMOTE */
static int add_socket_port(char *spec)
{
	char *local = strchr(spec, ':'), *remote = local ? strchr(local + 1, ':') : NULL;
	struct sockaddr_un sa;
	int fd;

	if (!remote)
		return -EINVAL;
	*local++ = *remote++ = '\0';
	if (unix_address(&sa, remote))
		return -ENAMETOOLONG;
	fd = bind_socket(SOCK_DGRAM, local);
	return fd < 0 ? fd : add_port(spec, fd, false, remote);
}

/* NAME:INTERFACE */
static int add_tap_port(char *spec)
{
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI };
	char *interface = strchr(spec, ':');
	int fd;

	if (!interface || strlen(interface + 1) >= sizeof(ifr.ifr_name))
		return -EINVAL;
	*interface++ = '\0';
	strcpy(ifr.ifr_name, interface);
	fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &ifr) < 0)
		return -errno;
	return add_port(spec, fd, true, "");
}

/* -- control ----------------------------------------------------------- */

static int control_pcap(void *arg, const char *path, uint64_t bytes_max)
{
	(void)arg;
	hub_pcap_close(&pcap);
	return path ? hub_pcap_open(&pcap, path, bytes_max) : 0;
}

static void control_quit(void *arg)
{
	(void)arg;
	stopping = 1;
}

static void close_client(struct client *c)
{
	close(c->fd);
	c->fd = -1;
}

static bool answer(struct client *c, char *line)
{
	static const struct hub_control_ops ops = { control_pcap, control_quit, NULL };
	static char reply[REPLY_MAX];
	size_t len, done = 0;

	hub_control(&lan, &ops, line, reply, sizeof(reply));
	for (len = strlen(reply); done < len;) {
		ssize_t n = send(c->fd, reply + done, len - done, MSG_NOSIGNAL);

		if (n <= 0)	/* a client that does not read its answer is dropped */
			return false;
		done += (size_t)n;
	}
	return true;
}

static void serve_client(struct client *c)
{
	ssize_t n = read(c->fd, c->line + c->have, sizeof(c->line) - 1 - c->have);
	char *end;

	if (n <= 0) {
		if (n == 0 || errno != EAGAIN)
			close_client(c);
		return;
	}
	c->have += (size_t)n;
	while ((end = memchr(c->line, '\n', c->have))) {
		size_t len = (size_t)(end - c->line) + 1;

		*end = '\0';
		if (!answer(c, c->line)) {
			close_client(c);
			return;
		}
		c->have -= len;
		memmove(c->line, c->line + len, c->have);
	}
	if (c->have == sizeof(c->line) - 1)
		close_client(c);
}

static void accept_client(void)
{
	int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	int size = SOCKET_BUFFER;

	for (uint32_t i = 0; fd >= 0 && i < CLIENTS_MAX; i++)
		if (clients[i].fd < 0) {
			setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
			clients[i] = (struct client){ .fd = fd };
			watch(fd, EPOLLIN, TAG_CLIENT + i);
			return;
		}
	if (fd >= 0)
		close(fd);
}

/* -- program ----------------------------------------------------------- */

static void dispatch(uint32_t tag, uint32_t events)
{
	uint64_t expirations;

	if (tag >= TAG_TX) {
		if (events & (EPOLLERR | EPOLLHUP))
			unplug(tag - TAG_TX);
		flush_backlog(tag - TAG_TX);
	} else if (tag >= TAG_RX) {
		if (events & EPOLLOUT)
			flush_backlog(tag - TAG_RX);
		if (events & EPOLLIN)
			receive(tag - TAG_RX);
	} else if (tag >= TAG_CLIENT) {
		serve_client(&clients[tag - TAG_CLIENT]);
	} else if (tag == TAG_LISTEN) {
		accept_client();
	} else if (read(timer_fd, &expirations, sizeof(expirations)) < 0) {
		return;		/* the timer was set anew meanwhile */
	}
}

static void serve(void)
{
	struct epoll_event events[64];

	while (!stopping) {
		int n = epoll_wait(epoll_fd, events, 64, -1);

		for (int i = 0; i < n; i++)
			dispatch(events[i].data.u32, events[i].events);
		deliver_due();
	}
}

static void on_signal(int sig)
{
	(void)sig;
	stopping = 1;
}

static void usage(FILE *to)
{
	fputs("usage: tessera-hub --control PATH [--seed N] [--port NAME:LOCAL:REMOTE]...\n"
	      "                   [--tap NAME:INTERFACE]...\n"
	      "Joins ports to one Ethernet, with faults between them on request.\n"
	      "  --control PATH             unix socket for commands (see ci/hub/control.h)\n"
	      "  --seed N                   decides the faults; default: random, and printed\n"
	      "  --port NAME:LOCAL:REMOTE   unix datagram sockets: ours, and the peer's\n"
	      "  --tap NAME:INTERFACE       a tap interface, made if it does not exist\n", to);
}

static int fail(const char *what, const char *object, int error)
{
	fprintf(stderr, "tessera-hub: %s '%s': %s\n", what, object, strerror(error));
	return 1;
}

static int parse_seed(const char *text, uint64_t *ret)
{
	char *end;

	errno = 0;
	*ret = strtoull(text, &end, 0);
	return errno || end == text || *end ? -EINVAL : 0;
}

static int set_up(int argc, char **argv)
{
	static const struct option options[] = {
		{ "control", required_argument, NULL, 'c' },
		{ "seed", required_argument, NULL, 's' },
		{ "port", required_argument, NULL, 'p' },
		{ "tap", required_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	const char *control = NULL;
	int opt, r;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case 'c':
			control = optarg;
			break;
		case 's':
			if (parse_seed(optarg, &lan.seed))
				return fail("--seed", optarg, EINVAL) + 1;
			break;
		case 'p':
		case 't':
			r = opt == 'p' ? add_socket_port(optarg) : add_tap_port(optarg);
			if (r < 0)
				return fail("port", optarg, -r);
			break;
		case 'h':
			usage(stdout);
			exit(0);
		default:
			usage(stderr);
			return 2;
		}
	}
	if (!control || optind < argc) {
		usage(stderr);
		return 2;
	}
	listen_fd = bind_socket(SOCK_STREAM, control);
	if (listen_fd < 0)
		return fail("control socket", control, -listen_fd);
	if (listen(listen_fd, CLIENTS_MAX) < 0 || watch(listen_fd, EPOLLIN, TAG_LISTEN))
		return fail("control socket", control, errno);
	return 0;
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_signal };
	uint64_t seed;
	int r;

	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		return fail("random seed", "getrandom", errno);
	hub_lan_init(&lan, seed);
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		clients[i].fd = -1;
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (epoll_fd < 0 || timer_fd < 0 || watch(timer_fd, EPOLLIN, TAG_TIMER))
		return fail("event loop", "epoll", errno);
	r = set_up(argc, argv);
	if (r)
		return r;
	printf("ready seed=0x%016" PRIx64 "\n", lan.seed);
	fflush(stdout);
	serve();
	hub_pcap_close(&pcap);
	return 0;
}
