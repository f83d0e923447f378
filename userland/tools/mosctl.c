// SPDX-License-Identifier: GPL-2.0-only
/* mosctl: looks at the cluster and sets what this node does in it; see mosctl(1). */

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "hpc.h"
#include "tool.h"

#define TIMEOUT_S	60
#define TIMEOUT_MAX_S	86400
#define POLL_MS		100
#define ASK_AGAIN_MS	1000

/* What loads and speeds are counted in: others than the kernel's go into this file. */
#define YARD_FILE	"/run/tessera/yard"

const char *tool_name = "mosctl";

static struct {
	bool json;
	int timeout_ms;
	struct hpc_cluster cluster;
} m = { .timeout_ms = TIMEOUT_S * 1000 };

struct command {
	const char *name;
	int min, max;		/* arguments */
	int (*run)(const struct command *command, int argc, char **argv);
	const char *arguments, *help;
	const char *file;	/* of a switch: its file in admin/ */
};

/* --- the cluster -------------------------------------------------------------------------- */

static int cluster_read(void)
{
	int ret = hpc_cluster_read(&m.cluster);

	if (ret)
		return tool_failed("cannot read the node table: %s", hpc_error_text(ret));
	if (!m.cluster.self)
		return tool_failed("this machine is in no cluster: it has no node number");
	return 0;
}

/* The node that argv[0] names, or this one. */
static int node_argument(int argc, char **argv, const struct hpc_node **ret_node)
{
	long id = 0;
	int ret;

	if (argc && !tool_number(argv[0], HPC_NODE_MIN, HPC_NODE_MAX, &id))
		return tool_usage("'%s' is no node number", argv[0]);
	ret = cluster_read();
	if (ret)
		return ret;
	if (!id)
		id = m.cluster.self;
	*ret_node = hpc_cluster_node(&m.cluster, id);
	if (!*ret_node)
		return tool_failed("there is no node %ld in the node table; see showmap", id);
	return 0;
}

static uint32_t yard(void)
{
	uint32_t value = HPC_SPEED_STANDARD;
	FILE *f = fopen(YARD_FILE, "re");

	if (!f)
		return value;
	if (fscanf(f, "%" SCNu32, &value) != 1 || !value)
		value = HPC_SPEED_STANDARD;
	fclose(f);
	return value;
}

static int print_number(const char *name, uint32_t node, uint64_t value)
{
	if (m.json)
		printf("{\"node\": %" PRIu32 ", \"%s\": %" PRIu64 "}\n", node, name, value);
	else
		printf("%" PRIu64 "\n", value);
	return 0;
}

static uint64_t figure(const char *name, const struct hpc_node *node)
{
	/* The table's load is for a standard processor; a faster yard does more. */
	if (!strcmp(name, "getload"))
		return (uint64_t)node->load * yard() / HPC_SPEED_STANDARD;
	if (!strcmp(name, "getspeed"))
		return (uint64_t)node->speed * HPC_SPEED_STANDARD / yard();
	if (!strcmp(name, "getmem"))
		return node->mem;
	if (!strcmp(name, "getfree"))
		return node->rmem;
	return node->util;
}

static int run_figure(const struct command *c, int argc, char **argv)
{
	const struct hpc_node *node;
	int ret = node_argument(argc, argv, &node);

	return ret ? ret : print_number(c->name + 3, node->id, figure(c->name, node));
}

static int run_status(const struct command *c, int argc, char **argv)
{
	const struct hpc_node *node;
	int ret = node_argument(argc, argv, &node);

	(void)c;
	if (ret)
		return ret;
	if (m.json)
		printf("{\"node\": %" PRIu32 ", \"status\": %" PRIu32 ", \"state\": \"%s\"}\n",
		       node->id, node->status, hpc_node_state(node));
	else
		printf("%s\n", hpc_node_state(node));
	return 0;
}

static int run_isup(const struct command *c, int argc, char **argv)
{
	const struct hpc_node *node;
	int ret = node_argument(argc, argv, &node);
	bool up;

	(void)c;
	if (ret)
		return ret;
	up = (node->status & HPC_NODE_UP) && !(node->status & HPC_NODE_FOREIGN);
	if (m.json)
		printf("{\"node\": %" PRIu32 ", \"up\": %s}\n", node->id, up ? "true" : "false");
	else
		puts(up ? "yes" : "no");
	return up ? 0 : 1;
}

