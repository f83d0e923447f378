// SPDX-License-Identifier: GPL-2.0-only
/*
 * i386 FILE: a 32-bit program without any library.
 *
 * Prints "i386 PID ready" and a line "turn N" every now and then, until there is a
 * file named FILE; then "turns N sum 0", with status 0.
 */

#define EXIT		1
#define WRITE		4
#define GETPID		20
#define ACCESS		33
#define NANOSLEEP	162

__asm__(".globl _start\n"
	"_start:\n\t"
	"mov 8(%esp), %eax\n\t"
	"and $-16, %esp\n\t"
	"sub $12, %esp\n\t"
	"push %eax\n\t"
	"call program\n");

void program(const char *file) __attribute__((noreturn));

static long call(long nr, long a, long b, long c)
{
	long ret;

	__asm__ volatile("int $0x80" : "=a"(ret) : "0"(nr), "b"(a), "c"(b), "d"(c) : "memory");
	return ret;
}

static void say(const char *before, unsigned long number, const char *after)
{
	char text[64];
	int n = 0, digits = 1;
	unsigned long i;

	while (*before)
		text[n++] = *before++;
	for (i = number; i >= 10; i /= 10)
		digits++;
	for (i = digits; i--; number /= 10)
		text[n + i] = '0' + number % 10;
	n += digits;
	while (*after)
		text[n++] = *after++;
	call(WRITE, 1, (long)text, n);
}

void program(const char *file)
{
	long pause[2] = { 0, 100000000 };
	unsigned long turns = 0;

	say("i386 ", call(GETPID, 0, 0, 0), " ready\n");
	while (call(ACCESS, (long)file, 0, 0)) {
		call(NANOSLEEP, (long)pause, 0, 0);
		say("turn ", ++turns, "\n");
	}
	say("turns ", turns, " sum 0\n");
	call(EXIT, 0, 0, 0);
	for (;;)
		;
}
