// SPDX-License-Identifier: GPL-2.0-only
/*
 * imagefuzz arrive|return SEED FIRST COUNT: mutated images of a process.
 *
 *	arrive	each is offered to a fresh process in HPC_IOC_RECEIVE
 *	return	each is sent to a deputy as the homecoming of its guest
 *
 * This program plays the other node: it takes the image of a process that is
 * sent away, changes it, and says GO if it is taken for good.  Mutation N of a
 * seed is always the same one: `imagefuzz arrive SEED N 1` repeats it.
 *
 * Prints "wrong: N: MUTATION: WHAT" for all that is not as it should be, then one
 * line of counts.  Exit status 1 if something was wrong.  SLOWNESS=N in the
 * environment makes all waits N times as long.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <elf.h>
#include <endian.h>

#include "hpc.h"
#include "wire.h"

#define PAGE		4096UL
#define DATA_PAGES	40
#define NOBODY		65534
#define NODE		2		/* any that could be */
#define REPORT_FD	1000		/* not open: home answers EBADF */
#define REPORT_MAGIC	0x7465737365726121ULL
#define MUTATIONS_MAX	4
#define WRONG_MAX	20		/* is enough to see */
#define IMAGE_MAX	(64UL << 20)

static int device;
static int answer_ms = 30000;	/* a peer that is alive answers within */
static int end_ms = 10000;	/* and ends */

/* --- small things ---------------------------------------------------------------- */

static void __attribute__((noreturn, format(printf, 1, 2))) die(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	fputs("imagefuzz: ", stderr);
	vfprintf(stderr, format, ap);
	fprintf(stderr, ": %m\n");
	va_end(ap);
	exit(2);
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void *need(void *p)
{
	if (!p)
		die("no memory");
	return p;
}

static uint64_t random_state;

static uint64_t mix(uint64_t z)
{
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

static uint64_t any64(void)
{
	return mix(random_state += 0x9e3779b97f4a7c15ULL);
}

/* 0 to n - 1 */
static uint32_t any(uint64_t n)
{
	return any64() % n;
}

/* --- the program that is moved ------------------------------------------------------- */

struct report {
	uint64_t magic;
	uint64_t sum;
};

static uint64_t sum_of(const volatile uint64_t *p, size_t n)
{
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < n; i++)
		sum = (sum << 7 | sum >> 57) ^ p[i];
	return sum;
}

static void on_signal(int sig)
{
	(void)sig;
}

/* Memory of every kind, handlers, masks: then it tells its sum, over and over. */
static int subject(int ready)
{
	size_t words = DATA_PAGES * PAGE / sizeof(uint64_t), i;
	int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	uint64_t *data, seed = 1;
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = SA_ONSTACK };
	stack_t alt = { .ss_size = 4 * SIGSTKSZ };
	struct report report = { .magic = REPORT_MAGIC };
	sigset_t set;

	data = mmap(NULL, DATA_PAGES * PAGE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	alt.ss_sp = malloc(alt.ss_size);
	if (data == MAP_FAILED || !alt.ss_sp || self < 0 ||
	    mmap(NULL, 16 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ||
	    mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, self, 0) == MAP_FAILED ||
	    mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, self, 0) == MAP_FAILED)
		return 1;
	/* Every eighth page stays zero. */
	for (i = 0; i < words; i++)
		if (i * sizeof(uint64_t) / PAGE % 8)
			data[i] = mix(seed++);
	sigaltstack(&alt, NULL);
	sigaction(SIGUSR1, &sa, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (setresgid(NOBODY, NOBODY, NOBODY) || setresuid(NOBODY, NOBODY, NOBODY))
		return 1;
	if (write(ready, "", 1) != 1)
		return 1;
	close(ready);
	for (;;) {
		report.sum = sum_of(data, words);
		syscall(SYS_write, REPORT_FD, &report, sizeof(report));
	}
}

static pid_t subject_start(void)
{
	int ready[2];
	char c, word[16];
	pid_t pid;

	if (pipe2(ready, O_CLOEXEC))
		die("pipe");
	pid = fork();
	if (pid < 0)
		die("fork");
	if (!pid) {
		snprintf(word, sizeof(word), "%d", dup(ready[1]));
		execl("/proc/self/exe", "imagefuzz", "subject", word, NULL);
		_exit(127);
	}
	close(ready[1]);
	if (read(ready[0], &c, 1) != 1)
		die("the process that is to be moved did not start");
	close(ready[0]);
	return pid;
}

/* --- connections -------------------------------------------------------------------- */

/* Both ends of a connection of this machine with itself. */
static void connection(int ret_fd[2])
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct linger reset = { .l_onoff = 1 };
	socklen_t len = sizeof(a);
	int s;

	s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ret_fd[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s < 0 || ret_fd[0] < 0 || bind(s, (struct sockaddr *)&a, sizeof(a)) ||
	    listen(s, 1) || getsockname(s, (struct sockaddr *)&a, &len) ||
	    connect(ret_fd[0], (struct sockaddr *)&a, sizeof(a)))
		die("connect");
	ret_fd[1] = accept4(s, NULL, NULL, SOCK_CLOEXEC);
	if (ret_fd[1] < 0)
		die("accept");
	close(s);
	/* Nothing stays behind for a minute, where leaks are looked for. */
	setsockopt(ret_fd[0], SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
}

/* 0, or -errno; -ETIMEDOUT after @ms without a byte. */
static int read_all(int fd, void *to, size_t len, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	ssize_t n;

	while (len) {
		if (poll(&p, 1, ms) == 0)
			return -ETIMEDOUT;
		n = read(fd, to, len);
		if (n <= 0)
			return n ? -errno : -ECONNRESET;
		to = (char *)to + n;
		len -= n;
	}
	return 0;
}

static int write_all(int fd, const void *from, size_t len)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	ssize_t n;

	while (len) {
		if (poll(&p, 1, answer_ms) == 0)
			return -ETIMEDOUT;
		n = send(fd, from, len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EAGAIN)
			continue;
		if (n < 0)
			return -errno;
		from = (const char *)from + n;
		len -= n;
	}
	return 0;
}

