// SPDX-License-Identifier: GPL-2.0-only
/* showmap: prints the own node number and the cluster's map; see showmap(1). */

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "table.h"
#include "version.h"

static void help(FILE *out)
{
	fputs("usage: showmap [--json]\n"
	      "\n"
	      "Prints this machine's node number and the nodes of the cluster, as the kernel\n"
	      "knows them.  Numbers are hexadecimal but in the last column.\n"
	      "\n"
	      "  -j, --json     for programs\n"
	      "  -h, --help     this text\n"
	      "  -V, --version  version of this program\n"
	      "\n"
	      "Exit status: 0 printed, 1 failed, 2 wrong usage.  See also: setpe(8).\n",
	      out);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	struct table_source source;
	bool json = false;
	int c, fd, ret;

	while ((c = getopt_long(argc, argv, "jhV", options, NULL)) != -1) {
		switch (c) {
		case 'j':
			json = true;
			break;
		case 'h':
			help(stdout);
			return 0;
		case 'V':
			puts("showmap (Tessera) " TESSERA_VERSION);
			return 0;
		default:
			help(stderr);
			return 2;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "showmap: '%s' is not an option\n", argv[optind]);
		help(stderr);
		return 2;
	}

	ret = table_open_kernel(&source, &fd);
	if (ret) {
		fprintf(stderr, "showmap: cannot ask '" HPC_DEVICE "': %s%s\n", strerror(-ret),
			ret == -ENOENT ? "; the running kernel is not Tessera's" : "");
		return 1;
	}
	ret = json ? table_print_json(&source, stdout) : table_print_columns(&source, stdout);
	hpc_close(fd);
	if (ret) {
		fprintf(stderr, "showmap: cannot read the node table: %s\n", strerror(-ret));
		return 1;
	}
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "showmap: cannot write: %m\n");
		return 1;
	}
	return 0;
}
