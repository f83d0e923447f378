/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a case is written with: a program that may be moved to another node at
 * certain points, and checks itself after each.
 *
 *	int main(void)
 *	{
 *		int fd = SYS(open("f", O_RDWR | O_CREAT, 0600));
 *
 *		while (away_again()) {
 *			SYS(write(fd, "abc", 3));
 *			away_point("in the middle");
 *			CHECK_EQ(lseek(fd, 0, SEEK_CUR), 3);
 *			...
 *		}
 *		return away_pass();
 *	}
 *
 * The program neither knows nor cares whether it was moved.  A driver starts it
 * in an empty folder and talks to it by standard input and output: it reads
 *
 *	POINT number mode pid text	may be moved now; answered with a line
 *	HOME				makes calls that bring it home
 *	PASS | FAIL text | SKIP text	the result
 *
 * and answers "go", or "end" when this round of away_again() is to be the last.
 */
#ifndef TESTS_AWAY_H
#define TESTS_AWAY_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

/* --- points ---------------------------------------------------------------- */

/* Waits in read(2) until the driver has done what it wants. */
void away_point(const char *text);

/* The same in user mode: calls @work again and again meanwhile; it may be NULL. */
void away_spin(const char *text, void (*work)(void *), void *arg);

/*
 * What follows, up to away_call_end(), is the call in which the program is to be
 * moved.  away_timed() is for one that ends by a time: it is moved in its middle.
 */
void away_call(const char *text);
void away_timed(const char *text);
void away_call_end(void);

/* The process is to stay at home at this point, for the reason cantmove names. */
void away_stays(const char *word);

/* Another round?  As long as the driver has not said "end". */
bool away_again(void);

/* This case makes calls that bring it home; without it that is a failure. */
void away_goes_home(void);

/* --- results --------------------------------------------------------------- */

int away_pass(void);
void away_skip(const char *format, ...)
	__attribute__((noreturn, format(printf, 1, 2)));
void away_fail(const char *file, int line, const char *format, ...)
	__attribute__((noreturn, format(printf, 3, 4)));

#define FAIL(...)	away_fail(__FILE__, __LINE__, __VA_ARGS__)

#define CHECK(expr)	((expr) ? (void)0 : \
	away_fail(__FILE__, __LINE__, "%s, wanted true, got false", #expr))
#define CHECK_EQ(got, want) \
	away_check_eq(__FILE__, __LINE__, #got, (long long)(got), (long long)(want))
/* lo <= got <= hi */
#define CHECK_IN(got, lo, hi) \
	away_check_in(__FILE__, __LINE__, #got, (long long)(got), (long long)(lo), (long long)(hi))
#define CHECK_STR(got, want) \
	away_check_str(__FILE__, __LINE__, #got, got, want)
#define CHECK_MEM(got, want, len) \
	away_check_mem(__FILE__, __LINE__, #got, got, want, len)
/* The call fails, with this error and no other. */
#define CHECK_ERRNO(call, error) \
	(errno = 0, away_check_errno(__FILE__, __LINE__, #call, (long long)(call), error))
/* The call does not return -1; its value. */
#define SYS(call) \
	away_sys(__FILE__, __LINE__, #call, (long long)(call))
/* The call does not return NULL or MAP_FAILED; its value. */
#define PTR(call) \
	((__typeof__(call))away_ptr(__FILE__, __LINE__, #call, (void *)(call)))

void away_check_eq(const char *file, int line, const char *expr, long long got, long long want);
void away_check_in(const char *file, int line, const char *expr, long long got,
		   long long lo, long long hi);
void away_check_str(const char *file, int line, const char *expr, const char *got,
		    const char *want);
void away_check_mem(const char *file, int line, const char *expr, const void *got,
		    const void *want, size_t len);
void away_check_errno(const char *file, int line, const char *expr, long long ret, int want);
long long away_sys(const char *file, int line, const char *expr, long long ret);
void *away_ptr(const char *file, int line, const char *expr, void *p);

/* --- helpers: processes that stay at home ---------------------------------- */

/*
 * Starts a process that runs @fn(fd, arg) and ends with this one; *@fd is the
 * other end of its fd.  To be called before the first point: fork(2) brings home.
 */
pid_t away_helper(void (*fn)(int fd, void *arg), void *arg, int *fd);

/* One byte to or from the other side; a helper ends when there is none. */
void away_tell(int fd, char c);
char away_hear(int fd);
/* Tells, and waits for the same as an answer. */
void away_ask(int fd, char c);

/* In a helper: waits for the end of the moves of away_call(). */
void away_moved(void);
/*
 * In a helper: waits until the program sleeps in a call that a signal can end.  While
 * it computes, here or on another node, it does not.
 */
void away_asleep(void);
/* Takes the place of away_call_end() if a helper has used away_moved(). */
void away_helped(void);

/* --- things many cases need ------------------------------------------------ */

/* Nanoseconds of a clock. */
int64_t away_now(clockid_t clock);
#define MS 1000000LL
#define SECOND 1000000000LL
/* Two nodes' ideas of the same time may differ by what a message takes. */
#define SKEW (150 * MS)
/* How late what waits for a time may be: moves take time too. */
#define LATE (1400 * MS)
/* How long that is to last in which away_timed() has the program moved. */
#define TIMED (2400 * MS)

/* A number that depends on all of @seed and @i, and memory full of such. */
uint64_t away_mix(uint64_t seed, uint64_t i);
void away_fill(void *p, size_t len, uint64_t seed);
/* The offset of the first byte that is not as away_fill() left it, -1 for none. */
ssize_t away_differs(const void *p, size_t len, uint64_t seed);
#define CHECK_FILLED(p, len, seed) CHECK_EQ(away_differs(p, len, seed), -1)

/* Reads or writes all of it, or fails. */
void away_read(int fd, void *p, size_t len);
void away_write(int fd, const void *p, size_t len);
/* The whole file, with a zero behind; to be freed. */
char *away_slurp(const char *path, size_t *len);

#endif
