// SPDX-License-Identifier: GPL-2.0-only
/* showmap: prints the own node number and the cluster's map; see showmap(1). */

#include <getopt.h>
#include <string.h>

#include "table.h"
#include "tool.h"

const char *tool_name = "showmap";

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
		default:
			return tool_option(c, help);
		}
	}
	if (optind < argc)
		return tool_usage("'%s' is no option", argv[optind]);

	ret = table_open_kernel(&source, &fd);
	if (ret)
		return tool_failed("cannot ask '" HPC_DEVICE "': %s", hpc_error_text(ret));
	ret = json ? table_print_json(&source, stdout) : table_print_columns(&source, stdout);
	hpc_close(fd);
	if (ret)
		return tool_failed("cannot read the node table: %s", hpc_error_text(ret));
	return tool_end();
}