static int frame_send(int fd, uint16_t type, const void *body, uint32_t len)
{
	struct hpc_frame f = { .type = htole16(type), .len = htole32(len) };
	int ret = write_all(fd, &f, sizeof(f));

	return ret ?: write_all(fd, body, len);
}

static int frame_head(int fd, uint16_t *type, uint32_t *len)
{
	struct hpc_frame f;
	int ret = read_all(fd, &f, sizeof(f), answer_ms);

	if (ret)
		return ret;
	*type = le16toh(f.type);
	*len = le32toh(f.len);
	return 0;
}

/* The next frame, its body thrown away; -errno. */
static int frame_next(int fd)
{
	char rubbish[4096];
	uint16_t type;
	uint32_t len;
	int ret = frame_head(fd, &type, &len);

	while (!ret && len) {
		uint32_t n = len < sizeof(rubbish) ? len : sizeof(rubbish);

		ret = read_all(fd, rubbish, n, answer_ms);
		len -= n;
	}
	return ret ?: type;
}

/* --- images ----------------------------------------------------------------------------- */

/**
 * struct frame - of an image
 * @type:	in its header
 * @len:	of its body
 * @claim:	length that its header says
 * @reserved:	in its header
 * @body:	bytes
 */
struct frame {
	uint16_t type;
	uint32_t len;
	uint32_t claim;
	uint16_t reserved;
	uint8_t *body;
};

struct image {
	unsigned int n;
	unsigned int room;
	struct frame *frame;
};

static struct frame *image_insert(struct image *im, unsigned int at, uint16_t type,
				  const void *body, uint32_t len)
{
	struct frame *f;

	if (im->n == im->room) {
		im->room = im->room ? im->room * 2 : 64;
		im->frame = need(realloc(im->frame, im->room * sizeof(*im->frame)));
	}
	memmove(&im->frame[at + 1], &im->frame[at], (im->n - at) * sizeof(*im->frame));
	im->n++;
	f = &im->frame[at];
	*f = (struct frame) { .type = type, .len = len, .claim = len,
			      .body = need(malloc(len + 1)) };
	if (body)
		memcpy(f->body, body, len);
	return f;
}

static void image_remove(struct image *im, unsigned int at)
{
	free(im->frame[at].body);
	im->n--;
	memmove(&im->frame[at], &im->frame[at + 1], (im->n - at) * sizeof(*im->frame));
}

static void image_free(struct image *im)
{
	while (im->n)
		image_remove(im, im->n - 1);
	free(im->frame);
	*im = (struct image) { 0 };
}

static void image_copy(struct image *to, const struct image *from)
{
	unsigned int i;

	for (i = 0; i < from->n; i++)
		image_insert(to, i, from->frame[i].type, from->frame[i].body, from->frame[i].len);
}

static uint8_t *image_bytes(const struct image *im, size_t *ret_len)
{
	size_t len = 0;
	unsigned int i;
	uint8_t *bytes, *p;

	for (i = 0; i < im->n; i++)
		len += sizeof(struct hpc_frame) + im->frame[i].len;
	p = bytes = need(malloc(len + 1));
	for (i = 0; i < im->n; i++) {
		const struct frame *f = &im->frame[i];
		struct hpc_frame head = {
			.type = htole16(f->type), .reserved = htole16(f->reserved),
			.len = htole32(f->claim),
		};

		memcpy(p, &head, sizeof(head));
		memcpy(p + sizeof(head), f->body, f->len);
		p += sizeof(head) + f->len;
	}
	*ret_len = len;
	return bytes;
}