static void print_node(const struct hpc_node *n)
{
	if (m.json)
		printf("  {\"node\": %" PRIu32 ", \"state\": \"%s\", \"status\": %" PRIu32
		       ", \"cpus\": %" PRIu32 ", \"speed\": %" PRIu32 ", \"load\": %" PRIu32
		       ", \"util\": %" PRIu32 ", \"mem\": %llu, \"free\": %llu"
		       ", \"total\": %llu}", n->id, hpc_node_state(n), n->status, n->cpus,
		       n->speed, n->load, n->util, n->mem, n->rmem, n->tmem);
	else
		printf("%5" PRIu32 "%c %-8s %4" PRIu32 " %7" PRIu32 " %6.2f %4" PRIu32
		       "%% %8llu %8llu\n", n->id,
		       n->id == m.cluster.self ? '*' : ' ', hpc_node_state(n), n->cpus, n->speed,
		       n->load / 100.0, n->util, n->mem >> 20, n->tmem >> 20);
}

static int run_list(const struct command *c, int argc, char **argv)
{
	int ret = cluster_read();
	size_t i;

	(void)c;
	(void)argc;
	(void)argv;
	if (ret)
		return ret;
	printf(m.json ? "[\n" : " NODE  STATE    CPUS   SPEED   LOAD  UTIL  FREE_MB TOTAL_MB\n");
	for (i = 0; i < m.cluster.n; i++) {
		if (m.json && i)
			printf(",\n");
		print_node(&m.cluster.node[i]);
	}
	if (m.json)
		printf("\n]\n");
	return 0;
}

/* --- whois -------------------------------------------------------------------------------- */

static int resolve(const char *name, struct hpc_addr *ret_addr)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *list;
	int ret;

	if (!hpc_addr_parse(name, ret_addr))
		return 0;
	ret = getaddrinfo(name, NULL, &hints, &list);
	if (ret)
		return tool_failed("'%s': %s", name, gai_strerror(ret));
	*ret_addr = (struct hpc_addr) { .family = list->ai_family };
	if (list->ai_family == AF_INET)
		memcpy(ret_addr->addr, &((struct sockaddr_in *)list->ai_addr)->sin_addr, 4);
	else
		memcpy(ret_addr->addr, &((struct sockaddr_in6 *)list->ai_addr)->sin6_addr, 16);
	freeaddrinfo(list);
	return 0;
}

static bool has_addr(const struct hpc_node *n, const struct hpc_addr *addr)
{
	uint32_t i;

	for (i = 0; i < n->naddrs; i++)
		if (n->addr[i].family == addr->family &&
		    !memcmp(n->addr[i].addr, addr->addr, sizeof(addr->addr)))
			return true;
	return false;
}

static int print_whois(const struct hpc_node *n)
{
	char text[HPC_ADDR_TEXT], name[IF_NAMESIZE], host[HPC_HOST_TEXT] = "";
	uint32_t i;

	hpc_host_name(n->id, host);

	if (m.json)
		printf("{\"node\": %" PRIu32 ", \"addresses\": [", n->id);
	else
		printf("node %" PRIu32, n->id);
	for (i = 0; i < n->naddrs; i++) {
		hpc_addr_format(&n->addr[i],
				n->addr[i].scope ? if_indextoname(n->addr[i].scope, name) : NULL,
				text);
		if (m.json) {
			printf(i ? ", " : "");
			hpc_json_string(stdout, text);
		} else {
			printf(" %s", text);
		}
	}
	if (m.json) {
		printf("], \"host\": ");
		hpc_json_string(stdout, host);
		printf("}\n");
	} else {
		printf(host[0] ? " (%s)\n" : "\n", host);
	}
	return 0;
}

static int run_whois(const struct command *c, int argc, char **argv)
{
	const struct hpc_node *node;
	struct hpc_addr addr;
	uint32_t found;
	long id;
	size_t i;
	int ret;

	(void)c;
	if (!argc || tool_number(argv[0], HPC_NODE_MIN, HPC_NODE_MAX, &id)) {
		ret = node_argument(argc, argv, &node);
		return ret ? ret : print_whois(node);
	}
	if (!hpc_host_find(argv[0], &found)) {
		ret = cluster_read();
		if (ret)
			return ret;
		node = hpc_cluster_node(&m.cluster, found);
		return node ? print_whois(node) :
		       tool_failed("'%s' is node %" PRIu32 ", not in the table", argv[0], found);
	}
	ret = resolve(argv[0], &addr);
	if (!ret)
		ret = cluster_read();
	if (ret)
		return ret;
	for (i = 0; i < m.cluster.n; i++)
		if (has_addr(&m.cluster.node[i], &addr))
			return print_whois(&m.cluster.node[i]);
	return tool_failed("no node has the address '%s'", argv[0]);
}

