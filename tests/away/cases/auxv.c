// SPDX-License-Identifier: GPL-2.0-only
/* Arguments, environment and the auxiliary vector, where the program was given them. */

#include "../away.h"

#include <elf.h>
#include <stdlib.h>
#include <sys/auxv.h>

extern char **environ;

int main(int argc, char **argv)
{
	static const unsigned long types[] = {
		AT_PAGESZ, AT_PHDR, AT_PHNUM, AT_ENTRY, AT_UID, AT_EUID, AT_GID,
		AT_HWCAP, AT_HWCAP2, AT_CLKTCK, AT_SECURE, AT_SYSINFO_EHDR,
		AT_RANDOM, AT_EXECFN,
	};
	unsigned long value[sizeof(types) / sizeof(*types)];
	unsigned char random[16];
	char *text, *first;
	size_t i, len;

	SYS(setenv("AWAY_TEST", "some value", 1));
	for (i = 0; i < sizeof(types) / sizeof(*types); i++)
		value[i] = getauxval(types[i]);
	memcpy(random, (void *)getauxval(AT_RANDOM), 16);
	first = strdup(argv[0]);
	while (away_again()) {
		away_point("with arguments and environment");
		for (i = 0; i < sizeof(types) / sizeof(*types); i++)
			CHECK_EQ(getauxval(types[i]), value[i]);
		CHECK_MEM((void *)getauxval(AT_RANDOM), random, 16);
		CHECK_STR((char *)getauxval(AT_EXECFN), first);
		CHECK(!memcmp((void *)getauxval(AT_SYSINFO_EHDR), ELFMAG, SELFMAG));
		CHECK_STR(getenv("AWAY_TEST"), "some value");
		CHECK_STR(argv[0], first);
		CHECK(!argv[argc]);
		CHECK(environ[0]);
		/* As others see it. */
		text = away_slurp("/proc/self/cmdline", &len);
		CHECK_STR(text, first);
		free(text);
		text = away_slurp("/proc/self/auxv", &len);
		CHECK(len >= 2 * sizeof(long));
		for (i = 0; i + 1 < len / sizeof(long); i += 2)
			if (((unsigned long *)text)[i] == AT_ENTRY)
				CHECK_EQ(((unsigned long *)text)[i + 1], getauxval(AT_ENTRY));
		free(text);
	}
	return away_pass();
}