/* Reads from HEAD to END what an engine sends. */
static int image_receive(int fd, struct image *im)
{
	size_t total = 0;
	uint16_t type;
	uint32_t len;
	int ret;

	do {
		ret = frame_head(fd, &type, &len);
		total += len;
		if (!ret && total > IMAGE_MAX)
			ret = -EFBIG;
		if (!ret)
			ret = read_all(fd, image_insert(im, im->n, type, NULL, len)->body, len,
				       answer_ms);
	} while (!ret && type != HPC_F_END);
	return ret;
}

/* A frame, of a type drawn first: the many pages are not to have all the fun. */
static unsigned int any_frame(const struct image *im)
{
	unsigned int i, n;
	uint16_t type;

	do {
		type = HPC_F_HEAD + any(HPC_F_END - HPC_F_HEAD + 1);
		for (n = i = 0; i < im->n; i++)
			n += im->frame[i].type == type;
	} while (!n);
	n = any(n);
	for (i = 0; im->frame[i].type != type || n--; i++)
		;
	return i;
}

/* --- mutations --------------------------------------------------------------------------- */

/**
 * struct mutation - what was done
 * @text:	in words
 * @must:	it must be refused: no sound image looks like that
 * @broken:	more may be expected than comes: what follows is the end
 * @cut:	so many bytes are sent, if not 0
 * @rubbish:	random bytes from there on, if not 0
 */
struct mutation {
	char text[512];
	bool must;
	bool broken;
	size_t cut;
	size_t rubbish;
};

static void __attribute__((format(printf, 2, 3))) note(struct mutation *m, const char *format, ...)
{
	size_t used = strlen(m->text);
	va_list ap;

	va_start(ap, format);
	vsnprintf(m->text + used, sizeof(m->text) - used, format, ap);
	va_end(ap);
}

static const char *name_of(uint16_t type)
{
	static const char * const names[] = {
		"?", "HEAD", "PROCESS", "MM", "FILE", "VMA", "PAGES", "ACTIONS", "THREAD",
		"REGS", "SIGINFO", "END",
	};

	return names[type <= HPC_F_END ? type : 0];
}

static uint32_t word_at(const struct frame *f, size_t at)
{
	uint32_t v = 0;

	if (at + sizeof(v) <= f->len)
		memcpy(&v, f->body + at, sizeof(v));
	return le32toh(v);
}

static uint64_t long_at(const struct frame *f, size_t at)
{
	return word_at(f, at) | (uint64_t)word_at(f, at + 4) << 32;
}

static bool is_unmappable(const struct frame *f)
{
	return f->type == HPC_F_VMA && f->len == sizeof(struct hpc_wire_vma) &&
	       word_at(f, offsetof(struct hpc_wire_vma, file)) &&
	       (word_at(f, offsetof(struct hpc_wire_vma, flags)) & HPC_VMA_GROWSDOWN ||
		long_at(f, offsetof(struct hpc_wire_vma, pgoff)) == INT64_MAX / PAGE);
}

/* Is there something in the frame that can be in no sound one? */
static bool impossible(const struct frame *f, const struct frame *was)
{
	uint32_t word;

	switch (f->type) {
	case HPC_F_HEAD:
		return memcmp(f->body, was->body, offsetof(struct hpc_wire_head, xfeatures)) ||
		       memcmp(f->body + offsetof(struct hpc_wire_head, build_id),
			      was->body + offsetof(struct hpc_wire_head, build_id), 24);
	case HPC_F_MM:
		word = word_at(f, offsetof(struct hpc_wire_mm, flags));
		return word & ~(HPC_MM_TOPDOWN | HPC_MM_NO_THP);
	case HPC_F_VMA:
		return word_at(f, offsetof(struct hpc_wire_vma, flags)) & ~HPC_VMA_FLAGS ||
		       (long_at(f, 0) | long_at(f, 8)) % PAGE || long_at(f, 0) >= long_at(f, 8);
	case HPC_F_PAGES:
		return long_at(f, 0) % PAGE || word_at(f, 12) ||
		       word_at(f, 8) != word_at(was, 8);
	case HPC_F_THREAD:
		return word_at(f, offsetof(struct hpc_wire_thread, reserved)) != 0;
	case HPC_F_REGS:
		return word_at(f, 4) || word_at(f, 0) != word_at(was, 0);
	default:
		return false;
	}
}