/* --- switches and numbers ----------------------------------------------------------------- */

static int admin_set(const char *name, uint32_t value)
{
	int ret = hpc_admin_set(name, value);

	return ret ? tool_failed("cannot set '%s': %s", name, hpc_error_text(ret)) : 0;
}

static int run_switch(const struct command *c, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return admin_set(c->file, strcmp(c->name, c->file) == 0);
}

static int run_mfs(const struct command *c, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	if (!strcmp(c->name, "nomfs"))
		return 0;
	return tool_failed("there is no MFS: files stay at home, and calls go there");
}

static int run_setspeed(const struct command *c, int argc, char **argv)
{
	long speed;

	(void)c;
	(void)argc;
	if (!tool_number(argv[0], 1, HPC_SPEED_MAX, &speed))
		return tool_usage("'%s' is no speed from 1 to %d", argv[0], HPC_SPEED_MAX);
	return admin_set("speed", speed);
}

static int run_setdecay(const struct command *c, int argc, char **argv)
{
	long interval, slow, fast;
	int ret;

	(void)c;
	(void)argc;
	if (!tool_number(argv[0], 1, 3600, &interval))
		return tool_usage("'%s' is no number of seconds from 1 to 3600", argv[0]);
	if (!tool_number(argv[1], 0, HPC_DECAY_ONE, &slow) ||
	    !tool_number(argv[2], 0, HPC_DECAY_ONE, &fast))
		return tool_usage("what is kept is a number from 0 to %d", HPC_DECAY_ONE);
	ret = admin_set("decayinterval", interval);
	if (!ret)
		ret = admin_set("slowdecay", slow);
	return ret ? ret : admin_set("fastdecay", fast);
}

static int run_getdecay(const struct command *c, int argc, char **argv)
{
	uint32_t interval, slow, fast;
	int ret;

	(void)c;
	(void)argc;
	(void)argv;
	ret = hpc_admin_get("decayinterval", &interval);
	if (!ret)
		ret = hpc_admin_get("slowdecay", &slow);
	if (!ret)
		ret = hpc_admin_get("fastdecay", &fast);
	if (ret)
		return tool_failed("cannot read the decay: %s", hpc_error_text(ret));
	printf(m.json ? "{\"interval\": %u, \"slow\": %u, \"fast\": %u}\n" :
	       "every %u s, slow decay keeps %u/1000 and fast decay %u/1000\n", interval, slow, fast);
	return 0;
}

static int run_getyard(const struct command *c, int argc, char **argv)
{
	(void)c;
	(void)argc;
	(void)argv;
	printf(m.json ? "{\"yard\": %u}\n" : "%u\n", yard());
	return 0;
}

static int run_setyard(const struct command *c, int argc, char **argv)
{
	long value;
	FILE *f;
	int ret;

	(void)c;
	(void)argc;
	if (!strcmp(argv[0], "this")) {
		ret = cluster_read();
		if (ret)
			return ret;
		value = hpc_cluster_node(&m.cluster, m.cluster.self)->speed;
	} else if (!strcmp(argv[0], "standard")) {
		value = HPC_SPEED_STANDARD;
	} else if (!tool_number(argv[0], 1, HPC_SPEED_MAX, &value)) {
		return tool_usage("'%s' is neither a speed nor 'this' or 'standard'", argv[0]);
	}
	f = fopen(YARD_FILE, "we");
	if (!f)
		return tool_failed("cannot write '" YARD_FILE "': %m");
	fprintf(f, "%ld\n", value);
	return fclose(f) ? tool_failed("cannot write '" YARD_FILE "': %m") : 0;
}

static int run_gettune(const struct command *c, int argc, char **argv)
{
	(void)c;
	(void)argc;
	(void)argv;
	puts(m.json ? "{\"tuned\": \"automatic\"}" :
	     "nothing is tuned by hand: what moves and calls cost is measured as they are made");
	return 0;
}

