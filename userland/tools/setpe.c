// SPDX-License-Identifier: GPL-2.0-only
/*
 * setpe: tells the kernel which machines make up the cluster; see setpe(8).
 *
 * The map is read and checked as a whole, and our own place in it found, before
 * the kernel's table is touched.
 */

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <ifaddrs.h>
#include <inttypes.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "apply.h"
#include "table.h"
#include "tool.h"

#define MAP_BYTES_MAX	(1u << 20)
#define OWN_ADDRS_MAX	64

const char *tool_name = "setpe";

enum action { ACTION_NONE, ACTION_WRITE, ACTION_CHECK, ACTION_READ, ACTION_OFF };

struct setpe {
	enum action action;
	const char *file;	/* NULL: standard input or output */
	int family;		/* AF_UNSPEC, or the only one to look at */
	uint32_t self;		/* -p; 0: find out */
	bool json;
};

/* --- messages --------------------------------------------------------------------------- */

static void help(FILE *out)
{
	fputs("usage: setpe -w [-f FILE] [-p NUMBER] [-n inet|inet6] [-c]\n"
	      "       setpe -r [-f FILE] [--json]\n"
	      "       setpe -off\n"
	      "\n"
	      "Tells the kernel which machines make up the cluster, from a map of lines\n"
	      "'NUMBER ADDRESS COUNT' (see openmosix.map(5)).\n"
	      "\n"
	      "  -w, -W, --write    take the map as the table of nodes\n"
	      "  -c, --check        only check the map, change nothing\n"
	      "  -r, --read         print the kernel's table as a map\n"
	      "  -off, --off        leave the cluster: empty the table\n"
	      "  -f, --file FILE    the map; '-', or no -f: standard input (-r: output)\n"
	      "  -p, --self NUMBER  which node this machine is; otherwise its addresses tell\n"
	      "  -n, --net FAMILY   look at this machine's inet or inet6 addresses only\n"
	      "  -g N               accepted for old scripts, without effect\n"
	      "  -j, --json         -r for programs\n"
	      "  -h, --help         this text\n"
	      "  -V, --version      version of this program\n"
	      "\n"
	      "Exit status: 0 done, 1 failed or a wrong map, 2 wrong usage.\n",
	      out);
}

static int device_failed(const char *what, int error)
{
	fprintf(stderr, "setpe: %s: %s%s\n", what, strerror(-error),
		error == -ENOENT ? "; the running kernel is not Tessera's" :
		error == -EPERM || error == -EACCES ? "; try again as root" : "");
	return 1;
}

/* --- reading a map ------------------------------------------------------------------------ */

static int resolve(const char *name, struct hpc_addr *ret_addr, void *arg)
{
	const struct setpe *s = arg;
	struct addrinfo hints = { .ai_family = s->family, .ai_socktype = SOCK_STREAM };
	struct hpc_addr addr = { 0 };
	struct addrinfo *found;
	int ret;

	ret = getaddrinfo(name, NULL, &hints, &found);
	if (ret == EAI_SYSTEM)
		return -errno;
	if (ret == EAI_AGAIN)
		return -EAGAIN;
	if (ret)
		return -ENOENT;

	addr.family = found->ai_family;
	if (addr.family == AF_INET) {
		const struct sockaddr_in *in = (const void *)found->ai_addr;

		memcpy(addr.addr, &in->sin_addr, sizeof(in->sin_addr));
	} else {
		const struct sockaddr_in6 *in6 = (const void *)found->ai_addr;

		memcpy(addr.addr, &in6->sin6_addr, sizeof(in6->sin6_addr));
		addr.scope = in6->sin6_scope_id;
	}
	freeaddrinfo(found);
	*ret_addr = addr;
	return 0;
}

static const char *map_name(const struct setpe *s)
{
	return s->file ? s->file : "standard input";
}

static int map_open(const struct setpe *s)
{
	if (s->file)
		return open(s->file, O_RDONLY | O_CLOEXEC);
	if (isatty(STDIN_FILENO))
		fprintf(stderr, "setpe: reading the map from the terminal, up to Ctrl-D; "
				"'-f /etc/openmosix.map' reads it from a file\n");
	return dup(STDIN_FILENO);
}