static uint64_t odd_number(void)
{
	static const uint64_t odd[] = {
		0, 1, 2, 0xff, 0x100, 0xfff, 0x1000, 0x1001, 0xffff, 0x10000, INT_MAX,
		1ULL << 31, UINT_MAX, 1ULL << 32, 0x00007ffffffff000ULL, 0x0000800000000000ULL,
		0xffff800000000000ULL, 0xffffffff81000000ULL, INT64_MAX, 1ULL << 63, UINT64_MAX,
	};

	return odd[any(sizeof(odd) / sizeof(odd[0]))] + (any(4) ? 0 : any(16) - 8ULL);
}

/* A few bytes of a body change; what they were is known. */
static void change_body(struct image *im, struct mutation *m)
{
	unsigned int i = any_frame(im), bits;
	struct frame *f = &im->frame[i], was = *f;
	size_t at, size;
	uint64_t v;

	if (!f->len)
		return;
	was.body = need(malloc(f->len));
	memcpy(was.body, f->body, f->len);
	/* Of pages mostly what describes them. */
	at = any(f->type == HPC_F_PAGES && any(4) ? sizeof(struct hpc_wire_pages) : f->len);
	if (any(2)) {
		for (bits = 1 + any(3); bits; bits--)
			f->body[at] ^= 1 << any(8);
		note(m, "%s %u: byte %zu flips; ", name_of(f->type), i, at);
	} else {
		size = any(2) ? 4 : 8;
		at &= ~(size - 1);
		v = htole64(odd_number());
		if (at + size <= f->len)
			memcpy(f->body + at, &v, size);
		note(m, "%s %u: %zu bytes at %zu are %#llx; ", name_of(f->type), i, size, at,
		     (unsigned long long)le64toh(v));
	}
	m->must |= impossible(f, &was);
	free(was.body);
}

static void change_header(struct image *im, struct mutation *m)
{
	unsigned int i = any_frame(im);
	struct frame *f = &im->frame[i];
	uint16_t type = f->type;

	switch (any(3)) {
	case 0:
		do
			f->type = any(2) ? any(0x70) : any(0x10000);
		while (f->type == type);
		note(m, "%s %u: type is %#x; ", name_of(type), i, f->type);
		break;
	case 1:
		f->reserved = 1 + any(0xffff);
		note(m, "%s %u: header not reserved; ", name_of(type), i);
		break;
	default:
		do
			f->claim = any(2) ? f->len + any(65) - 32 : (uint32_t)odd_number();
		while (f->claim == f->len);
		note(m, "%s %u: says it has %u bytes; ", name_of(type), i, f->claim);
	}
	m->must = true;
	m->broken = true;
}

/* Longer or shorter, and says so. */
static void change_length(struct image *im, struct mutation *m)
{
	unsigned int i = any_frame(im);
	struct frame *f = &im->frame[i];
	uint32_t len = any(2) ? f->len + 1 + any(64) : any(f->len + 1), k;

	if (len == f->len || f->len > IMAGE_MAX)
		return;
	note(m, "%s %u: has %u bytes, not %u; ", name_of(f->type), i, len, f->len);
	f->body = need(realloc(f->body, len + 1));
	for (k = f->len; k < len; k++)
		f->body[k] = any64();
	f->len = f->claim = len;
	/* How much extended register state there is only its reader knows. */
	if (f->type != HPC_F_REGS || word_at(f, 0) != NT_X86_XSTATE)
		m->must = true;
}

/* Is @file the only description of a file that is mapped? */
static bool is_needed(const struct image *im, const struct frame *file)
{
	bool mapped = false, other = false;
	unsigned int i;

	for (i = 0; i < im->n; i++) {
		const struct frame *f = &im->frame[i];

		if (f->type == HPC_F_VMA)
			mapped |= word_at(f, offsetof(struct hpc_wire_vma, file)) == word_at(file, 0);
		if (f->type == HPC_F_FILE && f != file)
			other |= word_at(f, 0) == word_at(file, 0);
	}
	return mapped && !other;
}

/* Home numbered its files itself, and needs no descriptions. */
static bool at_home;

static bool has_pages(const struct image *im, const struct frame *vma)
{
	unsigned int i;

	for (i = 0; i < im->n; i++)
		if (im->frame[i].type == HPC_F_PAGES &&
		    long_at(&im->frame[i], 0) >= long_at(vma, 0) &&
		    long_at(&im->frame[i], 0) < long_at(vma, 8))
			return true;
	return false;
}

static void drop(struct image *im, struct mutation *m)
{
	unsigned int i = any_frame(im);
	struct frame *f = &im->frame[i];

	note(m, "%s %u: dropped; ", name_of(f->type), i);
	if (f->type == HPC_F_END)
		m->broken = true;
	if (f->type != HPC_F_PAGES && f->type != HPC_F_SIGINFO &&
	    !(f->type == HPC_F_FILE && (at_home || !is_needed(im, f))) &&
	    (f->type != HPC_F_VMA || has_pages(im, f)))
		m->must = true;
	image_remove(im, i);
}

