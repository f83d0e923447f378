// SPDX-License-Identifier: GPL-2.0-only
/*
 * omdiscd: machines find each other; see omdiscd(8).
 *
 * Everything that wants a privilege is opened first: the device, the sockets, the
 * status socket.  Then the daemon is nobody in particular, with no capability, and
 * only then looks at what the network sends.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <inttypes.h>
#include <malloc.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include <sodium.h>

#include "net.h"
#include "own.h"
#include "status.h"
#include "table.h"
#include "tools/tool.h"

#define CHECK_MS	2000	/* between looks at the table for other people's hands */
#define REJOIN_MS	60000
#define LOAD_MS		250
#define ADOPTED_MS	10000	/* an earlier run's rows are kept that long */
#define NO_ADDRESS_MS	12000	/* without IPv4 for that long: any number will do */
#define MANY		200	/* from so many peers on, packets are read ... */
#define GATHER_MS	20	/* ... that seldom, */
#define GATHER_MOST_MS	50	/* and at most so seldom where more speak */
#define BATCH		256	/* packets between two looks at the clock */

const char *tool_name = "omdiscd";

struct daemon {
	/* options */
	const char *key_file;
	const char *table_file;
	const char *status_path;
	char cluster[DISC_CLUSTER_MAX + 2];
	char cards[256];
	bool foreground, status, json;

	struct net net;
	struct status status_socket;
	struct disc_table *table;
	struct disc *disc;
	struct disc_info info;
	const char *key_from;
	const char *idle;
	uint32_t number;	/* what the table says is ours, as far as we know */
	uint32_t fixed;		/* tessera.node= */
	uint64_t begun, card_since, checked, rejoined, loaded, asked_quiet;
	bool secret;
	bool look_again;
};

static volatile sig_atomic_t stop;

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* --- messages ------------------------------------------------------------------------------ */

static void help(FILE *out)
{
	fputs("usage: omdiscd [-n] [-i CARD[,CARD...]] [-m TTL] [--key-file FILE] [--cluster NAME]\n"
	      "       omdiscd --status [--json]\n"
	      "\n"
	      "Finds the other machines of the cluster, and keeps the kernel's table of nodes.\n"
	      "\n"
	      "  -n, --nodaemon        stay in the foreground, messages on standard error\n"
	      "  -i, --interface LIST  use these network cards only, up to 16\n"
	      "  -m, --multicast-ttl N pass N - 1 routers (default 1: this network only)\n"
	      "  --key-file FILE       the cluster's secret (default: tessera.key= of the kernel's\n"
	      "                        command line, or " OWN_KEY_FILE ")\n"
	      "  --cluster NAME        clusters of different names do not see each other\n"
	      "                        (default: tessera.cluster=, or 'tessera')\n"
	      "  --status              print what the running omdiscd knows\n"
	      "  --json                --status for programs\n"
	      "  --socket PATH         of --status (default " STATUS_SOCKET ")\n"
	      "  --table FILE          write the table to FILE, not to the kernel; for tests\n"
	      "  -h, --help            this text\n"
	      "  -V, --version         version of this program\n"
	      "\n"
	      "Exit status: 0 done, 1 failed, 2 wrong usage.\n", out);
}

static bool to_stderr;