static int text_read(const struct setpe *s, char *text, size_t *ret_len)
{
	size_t len = 0;
	ssize_t n = 0;
	int fd = map_open(s);

	if (fd < 0) {
		fprintf(stderr, "setpe: cannot open map '%s': %m\n", map_name(s));
		return 1;
	}
	while (len <= MAP_BYTES_MAX) {
		n = read(fd, text + len, MAP_BYTES_MAX + 1 - len);
		if (n <= 0)
			break;
		len += n;
	}
	if (n < 0)
		fprintf(stderr, "setpe: cannot read map '%s': %m\n", map_name(s));
	else if (len > MAP_BYTES_MAX)
		fprintf(stderr, "setpe: '%s' is longer than %u bytes: this is not a map\n",
			map_name(s), MAP_BYTES_MAX);
	close(fd);
	*ret_len = len;
	return n < 0 || len > MAP_BYTES_MAX;
}

static int map_read(struct setpe *s, struct hpc_map *ret_map)
{
	struct hpc_map_error err = { 0 };
	char *text = malloc(MAP_BYTES_MAX + 1);
	size_t len;
	int ret = 1;

	if (!text) {
		fprintf(stderr, "setpe: no memory for the map\n");
		return 1;
	}
	if (text_read(s, text, &len))
		goto out;
	if (hpc_map_parse(text, len, resolve, s, ret_map, &err)) {
		if (err.line)
			fprintf(stderr, "setpe: %s:%u: %s\n", map_name(s), err.line, err.text);
		else
			fprintf(stderr, "setpe: %s: %s\n", map_name(s), err.text);
		goto out;
	}
	ret = 0;
out:
	free(text);
	return ret;
}

/* --- finding ourselves ---------------------------------------------------------------------- */

static bool own_addr(const struct setpe *s, const struct sockaddr *sa, struct hpc_addr *ret_addr)
{
	struct hpc_addr a = { 0 };

	if (!sa || (s->family != AF_UNSPEC && sa->sa_family != s->family))
		return false;
	a.family = sa->sa_family;
	if (sa->sa_family == AF_INET) {
		memcpy(a.addr, &((const struct sockaddr_in *)(const void *)sa)->sin_addr, 4);
	} else if (sa->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)sa;

		memcpy(a.addr, &in6->sin6_addr, sizeof(in6->sin6_addr));
		a.scope = in6->sin6_scope_id;
	} else {
		return false;
	}
	if (hpc_addr_unusable(&a))
		return false;
	*ret_addr = a;
	return true;
}

static int own_addrs(const struct setpe *s, struct hpc_addr *addrs, size_t *ret_n)
{
	struct ifaddrs *all, *i;
	size_t n = 0;

	if (getifaddrs(&all)) {
		fprintf(stderr, "setpe: cannot read this machine's addresses: %m; name the node "
				"with -p NUMBER\n");
		return 1;
	}
	for (i = all; i && n < OWN_ADDRS_MAX; i = i->ifa_next)
		n += own_addr(s, i->ifa_addr, &addrs[n]);
	freeifaddrs(all);
	*ret_n = n;
	return 0;
}

static void print_addrs(const struct hpc_addr *addrs, size_t n)
{
	char text[HPC_ADDR_TEXT];
	size_t i;

	for (i = 0; i < n; i++) {
		hpc_addr_format(&addrs[i], NULL, text);
		fprintf(stderr, "%s%s", i ? ", " : "", text);
	}
}

static int not_in_map(const struct setpe *s, const struct hpc_addr *addrs, size_t n)
{
	if (!n) {
		fprintf(stderr, "setpe: this machine has no %saddress yet, so its node number cannot "
				"be found in '%s'; bring up the network, or use -p NUMBER\n",
			s->family == AF_INET ? "IPv4 " : s->family == AF_INET6 ? "IPv6 " : "",
			map_name(s));
		return 1;
	}
	fprintf(stderr, "setpe: none of this machine's addresses (");
	print_addrs(addrs, n);
	fprintf(stderr, ") is in '%s'; add it, or use -p NUMBER\n", map_name(s));
	return 1;
}

