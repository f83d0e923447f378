// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench: what is measured, and what it is measured against.
 *
 *   bench sink PORT			takes TCP streams, for 'stream'
 *   bench stream HOST PORT MIB		one TCP stream: MB/s
 *   bench reply PORT BYTES		answers each 64 bytes with BYTES, for 'ask'
 *   bench ask HOST PORT COUNT BYTES	round trips: ns each, MB/s
 *   bench work GO KIND ARGS...		waits for the file GO, then measures:
 *	hold MIB			nothing: holds that much memory
 *	crowd MIB THREADS		the same, with threads that sleep
 *	call COUNT			getppid(): ns each
 *	read FILE BLOCK		the whole file: MB/s
 *	map FILE			the same by touching its pages, mapped: MB/s
 *	write FILE BLOCK MIB		over what it has, or a new file: MB/s
 *	cpu ROUNDS			arithmetic: seconds
 *	threads COUNT ROUNDS		the same, the rounds divided among threads, which are
 *					there before and end in it
 *	thread COUNT			threads that end at once: ms each
 *	fork COUNT			children that end at once: ms each
 *	exec COUNT			the same, with another program: ms each
 *   bench info PID			HPC_IOC_INFO of a process
 *   bench wait PID			returns when the process ends, using no time until then
 *
 * Each prints one JSON object.  Times are CLOCK_MONOTONIC where the program is.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/hpc.h>

#define ASK_BYTES	64
#define MB		1e6
#define PAGE		4096

static void __attribute__((noreturn, format(printf, 1, 2))) die(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	fputs("bench: ", stderr);
	vfprintf(stderr, format, ap);
	fprintf(stderr, ": %m\n");
	va_end(ap);
	exit(1);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void *memory(size_t len)
{
	char *p = malloc(len);
	size_t i;

	if (!p)
		die("%zu bytes", len);
	/* Different pages, none of them zero. */
	for (i = 0; i < len; i += sizeof(uint64_t))
		*(uint64_t *)(p + i) = i * 0x9e3779b97f4a7c15ULL + 1;
	return p;
}

/* --- TCP, from user space ----------------------------------------------------------- */

static int tcp_listen(const char *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)) };
	int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(s, (struct sockaddr *)&a, sizeof(a)) || listen(s, 4))
		die("port %s", port);
	return s;
}

static int tcp_connect(const char *host, const char *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)) };
	int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	if (inet_pton(AF_INET, host, &a.sin_addr) != 1 ||
	    connect(s, (struct sockaddr *)&a, sizeof(a)))
		die("%s port %s", host, port);
	setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return s;
}