static void duplicate(struct image *im, struct mutation *m)
{
	unsigned int i = any_frame(im), n = any(4) ? 1 : 1 + any(300);
	uint16_t type = im->frame[i].type;

	note(m, "%s %u: %u times more; ", name_of(type), i, n);
	/* An END is the end: what follows is looked at after the answer. */
	if (type != HPC_F_FILE && type != HPC_F_PAGES && type != HPC_F_SIGINFO &&
	    type != HPC_F_END)
		m->must = true;
	while (n--)
		image_insert(im, i, type, im->frame[i].body, im->frame[i].len);
}

/* In either order. */
static bool may_swap(uint16_t a, uint16_t b)
{
	return a == b || ((a == HPC_F_FILE || a == HPC_F_VMA) && (b == HPC_F_FILE || b == HPC_F_VMA));
}

static void swap(struct image *im, struct mutation *m)
{
	unsigned int i = any_frame(im), j = any(2) ? any_frame(im) : (i + 1) % im->n, k;
	struct frame f = im->frame[i];

	if (im->frame[i].type == im->frame[j].type)
		return;
	note(m, "%s %u and %s %u: swapped; ", name_of(f.type), i, name_of(im->frame[j].type), j);
	for (k = i < j ? i : j; k <= (i < j ? j : i); k++)
		if (!may_swap(im->frame[k].type, f.type) ||
		    !may_swap(im->frame[k].type, im->frame[j].type))
			m->must = true;
	if (f.type == HPC_F_END || im->frame[j].type == HPC_F_END)
		m->broken = true;
	im->frame[i] = im->frame[j];
	im->frame[j] = f;
}

/* Where a sound image has one, or few: very many. */
static void crowd(struct image *im, struct mutation *m)
{
	unsigned int i, n = 1 + any(4000);
	struct hpc_wire_file file = { 0 };
	struct hpc_wire_vma vma = { 0 };
	bool files = any(2);

	for (i = 0; i < im->n && im->frame[i].type != HPC_F_MM; i++)
		;
	if (i == im->n)
		return;
	note(m, "%u more %ss; ", n, files ? "FILE" : "VMA");
	while (n--) {
		file.id = htole32(1000 + n);
		file.ino = htole64(any64());
		vma.start = htole64((1ULL << 40) + n * 2 * PAGE);
		vma.end = htole64((1ULL << 40) + n * 2 * PAGE + PAGE);
		vma.flags = htole32(HPC_VMA_READ | HPC_VMA_WRITE);
		if (files)
			image_insert(im, i + 1, HPC_F_FILE, &file, sizeof(file));
		else
			image_insert(im, i + 1, HPC_F_VMA, &vma, sizeof(vma));
	}
}

/* What no program can ask for: to ignore or handle SIGKILL. */
static void unkillable(struct image *im, struct mutation *m)
{
	unsigned int i;

	for (i = 0; i < im->n && im->frame[i].type != HPC_F_ACTIONS; i++)
		;
	if (i == im->n || im->frame[i].len < SIGSTOP * sizeof(struct hpc_wire_action))
		return;
	im->frame[i].body[(SIGKILL - 1) * sizeof(struct hpc_wire_action)] = 1;
	im->frame[i].body[(SIGSTOP - 1) * sizeof(struct hpc_wire_action)] = 1;
	note(m, "SIGKILL is ignored; ");
}

/* What mmap() does not do: a file that grows down, or one beyond the end of all files. */
static void unmappable(struct image *im, struct mutation *m)
{
	unsigned int i = any(im->n), n;
	bool grows = any(2);
	struct frame *f;
	uint64_t pgoff;

	for (n = 0; n < im->n; n++, i = (i + 1) % im->n) {
		f = &im->frame[i];
		if (f->type == HPC_F_VMA && f->len == sizeof(struct hpc_wire_vma) &&
		    word_at(f, offsetof(struct hpc_wire_vma, file)))
			break;
	}
	if (n == im->n)
		return;
	pgoff = htole64(INT64_MAX / PAGE);
	if (grows)
		f->body[offsetof(struct hpc_wire_vma, flags)] |= HPC_VMA_GROWSDOWN;
	else
		memcpy(f->body + offsetof(struct hpc_wire_vma, pgoff), &pgoff, sizeof(pgoff));
	note(m, "VMA %u: a file %s; ", i, grows ? "that grows down" : "beyond the end of all");
}

static void cut_short(struct image *im, struct mutation *m)
{
	size_t len;

	free(image_bytes(im, &len));
	m->cut = 1 + any(len - 1);
	note(m, "ends after %zu of %zu bytes; ", m->cut, len);
	m->must = m->broken = true;
}