static void tell(int priority, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A line is one write: standard error may be the kernel's log. */
static void tell(int priority, const char *format, ...)
{
	char line[512] = "omdiscd: ";
	size_t len = strlen(line);
	va_list ap;

	va_start(ap, format);
	if (to_stderr) {
		vsnprintf(line + len, sizeof(line) - len - 1, format, ap);
		strcat(line, "\n");
		if (write(STDERR_FILENO, line, strlen(line)) < 0)
			to_stderr = false;
	} else {
		vsyslog(priority, format, ap);
	}
	va_end(ap);
}

static const char *peer_name(const struct disc_peer *p, char text[96])
{
	char addr[INET6_ADDRSTRLEN] = "?";

	inet_ntop(p->from.family == 4 ? AF_INET : AF_INET6, p->from.addr, addr, sizeof(addr));
	snprintf(text, 96, "node %u (%s, boot %08" PRIx32 ")", p->number, addr, (uint32_t)p->boot);
	return text;
}

static void log_change(const struct disc_peer *p, enum disc_change change, uint16_t old_number)
{
	static const char *const words[] = {
		[DISC_CAME] = "is here", [DISC_RETURNED] = "is here again, newly booted",
		[DISC_FELL_SILENT] = "is silent", [DISC_RESUMED] = "is heard again",
		[DISC_WENT] = "says goodbye", [DISC_DIED] = "is dead",
	};
	char name[96];

	if (change < sizeof(words) / sizeof(words[0]) && words[change])
		tell(LOG_NOTICE, "%s %s%s", peer_name(p, name), words[change],
		     p->foreign ? "; its protocol version is another one, so it is not used" : "");
	else if (old_number && old_number != p->number)
		tell(LOG_NOTICE, "%s was node %u until now", peer_name(p, name), old_number);
}

/* --- what the state machine wants ---------------------------------------------------------- */

static void table_failed(const char *what, uint32_t number, int error)
{
	if (error)
		tell(LOG_WARNING, "cannot %s node %" PRIu32 ": %s; will try again with its next news",
		     what, number, strerror(-error));
}

static void do_send(void *arg, const struct disc_message *m, bool urgent)
{
	struct daemon *d = arg;

	net_send(&d->net, m, urgent);
}

static void do_changed(void *arg, const struct disc_peer *p, enum disc_change change,
		       uint16_t old_number)
{
	struct daemon *d = arg;

	log_change(p, change, old_number);
	if (d->idle || disc_table_is_marked(d->table))
		return;
	if (change == DISC_WENT)
		table_failed("mark", p->number, disc_table_leaving(d->table, p->number));
	else
		table_failed("enter", p->number, disc_table_update(d->table, d->disc, p->number));
	if (old_number != p->number)
		table_failed("change", old_number, disc_table_update(d->table, d->disc, old_number));
}

static void do_renumber(void *arg, uint16_t number, const struct disc_peer *rival)
{
	struct daemon *d = arg;
	uint32_t old = d->number;
	char name[96];

	if (disc_table_is_marked(d->table))
		return;
	tell(LOG_WARNING, "%s has the better claim to our number: we are node %u from now on; to "
	       "choose, boot one of the two with tessera.node=NUMBER", peer_name(rival, name), number);
	table_failed("become", number, disc_table_self_set(d->table, number));
	d->number = number;
	disc_table_self_addrs(d->table, &d->info);
	table_failed("enter", old, disc_table_update(d->table, d->disc, old));
}

static const struct disc_ops ops = {
	.send = do_send, .changed = do_changed, .renumber = do_renumber,
};

/* --- our number ---------------------------------------------------------------------------- */

/* The last two octets of the first IPv4 address, as in openMosix. */
static uint16_t number_of_address(const struct daemon *d)
{
	unsigned int i;

	for (i = 0; i < d->info.naddrs; i++)
		if (d->info.addr[i].family == 4)
			return d->info.addr[i].addr[2] * 256 + d->info.addr[i].addr[3];
	return 0;
}

static void number_take(struct daemon *d, uint32_t number, uint64_t now)
{
	d->number = number;
	disc_table_self_addrs(d->table, &d->info);
	disc_number_set(d->disc, now, number, number && number == d->fixed);
	/* Settling may have found another one at once. */
	if (disc_number(d->disc) == number)
		tell(LOG_NOTICE, "this is node %" PRIu32, number);
}

static void number_find(struct daemon *d, uint64_t now)
{
	uint16_t number = d->fixed ? d->fixed : number_of_address(d);
	int ret;

	if (!number && d->net.ncards && now - d->card_since > NO_ADDRESS_MS)
		number = disc_number_pick(d->disc);
	if (!number)
		return;
	ret = disc_table_self_set(d->table, number);
	if (ret)
		table_failed("become", number, ret);
	else
		number_take(d, number, now);
}

static void idle_begin(struct daemon *d, const char *why, uint64_t now)
{
	if (d->idle == why)
		return;
	tell(LOG_NOTICE, "quiet from now on: %s", why);
	if (!d->idle)
		disc_goodbye(d->disc, now);
	d->idle = why;
}

static void idle_end(struct daemon *d, uint64_t now)
{
	const struct disc_peer *p = NULL;

	if (!d->idle)
		return;
	tell(LOG_NOTICE, "speaking again");
	d->idle = NULL;
	disc_start(d->disc, now);
	while ((p = disc_next_peer(d->disc, p)))
		disc_table_update(d->table, d->disc, p->number);
}

/* Others may have changed the table: then it is as they want it. */
static void number_check(struct daemon *d, uint64_t now)
{
	uint32_t self = 0;

	if (!d->disc || disc_table_self(d->table, &self))
		return;
	if (disc_table_has_map(d->table)) {
		d->number = self;
		disc_table_give_up(d->table);
		idle_begin(d, "the table of nodes comes from a map; 'setpe -off' gives it back", now);
		return;
	}
	if (!self && d->number) {
		d->number = 0;
		disc_table_clear(d->table);
		idle_begin(d, "this machine was taken out of the cluster; a node number puts it back",
			   now);
		return;
	}
	if (!self && !d->idle) {
		number_find(d, now);
		return;
	}
	if (self && self != d->number)
		number_take(d, self, now);
	if (self)
		idle_end(d, now);
}

/* --- the loop ------------------------------------------------------------------------------ */

static void disc_begin(struct daemon *d, uint64_t now)
{
	struct disc_config config = { .machine = own_machine() };
	struct timespec ts;

	if (!config.machine)
		config.machine = randombytes_random() | 1;
	clock_gettime(CLOCK_BOOTTIME, &ts);
	config.boot = own_boot(config.machine);
	/* Beyond what an earlier run of this boot can have used: 4000 packets a second. */
	config.counter = (uint64_t)ts.tv_sec * 4000 + ts.tv_nsec / 250000;
	randombytes_buf(&config.seed, sizeof(config.seed));
	d->disc = disc_new(&config, &ops, d, now);
	if (!d->disc) {
		tell(LOG_ERR, "no memory");
		exit(1);
	}
	d->info.machine = config.machine;
	own_info(&d->info);
	net_addresses(&d->net, &d->info);
	disc_info_set(d->disc, now, &d->info);
	d->card_since = now;
	number_check(d, now);
	if (!d->idle)
		disc_start(d->disc, now);
}

static void cards_look(struct daemon *d, uint64_t now)
{
	bool changed = net_scan(&d->net);

	if (!d->disc && d->net.ncards)
		disc_begin(d, now);
	if (!d->disc)
		return;
	net_addresses(&d->net, &d->info);
	disc_info_set(d->disc, now, &d->info);
	if (changed && !d->idle && !disc_table_is_marked(d->table))
		disc_table_self_addrs(d->table, &d->info);
	if (changed) {
		if (!d->number)
			number_check(d, now);
		disc_news(d->disc, now);
	}
}

/* A person wants the others to hear nothing new of this node's load. */
static bool load_is_secret(void)
{
	FILE *f = fopen("/proc/hpc/admin/quiet", "re");
	int c = f ? fgetc(f) : EOF;

	if (f)
		fclose(f);
	return c == '1';
}

static void load_look(struct daemon *d, uint64_t now)
{
	struct hpc_node own;

	if (now - d->loaded < LOAD_MS)
		return;
	d->loaded = now;
	disc_table_own(d->table, &own);
	disc_block_set(d->disc, now, own.status & HPC_NODE_BLOCK);
	if (now - d->asked_quiet >= CHECK_MS) {
		d->asked_quiet = now;
		d->secret = load_is_secret();
	}
	if (!d->secret)
		disc_load_set(d->disc, own.load, own.util, own.mem >> 10, own.rmem >> 10);
	if (own.speed && own.speed != d->info.speed) {
		d->info.speed = own.speed;
		disc_info_set(d->disc, now, &d->info);
	}
}

static void housekeeping(struct daemon *d, uint64_t now)
{
	if (d->look_again) {
		d->look_again = false;
		cards_look(d, now);
	}
	if (now - d->checked >= CHECK_MS) {
		d->checked = now;
		number_check(d, now);
		own_host(&d->info);
		if (d->disc)
			disc_info_set(d->disc, now, &d->info);
		if (d->disc && !d->idle && now - d->begun > ADOPTED_MS)
			disc_table_sweep(d->table, d->disc);
	}
	if (now - d->rejoined >= REJOIN_MS) {
		d->rejoined = now;
		net_rejoin(&d->net);
	}
}

static void packets_read(struct daemon *d, unsigned int index)
{
	struct disc_message m;
	struct disc_origin from;
	unsigned int i;
	size_t len;
	int ret;

	for (i = 0; i < BATCH; i++) {
		ret = net_receive(&d->net, index, &m, &len, &from);
		if (ret == -EAGAIN)
			return;
		if (!ret && d->disc)
			disc_receive(d->disc, now_ms(), &m, len, &from);
	}
}

static void wait_and_read(struct daemon *d, int timeout, const sigset_t *signals)
{
	struct pollfd fds[NET_FDS + 1 + STATUS_CLIENTS];
	struct timespec ts = { .tv_sec = timeout / 1000, .tv_nsec = timeout % 1000 * 1000000L };
	struct status_source source = {
		.disc = d->disc, .net = &d->net, .cluster = d->cluster, .key_from = d->key_from,
		.idle = d->idle, .own = &d->info, .now = now_ms(),
	};
	unsigned int i;

	memcpy(fds, d->net.fd, sizeof(d->net.fd));
	memcpy(fds + NET_FDS, d->status_socket.fd, sizeof(d->status_socket.fd));
	if (ppoll(fds, NET_FDS + 1 + STATUS_CLIENTS, &ts, signals) <= 0)
		return;
	for (i = 0; i < NET_FDS - 1; i++)
		if (fds[i].revents)
			packets_read(d, i);
	if (fds[NET_FDS - 1].revents)
		d->look_again |= net_told(&d->net);
	for (i = 0; i <= STATUS_CLIENTS; i++)
		d->status_socket.fd[i].revents = fds[NET_FDS + i].revents;
	status_serve(&d->status_socket, &source);
}

/* Where many speak, several packets are worth waking up for. */
static void gather(int ms, const sigset_t *signals)
{
	struct timespec ts = { .tv_nsec = ms * 1000000L };

	ppoll(NULL, 0, &ts, signals);
}

static uint32_t gather_ms(const struct daemon *d, uint64_t left)
{
	uint32_t ms = GATHER_MS * disc_live(d->disc) / MANY;

	if (ms > GATHER_MOST_MS)
		ms = GATHER_MOST_MS;
	return left < ms ? left : ms;
}

static void on_signal(int number)
{
	(void)number;
	stop = 1;
}

static void signals_set(sigset_t *ret_outside)
{
	struct sigaction action = { .sa_handler = on_signal };
	sigset_t ours;

	sigemptyset(&ours);
	sigaddset(&ours, SIGTERM);
	sigaddset(&ours, SIGINT);
	sigprocmask(SIG_BLOCK, &ours, ret_outside);
	sigdelset(ret_outside, SIGTERM);
	sigdelset(ret_outside, SIGINT);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static void run(struct daemon *d)
{
	sigset_t outside;
	bool leaving = false;

	signals_set(&outside);
	d->begun = d->checked = d->rejoined = now_ms();
	d->look_again = true;
	while (!leaving || (d->disc && !disc_gone(d->disc))) {
		uint64_t now = now_ms(), due = now + 500;

		if (stop && !leaving) {
			leaving = true;
			if (d->disc)
				disc_goodbye(d->disc, now);
		}
		if (!leaving)
			housekeeping(d, now);
		if (d->disc) {
			load_look(d, now);
			due = disc_step(d->disc, now);
		}
		if (disc_table_flush(d->table))
			tell(LOG_WARNING, "cannot write '%s': %m, going on", d->table_file);
		now = now_ms();
		if (d->disc && disc_live(d->disc) > MANY && due > now) {
			gather(gather_ms(d, due - now), &outside);
			now = now_ms();
		}
		wait_and_read(d, due > now ? due - now : 0, &outside);
	}
	if (!d->idle && !disc_table_is_marked(d->table))
		disc_table_clear(d->table);
	disc_table_flush(d->table);
}

/* --- beginning ----------------------------------------------------------------------------- */

static int key_open(struct daemon *d)
{
	char secret[512];
	int ret = own_secret(d->key_file, secret, sizeof(secret), &d->key_from);

	if (ret) {
		fprintf(stderr, "omdiscd: no cluster key in '%s': %s; boot with tessera.key=SECRET, or "
			"write a secret to " OWN_KEY_FILE "\n", d->key_from, strerror(-ret));
		return 1;
	}
	ret = disc_key_make(secret, strlen(secret), d->cluster, &d->net.key);
	sodium_memzero(secret, sizeof(secret));
	if (ret)
		return tool_usage("a cluster's name has at most %d bytes", DISC_CLUSTER_MAX);
	return 0;
}

static int table_open(struct daemon *d)
{
	int ret = d->table_file ? disc_table_open_file(d->table_file, &d->table) :
				  disc_table_open_kernel(&d->table);

	if (!ret) {
		disc_table_adopt(d->table);
		return 0;
	}
	fprintf(stderr, "omdiscd: cannot open '%s': %s%s\n", d->table_file ? d->table_file : "/dev/hpc",
		strerror(-ret), ret == -ENOENT ? "; the running kernel is not Tessera's" :
		ret == -EACCES || ret == -EPERM ? "; try again as root" : "");
	return 1;
}

/* The folder of the status socket, where the daemon may also remove it. */
static void status_folder(const struct daemon *d, const struct passwd *pw)
{
	char path[256], *slash;

	snprintf(path, sizeof(path), "%s", d->status_path);
	slash = strrchr(path, '/');
	if (!slash || slash == path)
		return;
	*slash = '\0';
	if (!mkdir(path, 0755) && pw && !geteuid() && chown(path, pw->pw_uid, pw->pw_gid))
		fprintf(stderr, "omdiscd: cannot give '%s' to '%s': %m, going on\n", path, pw->pw_name);
}

static int privileges_drop(const struct passwd *pw)
{
	if (geteuid())
		return 0;
	if (!pw) {
		fprintf(stderr, "omdiscd: there is no user 'omdiscd' nor 'nobody' to be; add one\n");
		return 1;
	}
	if (setgroups(0, NULL) || setgid(pw->pw_gid) || setuid(pw->pw_uid)) {
		fprintf(stderr, "omdiscd: cannot become '%s': %m\n", pw->pw_name);
		return 1;
	}
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	return 0;
}

static int daemon_open(struct daemon *d)
{
	const struct passwd *pw = getpwnam("omdiscd");
	char text[16];
	int ret;

	if (!pw)
		pw = getpwnam("nobody");
	if (own_boot_parameter("tessera.node", text, sizeof(text)))
		d->fixed = strtoul(text, NULL, 10) & UINT16_MAX;
	if (key_open(d) || table_open(d))
		return 1;
	status_folder(d, pw);
	ret = status_open(&d->status_socket, d->status_path);
	if (ret) {
		fprintf(stderr, "omdiscd: cannot listen at '%s': %s\n", d->status_path, strerror(-ret));
		return 1;
	}
	ret = net_open(&d->net);
	if (ret) {
		fprintf(stderr, "omdiscd: cannot open its sockets (UDP port %d): %s\n", DISC_PORT,
			strerror(-ret));
		return 1;
	}
	if (!d->foreground && daemon(0, 0)) {
		fprintf(stderr, "omdiscd: cannot go to the background: %m\n");
		return 1;
	}
	return privileges_drop(pw);
}

/* --- options ------------------------------------------------------------------------------- */

enum { OPT_STATUS = 256, OPT_JSON, OPT_KEY_FILE, OPT_CLUSTER, OPT_SOCKET, OPT_TABLE };

static int cards_parse(struct daemon *d, const char *list)
{
	unsigned int n = 0;
	char *save = NULL, *word;

	snprintf(d->cards, sizeof(d->cards), "%s", list);
	for (word = strtok_r(d->cards, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
		if (n == NET_CARDS)
			return tool_usage("-i takes at most %d cards", NET_CARDS);
		d->net.wanted[n++] = word;
	}
	return n ? 0 : tool_usage("-i wants network cards, such as eth0,eth1");
}

static int option_take(struct daemon *d, int option, const char *arg)
{
	long ttl;

	switch (option) {
	case 'n':
		d->foreground = true;
		return 0;
	case 'i':
		return cards_parse(d, arg);
	case 'm':
		if (!tool_number(arg, 1, 255, &ttl))
			return tool_usage("-m wants a number from 1 to 255, not '%s'", arg);
		d->net.ttl = ttl;
		return 0;
	case OPT_STATUS:
		d->status = true;
		return 0;
	case OPT_JSON:
		d->json = true;
		return 0;
	case OPT_KEY_FILE:
		d->key_file = arg;
		return 0;
	case OPT_CLUSTER:
		snprintf(d->cluster, sizeof(d->cluster), "%s", arg);
		return 0;
	case OPT_SOCKET:
		d->status_path = arg;
		return 0;
	case OPT_TABLE:
		d->table_file = arg;
		return 0;
	default:
		return tool_option(option, help);
	}
}

static int options_parse(struct daemon *d, int argc, char **argv)
{
	static const struct option options[] = {
		{ "nodaemon", no_argument, NULL, 'n' },
		{ "interface", required_argument, NULL, 'i' },
		{ "multicast-ttl", required_argument, NULL, 'm' },
		{ "status", no_argument, NULL, OPT_STATUS },
		{ "json", no_argument, NULL, OPT_JSON },
		{ "key-file", required_argument, NULL, OPT_KEY_FILE },
		{ "cluster", required_argument, NULL, OPT_CLUSTER },
		{ "socket", required_argument, NULL, OPT_SOCKET },
		{ "table", required_argument, NULL, OPT_TABLE },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	int c, ret;

	while ((c = getopt_long(argc, argv, "ni:m:hV", options, NULL)) != -1) {
		if (c == 'h' || c == 'V')
			exit(tool_option(c, help));
		ret = option_take(d, c, optarg);
		if (ret)
			return ret;
	}
	if (optind < argc)
		return tool_usage("'%s' is no option", argv[optind]);
	if (d->json && !d->status)
		return tool_usage("--json goes with --status");
	return 0;
}

static int do_status(const struct daemon *d)
{
	int ret = status_ask(d->status_path, d->json);

	if (!ret)
		return 0;
	fprintf(stderr, "omdiscd: cannot ask at '%s': %s%s\n", d->status_path, strerror(-ret),
		ret == -ENOENT || ret == -ECONNREFUSED ? "; omdiscd is not running here" : "");
	return 1;
}

int main(int argc, char **argv)
{
	static struct daemon d = { .status_path = STATUS_SOCKET, .net.ttl = 1, .cluster = "tessera" };
	int ret;

	/* What was large is given back when it is freed: a status of many nodes, a table that grew. */
	mallopt(M_MMAP_THRESHOLD, 32 << 10);
	if (sodium_init() < 0)
		return 1;
	own_boot_parameter("tessera.cluster", d.cluster, sizeof(d.cluster));
	ret = options_parse(&d, argc, argv);
	if (ret)
		return ret;
	if (d.status)
		return do_status(&d);
	openlog("omdiscd", LOG_PID, LOG_DAEMON);
	to_stderr = d.foreground;
	if (daemon_open(&d))
		return 1;
	run(&d);
	unlink(d.status_path);
	status_close(&d.status_socket);
	net_close(&d.net);
	disc_table_close(d.table);
	disc_free(d.disc);
	return 0;
}
