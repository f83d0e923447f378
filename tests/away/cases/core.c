// SPDX-License-Identifier: GPL-2.0-only
/*
 * A process that dies of a fault while away leaves its core at home, in its
 * folder, with its name, its number, and its memory.
 */

#include "../away.h"

#include <elf.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/procfs.h>
#include <sys/resource.h>
#include <sys/wait.h>

static char mark[64];
static volatile int zero;

static void __attribute__((noreturn)) die(int how)
{
	memcpy(mark, "the mark in the core of number 0", 33);
	mark[31] += how;
	away_point("as a child that will fault");
	if (how == 0)
		*(volatile char *)(zero + 16L) = 1;
	if (how == 1)
		zero = (zero + 5) / zero;
	if (how == 2)
		abort();
	_exit(1);
}

/* The note of that type in the core. */
static const char *note(const char *core, Elf64_Word type)
{
	const Elf64_Ehdr *e = (const void *)core;
	const Elf64_Phdr *p = (const void *)(core + e->e_phoff);
	size_t at;

	CHECK(!memcmp(core, ELFMAG, SELFMAG));
	CHECK_EQ(e->e_type, ET_CORE);
	CHECK_EQ(p->p_type, PT_NOTE);
	for (at = p->p_offset; at < p->p_offset + p->p_filesz;) {
		const Elf64_Nhdr *n = (const void *)(core + at);

		at += sizeof(*n) + ((n->n_namesz + 3) & ~3U);
		if (n->n_type == type)
			return core + at;
		at += (n->n_descsz + 3) & ~3U;
	}
	FAIL("no note of type %u in the core", type);
}

int main(void)
{
	static const int signals[] = { SIGSEGV, SIGFPE, SIGABRT };
	struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	char name[64], *pattern, *core;
	const prpsinfo_t *info;
	const prstatus_t *status_note;
	int how, status;
	size_t len;
	pid_t pid;

	pattern = away_slurp("/proc/sys/kernel/core_pattern", NULL);
	if (strcmp(pattern, "core\n"))
		away_skip("cores go elsewhere here: core_pattern is not 'core'");
	if (setrlimit(RLIMIT_CORE, &unlimited))
		away_skip("no core files allowed here");
	for (how = 0; how < 3; how++) {
		pid = SYS(fork());
		if (!pid)
			die(how);
		CHECK_EQ(SYS(waitpid(pid, &status, 0)), pid);
		CHECK(WIFSIGNALED(status));
		CHECK_EQ(WTERMSIG(status), signals[how]);
		CHECK(WCOREDUMP(status));
		snprintf(name, sizeof(name), "core.%d", pid);
		if (access(name, F_OK))
			strcpy(name, "core");
		core = away_slurp(name, &len);
		info = (const void *)note(core, NT_PRPSINFO);
		CHECK_EQ(info->pr_pid, pid);
		CHECK_STR(info->pr_fname, "core");
		status_note = (const void *)note(core, NT_PRSTATUS);
		CHECK_EQ(status_note->pr_pid, pid);
		CHECK_EQ(status_note->pr_cursig, signals[how]);
		snprintf(mark, sizeof(mark), "the mark in the core of number %d", how);
		CHECK(memmem(core, len, mark, strlen(mark)));
		memset(mark, 0, sizeof(mark));
		free(core);
		SYS(unlink(name));
	}
	return away_pass();
}
