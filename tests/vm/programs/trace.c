// SPDX-License-Identifier: GPL-2.0-only
/*
 * trace attach|seize|hold|read PID...: looks into processes, of which some may be away.
 *
 * attach, seize: as a debugger does it; each must be at home then, in code of its
 * own, with memory that can be read and written, unable to leave; runs on for ten
 * system calls; and is let go.
 * hold: attaches, has it run on, and waits for a signal to end.
 * read: process_vm_readv() and /proc/PID/mem.
 *
 * "ok" at the end, or a line "wrong: ..." and exit status 99.
 */

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define CALLS 10

static void __attribute__((noreturn, format(printf, 1, 2))) wrong(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	printf("wrong: ");
	vprintf(format, ap);
	printf(" (%s)\n", strerror(errno));
	va_end(ap);
	exit(99);
}

static void ask(enum __ptrace_request request, pid_t pid, uintptr_t addr, void *data)
{
	if (ptrace(request, pid, (void *)addr, data) < 0)
		wrong("ptrace request %#x of %d", (int)request, pid);
}

static void slurp(pid_t pid, const char *name, char *text, size_t size)
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	fd = open(path, O_RDONLY);
	n = fd < 0 ? -1 : read(fd, text, size - 1);
	if (n < 0)
		wrong("reading %s", path);
	text[n] = '\0';
	close(fd);
}

static void check_home(pid_t pid, int traced)
{
	char text[256];

	slurp(pid, "where", text, sizeof(text));
	if (strcmp(text, "0\n"))
		wrong("%d is at %s", pid, text);
	slurp(pid, "cantmove", text, sizeof(text));
	if (!strstr(text, "traced") != !traced)
		wrong("cantmove of %d says '%s'", pid, text);
}

static int await_stop(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, __WALL) != pid || !WIFSTOPPED(status))
		wrong("%d did not stop: %#x", pid, status);
	return status;
}

static int is_end(int status)
{
	return WIFEXITED(status) || WIFSIGNALED(status);
}

static long peek(pid_t pid, uintptr_t addr)
{
	long word;

	errno = 0;
	word = ptrace(PTRACE_PEEKDATA, pid, (void *)addr, NULL);
	if (errno)
		wrong("no memory of %d at %#lx", pid, addr);
	return word;
}

static void poke(pid_t pid, uintptr_t addr, long word)
{
	long back;

	ask(PTRACE_POKEDATA, pid, addr, (void *)word);
	back = peek(pid, addr);
	if (back != word)
		wrong("%#lx written, %#lx read", word, back);
}

/*
 * What a debugger looks at first, and a break point's worth of writing.  Other
 * threads run on in the same code: that is only written as it is.
 */
static void look_into(pid_t pid)
{
	struct user_regs_struct regs;
	uintptr_t unused;

	ask(PTRACE_GETREGS, pid, 0, &regs);
	poke(pid, regs.rip, peek(pid, regs.rip));
	/* Below what the ABI lets a function use of it. */
	unused = (regs.rsp - 256) & -sizeof(long);
	poke(pid, unused, ~peek(pid, unused));
}

/* Entry and exit of each: both stop. */
static void run_on(pid_t pid)
{
	int i, status, sig = 0;

	for (i = 0; i < 2 * CALLS; i++) {
		ask(PTRACE_SYSCALL, pid, 0, (void *)(uintptr_t)sig);
		if (waitpid(pid, &status, __WALL) != pid || is_end(status))
			wrong("%d ended: %#x", pid, status);
		sig = WSTOPSIG(status) == (SIGTRAP | 0x80) || status >> 16 ? 0 : WSTOPSIG(status);
	}
}

static void trace(pid_t pid, int seize)
{
	const uintptr_t options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK;

	ask(seize ? PTRACE_SEIZE : PTRACE_ATTACH, pid, 0, (void *)(seize ? options : 0));
	check_home(pid, 1);
	if (seize)
		ask(PTRACE_INTERRUPT, pid, 0, NULL);
	await_stop(pid);
	ask(PTRACE_SETOPTIONS, pid, 0, (void *)options);
	look_into(pid);
	run_on(pid);
	check_home(pid, 1);
	ask(PTRACE_DETACH, pid, 0, NULL);
	check_home(pid, 0);
}

static void __attribute__((noreturn)) hold(pid_t pid)
{
	ask(PTRACE_SEIZE, pid, 0, NULL);
	check_home(pid, 1);
	for (;;)
		pause();
}

/* Its program's first bytes, by both ways to them. */
static void read_memory(pid_t pid)
{
	char maps[4096], path[64], a[4] = "", b[4] = "", *line;
	struct iovec local = { a, sizeof(a) }, remote;
	unsigned long start;
	int fd;

	slurp(pid, "maps", maps, sizeof(maps));
	line = strchr(maps, '/');
	while (line && line > maps && line[-1] != '\n')
		line--;
	if (!line)
		wrong("no file in the maps of %d", pid);
	start = strtoul(line, NULL, 16);
	remote = (struct iovec) { (void *)start, sizeof(a) };
	if (process_vm_readv(pid, &local, 1, &remote, 1, 0) != sizeof(a))
		wrong("process_vm_readv of %d at %#lx", pid, start);
	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	fd = open(path, O_RDONLY);
	if (fd < 0 || pread(fd, b, sizeof(b), start) != sizeof(b))
		wrong("%s at %#lx", path, start);
	close(fd);
	if (memcmp(a, ELFMAG, SELFMAG) || memcmp(b, ELFMAG, SELFMAG))
		wrong("%d has something else at its begin", pid);
	check_home(pid, 0);
}

int main(int argc, char **argv)
{
	int i;

	if (argc < 3)
		return 2;
	for (i = 2; i < argc; i++) {
		if (!strcmp(argv[1], "read"))
			read_memory(atoi(argv[i]));
		else if (!strcmp(argv[1], "hold"))
			hold(atoi(argv[i]));
		else
			trace(atoi(argv[i]), !strcmp(argv[1], "seize"));
	}
	puts("ok");
	return 0;
}
