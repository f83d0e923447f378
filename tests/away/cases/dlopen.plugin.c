// SPDX-License-Identifier: GPL-2.0-only
/* What dlopen.c loads: data, thread-local data, and a call back. */

int plugin_number(int x);
extern int host_number(int x);

static int calls;
static __thread int mine = 40;

int plugin_number(int x)
{
	calls++;
	mine++;
	return host_number(x) * 1000 + mine * 10 + calls;
}