/* Sets s->self, if -p has not.  A machine in two places of a map must say which. */
static int self_find(struct setpe *s, const struct hpc_map *map)
{
	struct hpc_addr addrs[OWN_ADDRS_MAX];
	struct hpc_node node;
	size_t i, n;
	uint32_t id;

	if (s->self) {
		if (!hpc_map_next(map, s->self, &node) && node.id == s->self)
			return 0;
		fprintf(stderr, "setpe: node %" PRIu32 " (-p) is not in '%s'\n", s->self,
			map_name(s));
		return 1;
	}
	if (own_addrs(s, addrs, &n))
		return 1;
	for (i = 0; i < n; i++) {
		if (hpc_map_find(map, &addrs[i], &id))
			continue;
		if (s->self && s->self != id) {
			fprintf(stderr, "setpe: in '%s', this machine's addresses are nodes %" PRIu32
				" and %" PRIu32 "; say with -p NUMBER which it is, or make one an "
				"ALIAS\n", map_name(s), s->self, id);
			return 1;
		}
		s->self = id;
	}
	return s->self ? 0 : not_in_map(s, addrs, n);
}

/* --- actions ----------------------------------------------------------------------------------- */

static void tell_of_discovery(const char *what)
{
	if (hpc_discovery_runs())
		fprintf(stderr, "setpe: omdiscd runs here; %s\n", what);
}

static int map_apply(int fd, const struct setpe *s, const struct hpc_map *map)
{
	struct apply_failure failure;
	bool marked = hpc_map_marked();
	int ret = hpc_map_mark();

	if (ret) {
		fprintf(stderr, "setpe: cannot create '" HPC_MAP_MARK "': %s; the table is as it was\n",
			strerror(-ret));
		return 1;
	}
	ret = apply_map(fd, map, s->self, &failure);
	if (!ret) {
		tell_of_discovery("it is quiet while the table comes from a map");
		return 0;
	}
	if (!failure.changed && !marked)
		hpc_map_unmark();
	fprintf(stderr, "setpe: cannot %s node %" PRIu32 ": %s; the table %s\n", failure.what,
		failure.id, strerror(-ret), failure.changed ?
		"is changed in part: run setpe again, or 'setpe -off'" : "is as it was");
	return 1;
}

static int do_write(struct setpe *s)
{
	struct hpc_map map;
	int fd, ret;

	if (map_read(s, &map) || self_find(s, &map))
		return 1;
	fd = hpc_open(O_RDWR);
	if (fd < 0)
		return device_failed("cannot open '" HPC_DEVICE "'", fd);
	/* Two at once would mix their maps. */
	flock(fd, LOCK_EX);
	ret = map_apply(fd, s, &map);
	hpc_close(fd);
	return ret;
}

static int do_check(struct setpe *s)
{
	struct hpc_map map;
	bool found = s->self;

	if (map_read(s, &map))
		return 1;
	if (self_find(s, &map))
		return 1;
	printf("%s: %zu nodes in %zu lines; this machine is node %" PRIu32 "%s\n", map_name(s),
	       hpc_map_nodes(&map), map.n, s->self, found ? " as you say" : "");
	return 0;
}

static int do_read(const struct setpe *s)
{
	struct table_source source;
	FILE *out = stdout;
	int fd, ret, bad;

	ret = table_open_kernel(&source, &fd);
	if (ret)
		return device_failed("cannot ask '" HPC_DEVICE "'", ret);
	if (s->file)
		out = fopen(s->file, "we");
	if (!out) {
		fprintf(stderr, "setpe: cannot write '%s': %m\n", s->file);
		hpc_close(fd);
		return 1;
	}
	ret = s->json ? table_print_json(&source, out) : table_print_map(&source, out);
	hpc_close(fd);
	bad = fflush(out) || ferror(out);
	if (bad)
		fprintf(stderr, "setpe: cannot write '%s': %m\n",
			s->file ? s->file : "standard output");
	if (s->file)
		fclose(out);
	if (ret)
		return device_failed("cannot read the node table", ret);
	return bad;
}

