// SPDX-License-Identifier: GPL-2.0-only
/* hpcd's command line; see hpcd(8). */

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon.h"
#include "log.h"
#include "proto.h"
#include "tools/tool.h"

#define LINGER_S	60
#define LINGER_MAX_S	86400
#define SILENCE_S	6
#define SILENCE_MAX_S	600

const char *tool_name = "hpcd";

static void help(FILE *out)
{
	fprintf(out,
		"usage: hpcd [-d] [-v] [-p PORT] [-l SECONDS] [-s SECONDS]\n"
		"       hpcd -n\n"
		"\n"
		"Moves processes between this node and others: connects to a node when somebody\n"
		"wants a process there, and takes in those that other nodes send.\n"
		"\n"
		"  -d, --foreground      stay in the foreground, messages to standard error\n"
		"  -n, --check           only see whether this machine could do it\n"
		"  -p, --port PORT       TCP port, the same on all nodes (default: %d)\n"
		"  -l, --linger SECONDS  how long the container of a node that has no guests here\n"
		"                        any more is kept (default: %d)\n"
		"  -s, --silence SECONDS after how long a node that does not answer counts as\n"
		"                        dead, and what moved there as lost (default: %d)\n"
		"  -v, --verbose         also say which process went where\n"
		"  -h, --help            this text\n"
		"  -V, --version         version of this program\n"
		"\n"
		"Exit status: 0 ended when told to, 1 failed, 2 wrong usage.  See also: migrate(1).\n",
		HPCD_PORT, LINGER_S, SILENCE_S);
}

/*
 * Returns the end of a pipe in the child, which is to write to it when it is up;
 * the parent waits for that, and does not return.
 */
static int go_into_background(void)
{
	int fds[2], null;
	char up;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid) {
		close(fds[1]);
		_exit(read(fds[0], &up, 1) == 1 ? 0 : 1);
	}
	close(fds[0]);
	setsid();
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0 || chdir("/"))
		return -errno;
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	return fds[1];
}

/* What happens while it comes up is told to whoever started it, too. */
static int start(const struct hpcd_options *options)
{
	int ready = -1, i;

	/* Descriptors 0 to 2 are taken, whatever comes. */
	for (i = open("/dev/null", O_RDWR); i >= 0 && i < 3; i = dup(i))
		;
	if (i >= 0)
		close(i);
	umask(022);
	if (!options->foreground) {
		ready = go_into_background();
		if (ready < 0) {
			fprintf(stderr, "hpcd: cannot go into the background: %s\n",
				strerror(-ready));
			return 1;
		}
	}
	hpcd_log_open(options->foreground, options->verbose);
	return daemon_run(options, ready) ? 1 : 0;
}

int main(int argc, char **argv)
{
	static const struct option known[] = {
		{ "foreground", no_argument, NULL, 'd' },
		{ "check", no_argument, NULL, 'n' },
		{ "port", required_argument, NULL, 'p' },
		{ "linger", required_argument, NULL, 'l' },
		{ "silence", required_argument, NULL, 's' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	struct hpcd_options options = {
		.port = HPCD_PORT, .linger_ms = LINGER_S * 1000, .silence_s = SILENCE_S,
	};
	bool check = false;
	long n;
	int c;

	while ((c = getopt_long(argc, argv, "dnp:l:s:vhV", known, NULL)) != -1) {
		switch (c) {
		case 'd':
			options.foreground = true;
			break;
		case 'n':
			check = true;
			break;
		case 'p':
			if (!tool_number(optarg, 1, 65535, &n))
				return tool_usage("'%s' is no TCP port", optarg);
			options.port = n;
			break;
		case 'l':
			if (!tool_number(optarg, 0, LINGER_MAX_S, &n))
				return tool_usage("'%s' is no number of seconds", optarg);
			options.linger_ms = n * 1000;
			break;
		case 's':
			if (!tool_number(optarg, SILENCE_S, SILENCE_MAX_S, &n))
				return tool_usage("'%s' is no number of seconds from %d to %d",
						  optarg, SILENCE_S, SILENCE_MAX_S);
			options.silence_s = n;
			break;
		case 'v':
			options.verbose = true;
			break;
		default:
			return tool_option(c, help);
		}
	}
	if (optind < argc)
		return tool_usage("'%s' is no option", argv[optind]);
	if (check) {
		hpcd_log_open(true, options.verbose);
		return daemon_check() ? 1 : 0;
	}
	return start(&options);
}