static void scribble(struct image *im, struct mutation *m)
{
	size_t len;

	free(image_bytes(im, &len));
	m->rubbish = 1 + any(len - sizeof(struct hpc_frame));
	note(m, "rubbish after %zu of %zu bytes; ", m->rubbish, len);
	m->must = m->broken = true;
}

static void mutate(struct image *im, struct mutation *m)
{
	static void (* const kinds[])(struct image *, struct mutation *) = {
		change_body, change_body, change_body, change_body, change_body, change_header,
		change_header, change_length, change_length, drop, duplicate, swap, crowd,
		unkillable, unmappable, cut_short, scribble,
	};
	unsigned int n = any(4) ? 1 : 1 + any(MUTATIONS_MAX);

	while (n-- && im->n > 1)
		kinds[any(sizeof(kinds) / sizeof(kinds[0]))](im, m);
	/* Of the image as it is now: a later mutation may have taken back an earlier one. */
	for (n = 0; n < im->n; n++)
		m->must |= is_unmappable(&im->frame[n]);
}

/* What goes over the wire. */
static uint8_t *wire_bytes(const struct image *im, const struct mutation *m, size_t *ret_len)
{
	uint8_t *bytes = image_bytes(im, ret_len);
	size_t i;

	for (i = m->rubbish; m->rubbish && i < *ret_len; i++)
		bytes[i] = any64();
	if (m->cut && m->cut < *ret_len)
		*ret_len = m->cut;
	return bytes;
}

/* --- what came of it ------------------------------------------------------------------------ */

static struct {
	unsigned int number, tried, refused, accepted, sound, wrong;
	unsigned int by_errno[134];
} tally;