static int do_off(void)
{
	int fd = hpc_open(O_RDWR), ret;

	if (fd < 0)
		return device_failed("cannot open '" HPC_DEVICE "'", fd);
	ret = hpc_self_set(fd, 0);
	hpc_close(fd);
	if (ret)
		return device_failed("cannot leave the cluster", ret);
	hpc_map_unmark();
	tell_of_discovery("a number in /proc/hpc/admin/mospe lets it join again");
	return 0;
}

/* --- options ----------------------------------------------------------------------------------- */

static int action_set(struct setpe *s, enum action action)
{
	enum action old = s->action;

	/* -w -c, in either order, is openMosix's way to write "check". */
	if ((old == ACTION_WRITE && action == ACTION_CHECK) ||
	    (old == ACTION_CHECK && action == ACTION_WRITE))
		action = ACTION_CHECK;
	else if (old != ACTION_NONE && old != action)
		return tool_usage("only one of -w, -r and -off");
	s->action = action;
	return 0;
}

static int number_option(char option, const char *text, long min, long max, uint32_t *ret_number)
{
	long n;

	if (!tool_number(text, min, max, &n))
		return tool_usage("-%c wants a number from %ld to %ld, not '%s'", option, min,
				  max, text);
	*ret_number = n;
	return 0;
}

static int option_take(struct setpe *s, int option, const char *arg)
{
	uint32_t ignored;

	switch (option) {
	case 'w':
	case 'W':
		return action_set(s, ACTION_WRITE);
	case 'c':
		return action_set(s, ACTION_CHECK);
	case 'r':
		return action_set(s, ACTION_READ);
	case 'o':
		return action_set(s, ACTION_OFF);
	case 'f':
		s->file = strcmp(arg, "-") != 0 ? arg : NULL;
		return 0;
	case 'p':
		return number_option('p', arg, HPC_NODE_MIN, HPC_NODE_MAX, &s->self);
	case 'g':
		return number_option('g', arg, 0, 2, &ignored);
	case 'n':
		if (strcmp(arg, "inet") != 0 && strcmp(arg, "inet6") != 0)
			return tool_usage("-n wants inet or inet6, not '%s'", arg);
		s->family = strcmp(arg, "inet") == 0 ? AF_INET : AF_INET6;
		return 0;
	case 'j':
		s->json = true;
		return 0;
	default:
		return tool_option(option, help);
	}
}

static int options_parse(struct setpe *s, int argc, char **argv)
{
	static const struct option options[] = {
		{ "write", no_argument, NULL, 'w' },
		{ "check", no_argument, NULL, 'c' },
		{ "read", no_argument, NULL, 'r' },
		{ "off", no_argument, NULL, 'o' },
		{ "file", required_argument, NULL, 'f' },
		{ "self", required_argument, NULL, 'p' },
		{ "net", required_argument, NULL, 'n' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	static char off[] = "--off";
	int c, i, ret;

	/* openMosix's one long word with one dash. */
	for (i = 1; i < argc; i++)
		if (!strcmp(argv[i], "-off"))
			argv[i] = off;

	while ((c = getopt_long(argc, argv, "wWcrf:p:g:n:jhV", options, NULL)) != -1) {
		if (c == 'h' || c == 'V')
			exit(tool_option(c, help));
		ret = option_take(s, c, optarg);
		if (ret)
			return ret;
	}
	if (optind < argc)
		return tool_usage("'%s' is no option", argv[optind]);
	if (s->json && s->action != ACTION_READ)
		return tool_usage("--json goes with -r");
	if (s->action == ACTION_NONE)
		return tool_usage("what shall be done: -w, -c, -r or -off");
	return 0;
}

int main(int argc, char **argv)
{
	struct setpe s = { .family = AF_UNSPEC };
	int ret = options_parse(&s, argc, argv);

	if (ret)
		return ret;
	switch (s.action) {
	case ACTION_WRITE:
		return do_write(&s);
	case ACTION_CHECK:
		return do_check(&s);
	case ACTION_READ:
		return do_read(&s);
	default:
		return do_off();
	}
}