/* /proc/hpc/info: a word and a number a line. */
static int run_info(const struct command *c, int argc, char **argv)
{
	char text[1024], word[32], *save = NULL, *line;
	unsigned long value;
	bool first = true;
	int ret = hpc_proc_read(text, sizeof(text), "hpc/info");

	(void)c;
	(void)argc;
	(void)argv;
	if (ret)
		return tool_failed("cannot read the node's numbers: %s", hpc_error_text(ret));
	if (!m.json) {
		fputs(text, stdout);
		return 0;
	}
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (sscanf(line, "%31s %lu", word, &value) != 2)
			continue;
		printf("%s\"%s\": %lu", first ? "{" : ", ", word, value);
		first = false;
	}
	puts(first ? "{}" : "}");
	return 0;
}

/* --- bring, expel, leave --------------------------------------------------------------------- */

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* A line of /proc/hpc/info. */
static int info_number(const char *word, uint32_t *ret_value)
{
	char text[1024], *line, *save = NULL, name[32];
	int ret = hpc_proc_read(text, sizeof(text), "hpc/info");

	if (ret)
		return ret;
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (sscanf(line, "%31s %" SCNu32, name, ret_value) == 2 && !strcmp(name, word))
			return 0;
	return -EPROTO;
}

struct clearing {
	const char *file, *word, *left;
	bool wanted, done;
	uint32_t n;
};

static int clear_ask(const struct clearing *c)
{
	return c->wanted && !c->done ? admin_set(c->file, 1) : 0;
}

static int clear_look(struct clearing *c)
{
	int ret;

	if (!c->wanted)
		return 0;
	ret = info_number(c->word, &c->n);
	if (ret)
		return tool_failed("cannot see how far it is: %s", hpc_error_text(ret));
	c->done = !c->n;
	return 0;
}

static int run_clear(const struct command *c, int argc, char **argv)
{
	struct clearing all[] = {
		{ .file = "expel", .word = "guests", .left = "guests are here still",
		  .wanted = strcmp(c->name, "bring") != 0 },
		{ .file = "bring", .word = "away", .left = "own processes are away still",
		  .wanted = strcmp(c->name, "expel") != 0 },
	};
	int64_t begin = now_ms(), asked = 0;
	int i, ret = 0;

	(void)argc;
	(void)argv;
	for (;;) {
		/* Some may have been on their way while the others were asked. */
		for (i = 0; i < 2 && !ret && now_ms() - asked >= ASK_AGAIN_MS; i++)
			ret = clear_ask(&all[i]);
		if (now_ms() - asked >= ASK_AGAIN_MS)
			asked = now_ms();
		for (i = 0; i < 2 && !ret; i++)
			ret = clear_look(&all[i]);
		if (ret || !m.timeout_ms)
			return ret;
		if ((all[0].done || !all[0].wanted) && (all[1].done || !all[1].wanted))
			return 0;
		if (now_ms() - begin >= m.timeout_ms)
			break;
		poll(NULL, 0, POLL_MS);
	}
	for (i = 0; i < 2; i++)
		if (all[i].wanted && !all[i].done)
			tool_failed("%" PRIu32 " %s after %d s; they still may move", all[i].n,
				    all[i].left, m.timeout_ms / 1000);
	return 1;
}

/* --- all of them --------------------------------------------------------------------------- */