static int read_all(int fd, void *to, size_t len)
{
	char *p = to;

	while (len) {
		ssize_t n = read(fd, p, len);

		if (n <= 0)
			return -1;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

static int write_all(int fd, const void *from, size_t len)
{
	const char *p = from;

	while (len) {
		ssize_t n = write(fd, p, len);

		if (n <= 0)
			return -1;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

static int sink(char **arg)
{
	static char buf[1 << 20];
	int s = tcp_listen(arg[0]), c;
	uint64_t total, want;

	while ((c = accept(s, NULL, NULL)) >= 0) {
		for (total = 0; read_all(c, &want, sizeof(want)) == 0; total = 0) {
			while (total < want) {
				ssize_t n = read(c, buf, sizeof(buf));

				if (n <= 0)
					break;
				total += (uint64_t)n;
			}
			write_all(c, "k", 1);
		}
		close(c);
	}
	die("accept");
}

static int stream(char **arg)
{
	uint64_t total = strtoull(arg[2], NULL, 10) << 20, left;
	size_t block = 1 << 20;
	char *buf = memory(block), ok;
	int s = tcp_connect(arg[0], arg[1]);
	double t = now();

	write_all(s, &total, sizeof(total));
	for (left = total; left; left -= block)
		if (write_all(s, buf, block))
			die("stream");
	if (read_all(s, &ok, 1))
		die("stream");
	t = now() - t;
	printf("{\"mb_s\": %.2f}\n", (double)total / MB / t);
	return 0;
}

static int reply(char **arg)
{
	size_t size = strtoull(arg[1], NULL, 10);
	char ask[ASK_BYTES], *answer = memory(size);
	int s = tcp_listen(arg[0]), c, one = 1;

	while ((c = accept(s, NULL, NULL)) >= 0) {
		setsockopt(c, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		while (!read_all(c, ask, sizeof(ask)) && !write_all(c, answer, size))
			;
		close(c);
	}
	die("accept");
}

static int ask(char **arg)
{
	long count = atol(arg[2]), i;
	size_t size = strtoull(arg[3], NULL, 10);
	char question[ASK_BYTES] = "?", *answer = memory(size);
	int s = tcp_connect(arg[0], arg[1]);
	double t = now();

	for (i = 0; i < count; i++)
		if (write_all(s, question, sizeof(question)) || read_all(s, answer, size))
			die("ask");
	t = now() - t;
	printf("{\"ns\": %.0f, \"mb_s\": %.2f}\n", t * 1e9 / (double)count,
	       (double)size * (double)count / MB / t);
	return 0;
}

/* --- work that is moved ---------------------------------------------------------------- */

static int hold(char **arg)
{
	(void)arg;
	printf("{\"held\": true}\n");
	return 0;
}

static int call(char **arg)
{
	long count = atol(arg[0]), i;
	double t = now();

	for (i = 0; i < count; i++)
		syscall(SYS_getppid);
	t = now() - t;
	printf("{\"ns\": %.0f}\n", t * 1e9 / (double)count);
	return 0;
}

static int read_file(char **arg)
{
	size_t block = strtoull(arg[1], NULL, 10);
	char *buf = memory(block);
	int fd = open(arg[0], O_RDONLY | O_CLOEXEC);
	uint64_t total = 0;
	ssize_t n;
	double t;

	if (fd < 0)
		die("%s", arg[0]);
	t = now();
	while ((n = read(fd, buf, block)) > 0)
		total += (uint64_t)n;
	t = now() - t;
	if (n)
		die("%s", arg[0]);
	printf("{\"mb_s\": %.2f}\n", (double)total / MB / t);
	return 0;
}

static int map_file(char **arg)
{
	int fd = open(arg[0], O_RDONLY | O_CLOEXEC);
	volatile const uint64_t *map;
	uint64_t sum = 0;
	struct stat st;
	off_t at;
	double t;

	if (fd < 0 || fstat(fd, &st))
		die("%s", arg[0]);
	t = now();
	map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED)
		die("mapping %s", arg[0]);
	for (at = 0; at < st.st_size; at += PAGE)
		sum += map[at / (off_t)sizeof(*map)];
	t = now() - t;
	printf("{\"mb_s\": %.2f, \"x\": %llu}\n", (double)st.st_size / MB / t,
	       (unsigned long long)sum);
	return 0;
}

static int write_file(char **arg)
{
	size_t block = strtoull(arg[1], NULL, 10);
	uint64_t total = strtoull(arg[2], NULL, 10) << 20, left;
	char *buf = memory(block);
	int fd = open(arg[0], O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	double t;

	if (fd < 0)
		die("%s", arg[0]);
	t = now();
	for (left = total; left; left -= block)
		if (write_all(fd, buf, block))
			die("%s", arg[0]);
	t = now() - t;
	printf("{\"mb_s\": %.2f}\n", (double)total / MB / t);
	return 0;
}

static uint64_t arithmetic(long rounds)
{
	uint64_t x = 88172645463325252ULL;
	long i;

	for (i = 0; i < rounds; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
	}
	return x;
}

static int cpu(char **arg)
{
	double t = now();
	uint64_t x = arithmetic(atol(arg[0]));

	t = now() - t;
	printf("{\"s\": %.4f, \"x\": %llu}\n", t, (unsigned long long)x);
	return 0;
}

#define THREADS_MAX 256

static long number_of_threads(const char *text)
{
	long n = atol(text);

	if (n >= 1 && n <= THREADS_MAX)
		return n;
	errno = EINVAL;
	die("%s threads", text);
}

static void start(pthread_t *thread, void *(*run)(void *arg), void *arg)
{
	errno = pthread_create(thread, NULL, run, arg);
	if (errno)
		die("thread");
}

static pthread_barrier_t together;
static long rounds_each;

static void *share(void *arg)
{
	(void)arg;
	pthread_barrier_wait(&together);
	return (void *)(uintptr_t)arithmetic(rounds_each);
}

static pthread_t sharing[THREADS_MAX];

static void threads_gather(char **arg)
{
	long n = number_of_threads(arg[0]), i;

	rounds_each = atol(arg[1]) / n;
	pthread_barrier_init(&together, NULL, (unsigned int)n + 1);
	for (i = 0; i < n; i++)
		start(&sharing[i], share, NULL);
}

static int threads(char **arg)
{
	long n = number_of_threads(arg[0]), i;
	uint64_t sum = 0;
	void *x;
	double t = now();

	pthread_barrier_wait(&together);
	for (i = 0; i < n; i++) {
		pthread_join(sharing[i], &x);
		sum += (uintptr_t)x;
	}
	t = now() - t;
	printf("{\"s\": %.4f, \"x\": %llu}\n", t, (unsigned long long)sum);
	return 0;
}

static void *nothing(void *arg)
{
	return arg;
}

static int thread_many(char **arg)
{
	long count = atol(arg[0]), i;
	double t = now();

	for (i = 0; i < count; i++) {
		pthread_t thread;

		start(&thread, nothing, NULL);
		pthread_join(thread, NULL);
	}
	t = now() - t;
	printf("{\"ms\": %.4f}\n", t * 1e3 / (double)count);
	return 0;
}

static void *sleeper(void *arg)
{
	(void)arg;
	for (;;)
		pause();
	return NULL;
}

static void crowd_gathers(char **arg)
{
	pthread_t thread;
	long i;

	for (i = 1; i < number_of_threads(arg[1]); i++)
		start(&thread, sleeper, NULL);
}

static void await_end(pid_t pid)
{
	int status;

	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		die("child");
}

static int fork_many(char **arg)
{
	long count = atol(arg[0]), i;
	double t = now();

	for (i = 0; i < count; i++) {
		pid_t pid = fork();

		if (!pid)
			_exit(0);
		await_end(pid);
	}
	t = now() - t;
	printf("{\"ms\": %.4f}\n", t * 1e3 / (double)count);
	return 0;
}

static int exec_many(char **arg)
{
	char *argv[] = { (char *)"true", NULL }, *env[] = { NULL };
	long count = atol(arg[0]), i;
	double t = now();

	for (i = 0; i < count; i++) {
		pid_t pid;

		errno = posix_spawn(&pid, "/bin/true", NULL, NULL, argv, env);
		if (errno)
			die("/bin/true");
		await_end(pid);
	}
	t = now() - t;
	printf("{\"ms\": %.4f}\n", t * 1e3 / (double)count);
	return 0;
}

static const struct {
	const char *name;
	int args;
	int (*run)(char **arg);
} kinds[] = {
	{ "hold",	1, hold },
	{ "crowd",	2, hold },
	{ "call",	1, call },
	{ "read",	2, read_file },
	{ "map",	1, map_file },
	{ "write",	3, write_file },
	{ "cpu",	1, cpu },
	{ "threads",	2, threads },
	{ "thread",	1, thread_many },
	{ "fork",	1, fork_many },
	{ "exec",	1, exec_many },
};

static int work(int argc, char **arg)
{
	struct timespec nap = { .tv_nsec = 20000000 };
	struct stat st;
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (argc >= 2 && !strcmp(arg[1], kinds[i].name) && argc - 2 == kinds[i].args)
			break;
	if (i == sizeof(kinds) / sizeof(kinds[0]))
		return 2;
	if (kinds[i].run == hold)
		memory(strtoull(arg[2], NULL, 10) << 20);
	if (kinds[i].run == hold && kinds[i].args == 2)
		crowd_gathers(arg + 2);
	if (kinds[i].run == threads)
		threads_gather(arg + 2);
	while (stat(arg[0], &st))
		nanosleep(&nap, NULL);
	return kinds[i].run(arg + 2);
}

static int info(char **arg)
{
	struct hpc_info info = { .size = sizeof(info), .pid = atoi(arg[0]) };
	int fd = open("/dev/hpc", O_RDWR | O_CLOEXEC);

	if (fd < 0 || ioctl(fd, HPC_IOC_INFO, &info))
		die("process %s", arg[0]);
	printf("{\"role\": %u, \"node\": %u, \"nmigs\": %u, \"calls\": %llu, \"pages\": %llu, "
	       "\"image_bytes\": %llu, \"image_pages\": %llu, \"freeze_ns\": %llu}\n",
	       info.role, info.node, info.nmigs, (unsigned long long)info.calls,
	       (unsigned long long)info.pages, (unsigned long long)info.image_bytes,
	       (unsigned long long)info.image_pages, (unsigned long long)info.freeze_ns);
	return 0;
}

static int wait_for(char **arg)
{
	struct pollfd ended = { .events = POLLIN };

	ended.fd = (int)syscall(SYS_pidfd_open, atoi(arg[0]), 0);
	if (ended.fd < 0 && errno != ESRCH)
		die("process %s", arg[0]);
	if (ended.fd >= 0 && poll(&ended, 1, -1) < 0)
		die("process %s", arg[0]);
	return 0;
}

int main(int argc, char **argv)
{
	int ret = 2;

	signal(SIGPIPE, SIG_IGN);
	if (argc >= 4 && !strcmp(argv[1], "work"))
		ret = work(argc - 2, argv + 2);
	else if (argc == 3 && !strcmp(argv[1], "sink"))
		ret = sink(argv + 2);
	else if (argc == 5 && !strcmp(argv[1], "stream"))
		ret = stream(argv + 2);
	else if (argc == 4 && !strcmp(argv[1], "reply"))
		ret = reply(argv + 2);
	else if (argc == 6 && !strcmp(argv[1], "ask"))
		ret = ask(argv + 2);
	else if (argc == 3 && !strcmp(argv[1], "info"))
		ret = info(argv + 2);
	else if (argc == 3 && !strcmp(argv[1], "wait"))
		ret = wait_for(argv + 2);
	if (ret == 2)
		fputs("usage: see the head of bench.c\n", stderr);
	return ret;
}
