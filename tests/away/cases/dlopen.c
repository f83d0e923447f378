// SPDX-License-Identifier: GPL-2.0-only
/* A shared object loaded where the program is, used, kept over a move, unloaded. */

#include "../away.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>

int host_number(int x);

int host_number(int x)
{
	return x + 1;
}

int main(void)
{
	char path[PATH_MAX + 16], *slash;
	ssize_t n = SYS(readlink("/proc/self/exe", path, PATH_MAX));
	int (*number)(int);
	void *object;

	/* Beside this program, or one folder above. */
	path[n] = 0;
	slash = strrchr(path, '/');
	strcpy(slash, "/dlopen.so");
	if (access(path, R_OK)) {
		*slash = 0;
		strcpy(strrchr(path, '/'), "/dlopen.so");
	}
	while (away_again()) {
		away_point("before loading");
		object = dlopen(path, RTLD_NOW);
		if (!object)
			FAIL("dlopen: %s", dlerror());
		number = (int (*)(int))PTR(dlsym(object, "plugin_number"));
		CHECK_EQ(number(4), 5000 + 410 + 1);
		away_point("with it loaded");
		CHECK_EQ(number(5), 6000 + 420 + 2);
		CHECK(!dlsym(object, "no_such_name"));
		CHECK_EQ(dlclose(object), 0);
	}
	return away_pass();
}