static const struct command commands[] = {
	{ "list", 0, 0, run_list, "", "all nodes: state, speed, load, memory", NULL },
	{ "status", 0, 1, run_status, "[NODE]", "up, blocked, silent, leaving, foreign, down", NULL },
	{ "isup", 0, 1, run_isup, "[NODE]", "yes or no, and exit status 0 or 1", NULL },
	{ "whois", 0, 1, run_whois, "[NODE|ADDRESS|HOST]", "number and addresses of a node", NULL },
	{ "getload", 0, 1, run_figure, "[NODE]", "processes by processor and speed, times 100", NULL },
	{ "getspeed", 0, 1, run_figure, "[NODE]", "speed of a processor", NULL },
	{ "getmem", 0, 1, run_figure, "[NODE]", "bytes of memory a guest could get", NULL },
	{ "getfree", 0, 1, run_figure, "[NODE]", "bytes of memory not in use at all", NULL },
	{ "getutil", 0, 1, run_figure, "[NODE]", "percent of processor time in use", NULL },
	{ "info", 0, 0, run_info, "", "numbers of this node: guests, moves, losses", NULL },
	{ "stay", 0, 0, run_switch, "", "nothing leaves this node by itself", "stay" },
	{ "nostay", 0, 0, run_switch, "", "processes may leave again", "stay" },
	{ "lstay", 0, 0, run_switch, "", "own processes do not leave by themselves", "lstay" },
	{ "nolstay", 0, 0, run_switch, "", "they may leave again", "lstay" },
	{ "block", 0, 0, run_switch, "", "no guests are taken in", "block" },
	{ "noblock", 0, 0, run_switch, "", "guests are taken in again", "block" },
	{ "quiet", 0, 0, run_switch, "", "tell the others no load figures any more", "quiet" },
	{ "noquiet", 0, 0, run_switch, "", "tell them again", "quiet" },
	{ "mfs", 0, 0, run_mfs, "", "as openMosix had it; always fails, there is no MFS", NULL },
	{ "nomfs", 0, 0, run_mfs, "", "without effect", NULL },
	{ "expel", 0, 0, run_clear, "", "send all guests home, and block; waits for it", NULL },
	{ "bring", 0, 0, run_clear, "", "bring own processes home, and lstay; waits for it", NULL },
	{ "leave", 0, 0, run_clear, "", "both, as before a shutdown; waits for it", NULL },
	{ "setspeed", 1, 1, run_setspeed, "SPEED", "speed of a processor of this node", NULL },
	{ "getdecay", 0, 0, run_getdecay, "", "how old statistics count for less", NULL },
	{ "setdecay", 3, 3, run_setdecay, "SECONDS SLOW FAST", "so often so much of 1000 is kept",
	  NULL },
	{ "getyard", 0, 0, run_getyard, "", "what loads and speeds are shown relative to", NULL },
	{ "setyard", 1, 1, run_setyard, "SPEED|this|standard", "changes it", NULL },
	{ "gettune", 0, 0, run_gettune, "", "what is tuned: nothing by hand", NULL },
	{ 0 }
};

static void help(FILE *out)
{
	const struct command *c;
	char what[64];

	fputs("usage: mosctl [--json] [-t SECONDS] COMMAND [ARGUMENT...]\n"
	      "\n"
	      "Looks at the cluster, and sets what this node does in it.  NODE is a number; this\n"
	      "node if there is none.\n"
	      "\n", out);
	for (c = commands; c->name; c++) {
		snprintf(what, sizeof(what), "%s %s", c->name, c->arguments);
		fprintf(out, "  %-28s %s\n", what, c->help);
	}
	fprintf(out,
		"\n"
		"  -t, --timeout SECONDS  how long expel, bring and leave wait (default: %d; 0: they\n"
		"                         only ask)\n"
		"  -j, --json             for programs\n"
		"  -h, --help             this text\n"
		"  -V, --version          version of this program\n"
		"\n"
		"'-stay' and so on mean 'nostay'.  Exit status: 0 done, 1 failed or not up, 2 wrong\n"
		"usage.  See also: mosmon(1), mosrun(1), migrate(1).\n", TIMEOUT_S);
}

static int command_run(const char *name, int argc, char **argv)
{
	char negated[32];
	const struct command *c;

	if (name[0] == '-') {
		snprintf(negated, sizeof(negated), "no%s", name + 1);
		name = negated;
	}
	for (c = commands; c->name; c++) {
		if (strcmp(c->name, name) != 0)
			continue;
		if (argc < c->min || argc > c->max)
			return tool_usage("'%s' takes %s", name,
					  c->max ? c->arguments : "no arguments");
		return c->run(c, argc, argv);
	}
	return tool_usage("'%s' is no command", name);
}

static bool is_negation(const char *word)
{
	static const char *const words[] = { "-stay", "-lstay", "-block", "-quiet", "-mfs", NULL };
	int i;

	for (i = 0; words[i]; i++)
		if (!strcmp(words[i], word))
			return true;
	return false;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "timeout", required_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	int c, ret;
	long n;

	/* As openMosix had it, and no option of ours. */
	if (argc == 2 && is_negation(argv[1]))
		return command_run(argv[1], 0, NULL);
	while ((c = getopt_long(argc, argv, "jt:hV", options, NULL)) != -1) {
		switch (c) {
		case 'j':
			m.json = true;
			break;
		case 't':
			if (!tool_number(optarg, 0, TIMEOUT_MAX_S, &n))
				return tool_usage("'%s' is no number of seconds", optarg);
			m.timeout_ms = n * 1000;
			break;
		default:
			return tool_option(c, help);
		}
	}
	if (optind == argc)
		return tool_usage("needs a command");
	ret = command_run(argv[optind], argc - optind - 1, argv + optind + 1);
	hpc_cluster_free(&m.cluster);
	return ret ? ret : tool_end();
}