static void __attribute__((format(printf, 2, 3))) wrong(const struct mutation *m,
							const char *format, ...)
{
	va_list ap;

	tally.wrong++;
	printf("wrong: %u: %s: ", tally.number, *m->text ? m->text : "unchanged");
	va_start(ap, format);
	vprintf(format, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
}

static void show_stack(pid_t pid)
{
	char path[64], text[2048];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stack", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text));
	if (n > 0)
		printf("%.*s", (int)n, text);
	if (fd >= 0)
		close(fd);
}

/* Its wait status; -1 if it does not end, which SIGKILL is the last try against. */
static int end_of(pid_t pid, const struct mutation *m)
{
	int64_t deadline = now_ms() + end_ms;
	bool killed = false;
	int status;
	pid_t got;

	for (;;) {
		got = waitpid(pid, &status, WNOHANG);
		if (got == pid)
			return killed ? -1 : status;
		if (got < 0)
			die("wait for %d", pid);
		if (now_ms() >= deadline) {
			wrong(m, "process %d does not end%s", pid, killed ? ", nor by SIGKILL" : "");
			show_stack(pid);
			/* It would be in the way of all that follow. */
			if (killed)
				tally.wrong += WRONG_MAX;
			if (killed)
				return -1;
			kill(pid, SIGKILL);
			killed = true;
			deadline = now_ms() + end_ms;
		}
		usleep(500);
	}
}

static bool documented(int error)
{
	return error == EPROTO || error == EOPNOTSUPP || error == ECONNRESET ||
	       error == ETIMEDOUT || error == ENOMEM;
}

static void refused(const struct mutation *m, int error)
{
	tally.refused++;
	if (error > 0 && error < 134)
		tally.by_errno[error]++;
	if (!documented(error))
		wrong(m, "refused with an error that is not documented: %s", strerror(error));
	if (!*m->text)
		wrong(m, "refused: %s", strerror(error));
}

/* --- arrival ---------------------------------------------------------------------------------- */

/* Of a guest that runs: what it asks for, until it tells its sum.  0: it did. */
static int serve(int fd, uint64_t *ret_sum)
{
	static int self = -1;
	int64_t deadline = now_ms() + answer_ms;
	uint8_t body[HPC_MAX_FETCH * PAGE + 64], *p;
	struct hpc_wire_result result = { .ret = htole64(-EBADF) };
	struct hpc_wire_fetch fetch;
	struct hpc_wire_pagedata data;
	struct report report;
	uint32_t len, n;
	uint16_t type;
	int ret;

	if (self < 0)
		self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	while (now_ms() < deadline) {
		ret = frame_head(fd, &type, &len);
		if (!ret && len > sizeof(body))
			return -EPROTO;
		ret = ret ?: read_all(fd, body, len, answer_ms);
		if (ret)
			return ret;
		if (type == HPC_F_FETCH && len == sizeof(fetch)) {
			memcpy(&fetch, body, sizeof(fetch));
			n = le32toh(fetch.count);
			if (!n || n > HPC_MAX_FETCH)
				return -EPROTO;
			memset(body, 0, n * PAGE + sizeof(data));
			data = (struct hpc_wire_pagedata) { .count = fetch.count };
			memcpy(body, &data, sizeof(data));
			p = body + sizeof(data);
			/* Past the end of the file there is nothing but zero. */
			if (pread(self, p, n * PAGE, le64toh(fetch.index) * PAGE) < 0)
				memset(p, 0, n * PAGE);
			ret = frame_send(fd, HPC_F_PAGEDATA, body, sizeof(data) + n * PAGE);
		} else if (type == HPC_F_CALL) {
			memcpy(&report, body + len - sizeof(report), sizeof(report));
			if (report.magic == REPORT_MAGIC) {
				*ret_sum = report.sum;
				return 0;
			}
			ret = frame_send(fd, HPC_F_RESULT, &result, sizeof(result));
		} else if (type != HPC_F_ACTION && type != HPC_F_MASK) {
			return -EPROTO;
		}
		if (ret)
			return ret;
	}
	return -ETIMEDOUT;
}

static volatile uint64_t marker;

/* The one that is to become somebody else; tells how it was refused. */
static void __attribute__((noreturn)) receiver(int sock, int tell)
{
	int error;

	marker = REPORT_MAGIC;
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (setresgid(NOBODY, NOBODY, NOBODY) || setresuid(NOBODY, NOBODY, NOBODY))
		_exit(1);
	error = -hpc_receive(device, sock);
	if (marker != REPORT_MAGIC)
		error = ESTALE;
	_exit(write(tell, &error, sizeof(error)) == sizeof(error) ? 0 : 1);
}

static void arrive(const struct image *sound, uint64_t sum)
{
	struct mutation m = { 0 };
	struct image im = { 0 };
	int fd[2], tell[2], status, error = 0, ret = -ECONNRESET;
	uint64_t said = 0;
	size_t len;
	uint8_t *bytes;
	bool go, ran = false;
	pid_t pid;

	image_copy(&im, sound);
	if (tally.number % 50)
		mutate(&im, &m);
	bytes = wire_bytes(&im, &m, &len);
	go = !*m.text || any(2);
	connection(fd);
	if (pipe2(tell, O_CLOEXEC))
		die("pipe");
	pid = fork();
	if (pid < 0)
		die("fork");
	if (!pid) {
		close(fd[0]);
		close(tell[0]);
		receiver(fd[1], tell[1]);
	}
	close(fd[1]);
	close(tell[1]);
	write_all(fd[0], bytes, len);
	if (m.broken)
		shutdown(fd[0], SHUT_WR);
	ret = frame_next(fd[0]);
	if (ret == -ETIMEDOUT) {
		wrong(&m, "no answer");
		show_stack(pid);
	}
	if (ret == HPC_F_READY) {
		tally.accepted++;
		if (m.must)
			wrong(&m, "taken for good");
		ran = go && !frame_send(fd[0], HPC_F_GO, NULL, 0);
		if (ran)
			ret = serve(fd[0], &said);
		if (go && !*m.text && (ret || said != sum))
			wrong(&m, "an image as it should be does not run: %s, sum %#llx",
			      strerror(-ret), (unsigned long long)said);
		tally.sound += go && !ret && said == sum;
	}
	close(fd[0]);
	status = end_of(pid, &m);
	if (read_all(tell[0], &error, sizeof(error), 0) == 0) {
		if (error == ESTALE)
			wrong(&m, "the process is not what it was before");
		else if (ret != HPC_F_READY || error != ECONNRESET)
			refused(&m, error);
	} else if (status >= 0 && !WIFSIGNALED(status) && ret < 0 && !ran) {
		/* One that runs ends as its changed memory and registers have it. */
		wrong(&m, "ended with status %#x and no word", status);
	}
	close(tell[0]);
	free(bytes);
	image_free(&im);
}

/* --- return ------------------------------------------------------------------------------------ */

/* Sends a subject away, to us; its image.  -errno. */
static int send_away(pid_t pid, int fd[2], struct image *im)
{
	int64_t deadline = now_ms() + answer_ms;
	int ret;

	do
		ret = hpc_send(device, pid, fd[1], NODE);
	while (ret == -EBUSY && now_ms() < deadline && !usleep(1000));
	close(fd[1]);
	return ret ?: image_receive(fd[0], im);
}

static void come_back(const struct image *sound, uint64_t sum)
{
	struct mutation m = { 0 };
	struct image im = { 0 };
	pid_t pid = subject_start();
	int fd[2], ret, status, i;
	uint32_t where = 0;
	uint8_t *bytes;
	size_t len;

	(void)sound;
	(void)sum;
	connection(fd);
	ret = send_away(pid, fd, &im);
	ret = ret ?: frame_send(fd[0], HPC_F_READY, NULL, 0);
	if (!ret && frame_next(fd[0]) != HPC_F_GO)
		ret = -EPROTO;
	ret = ret ?: frame_send(fd[0], HPC_F_WANTHOME, NULL, 0);
	if (!ret && frame_next(fd[0]) != HPC_F_BRING)
		ret = -EPROTO;
	if (ret)
		wrong(&m, "a process that is to go away: %s", strerror(-ret));
	if (tally.number % 50)
		mutate(&im, &m);
	bytes = wire_bytes(&im, &m, &len);
	write_all(fd[0], bytes, len);
	if (m.broken)
		shutdown(fd[0], SHUT_WR);
	ret = frame_next(fd[0]);
	close(fd[0]);
	if (ret == HPC_F_TAKEN) {
		tally.accepted++;
		if (m.must)
			wrong(&m, "taken for good");
		/* Home said so just before it is so. */
		for (i = 0; i < answer_ms && !hpc_where(pid, &where) && where; i++)
			usleep(1000);
		if (i == answer_ms)
			wrong(&m, "taken, but not at home");
		if (!*m.text && waitpid(pid, &status, WNOHANG))
			wrong(&m, "an image as it should be ends with status %#x", status);
		tally.sound += !*m.text;
		kill(pid, SIGKILL);
		end_of(pid, &m);
	} else {
		if (ret == -ETIMEDOUT) {
			wrong(&m, "no answer");
			show_stack(pid);
		}
		if (!*m.text)
			wrong(&m, "an image as it should be is refused");
		tally.refused++;
		status = end_of(pid, &m);
		if (status >= 0 && (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL))
			wrong(&m, "ended with status %#x", status);
	}
	free(bytes);
	image_free(&im);
}

/* --- all of them ---------------------------------------------------------------------------------- */

/* An image as it should be, and the sum that its process tells. */
static void capture(struct image *ret_image, uint64_t *ret_sum)
{
	struct hpc_wire_refused w = { .error = htole32(EPROTO) };
	size_t words = DATA_PAGES * PAGE / sizeof(uint64_t), i;
	uint64_t *data = need(calloc(words, sizeof(*data))), seed = 1;
	pid_t pid = subject_start();
	int fd[2], ret;

	for (i = 0; i < words; i++)
		if (i * sizeof(uint64_t) / PAGE % 8)
			data[i] = mix(seed++);
	*ret_sum = sum_of(data, words);
	free(data);
	connection(fd);
	ret = send_away(pid, fd, ret_image);
	if (ret) {
		errno = -ret;
		die("the image of process %d", pid);
	}
	frame_send(fd[0], HPC_F_REFUSED, &w, sizeof(w));
	close(fd[0]);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

int main(int argc, char **argv)
{
	void (*one)(const struct image *, uint64_t);
	struct image sound = { 0 };
	uint64_t seed, sum;
	unsigned int i, first, count;

	if (argc == 3 && !strcmp(argv[1], "subject"))
		return subject(atoi(argv[2]));
	if (argc != 5 || (strcmp(argv[1], "arrive") && strcmp(argv[1], "return"))) {
		fputs("usage: imagefuzz arrive|return SEED FIRST COUNT\n", stderr);
		return 2;
	}
	at_home = !strcmp(argv[1], "return");
	one = at_home ? come_back : arrive;
	seed = strtoull(argv[2], NULL, 0);
	first = strtoul(argv[3], NULL, 0);
	count = strtoul(argv[4], NULL, 0);
	if (getenv("SLOWNESS")) {
		answer_ms *= atoi(getenv("SLOWNESS"));
		end_ms *= atoi(getenv("SLOWNESS"));
	}
	signal(SIGPIPE, SIG_IGN);
	device = hpc_open(O_RDWR);
	if (device < 0) {
		errno = -device;
		die("%s", HPC_DEVICE);
	}
	capture(&sound, &sum);
	for (i = first; i < first + count && tally.wrong < WRONG_MAX; i++) {
		tally.number = i;
		tally.tried++;
		random_state = mix(mix(seed) + i);
		one(&sound, sum);
		if (count > 1000 && (i + 1) % 1000 == 0) {
			printf("so far: %u tried, %u wrong\n", tally.tried, tally.wrong);
			fflush(stdout);
		}
	}
	printf("tried %u refused %u accepted %u sound %u wrong %u errors", tally.tried,
	       tally.refused, tally.accepted, tally.sound, tally.wrong);
	for (i = 0; i < sizeof(tally.by_errno) / sizeof(tally.by_errno[0]); i++)
		if (tally.by_errno[i])
			printf(" %s:%u", strerrorname_np(i), tally.by_errno[i]);
	putchar('\n');
	return tally.wrong ? 1 : 0;
}
