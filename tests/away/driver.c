// SPDX-License-Identifier: GPL-2.0-only
/*
 * The driver of the cases: starts each, moves it where the plan says at each of
 * its points, and prints TAP.
 *
 * A case is run in a child of the driver, which is its parent, so that a case
 * that does not end, or leaves processes behind, hurts no other; --jobs runs
 * several of them side by side.  away.h has the protocol.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_GROUPS	32
#define MAX_STEPS	8
#define MAX_CASES	1000
#define MAX_PROCESSES	64
#define STAY		(-1)	/* a step that does nothing */
#define HOME		0
/* A move that takes longer is one that does not happen. */
#define MOVE_SECONDS	20

struct group {
	int	steps;
	int	node[MAX_STEPS];
};

static struct {
	struct group	plan[MAX_GROUPS];
	int		groups;
	int		nodes[MAX_GROUPS];	/* those of the plan, for --random */
	int		nnodes;
	double		random;
	unsigned long	seed;
	double		timeout;
	const char	*dir;
	const char	*mover;
	int		jobs;
	bool		engine;
} opt = { .timeout = 60, .seed = 1, .dir = "/tmp", .jobs = 1 };

/**
 * struct run - a case that runs
 * @name:	file name of its program
 * @pid:	of the process it was started as
 * @target:	of the process that said the last POINT
 * @in:		its standard input
 * @out:	its standard output
 * @deadline:	when it is to be over
 * @away:	where the target was left, STAY for unknown
 * @may_return:	it makes calls that bring it home
 * @next_move:	when, if at random
 * @points:	so far
 * @moves:	so far
 * @passed:	it said so
 * @skip:	why it was skipped, or empty
 * @why:	the first thing that was wrong, or empty
 */
struct run {
	const char	*name;
	pid_t		pid;
	pid_t		target;
	int		in;
	int		out;
	double		deadline;
	int		away;
	bool		may_return;
	double		next_move;
	int		points;
	int		moves;
	bool		passed;
	char		skip[256];
	char		why[1024];
	char		buf[4096];
	size_t		have;
	char		last[256];
};

/* Remarks are said after the result. */
static FILE *remarks;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void nap(double seconds)
{
	struct timespec t = { (time_t)seconds, (long)((seconds - (time_t)seconds) * 1e9) };

	if (seconds > 0)
		nanosleep(&t, NULL);
}

static void __attribute__((format(printf, 2, 3)))
wrong(struct run *r, const char *format, ...)
{
	va_list ap;

	if (r->why[0])
		return;
	va_start(ap, format);
	vsnprintf(r->why, sizeof(r->why), format, ap);
	va_end(ap);
}

/* --- what /proc says ------------------------------------------------------- */

static ssize_t proc_read(pid_t pid, const char *file, char *text, size_t size)
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, size - 1);
	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = 0;
	return n;
}

/* Node number, HOME, or -1 if there is no such process. */
static int where(pid_t pid)
{
	char text[32];

	return proc_read(pid, "where", text, sizeof(text)) > 0 ? atoi(text) : -1;
}

/* The letter that ps shows; 'X' if there is none. */
static char state(pid_t pid)
{
	char text[512], *p;

	if (proc_read(pid, "stat", text, sizeof(text)) <= 0)
		return 'X';
	p = strrchr(text, ')');
	return p && p[1] ? p[2] : 'X';
}

static bool gone(pid_t pid)
{
	return strchr("XZ", state(pid));
}

static void print_indented(const char *title, const char *text)
{
	char copy[4096], *line, *save;

	snprintf(copy, sizeof(copy), "%s", text);
	fprintf(remarks, "#   %s:\n", title);
	for (line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		fprintf(remarks, "#     %s\n", line);
}

static void describe(pid_t pid)
{
	static const char * const files[] = {
		"status", "where", "nmigs", "cantmove", "timers", "wchan", "syscall", "stack",
	};
	char text[4096], title[64];
	size_t i;

	for (i = 0; i < sizeof(files) / sizeof(*files); i++) {
		if (proc_read(pid, files[i], text, sizeof(text)) <= 0)
			continue;
		snprintf(title, sizeof(title), "/proc/%d/%s", pid, files[i]);
		print_indented(title, text);
	}
	fprintf(remarks, "#   /proc/%d state: %c\n", pid, state(pid));
}

/* --- moving ---------------------------------------------------------------- */

static const char *node_word(int node)
{
	static char text[16];

	if (node == HOME)
		return "home";
	snprintf(text, sizeof(text), "%d", node);
	return text;
}

static int ask_goto(pid_t pid, int node)
{
	const char *word = node_word(node);
	char path[64];
	int fd, ret = 0;

	snprintf(path, sizeof(path), "/proc/%d/goto", pid);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, word, strlen(word)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

/* 0 asked; otherwise -errno.  A mover that fails says why on standard error. */
static int ask_move(pid_t pid, int node)
{
	char who[16];
	int status;
	pid_t mover;

	if (!opt.mover)
		return ask_goto(pid, node);
	snprintf(who, sizeof(who), "%d", pid);
	mover = fork();
	if (!mover) {
		dup2(STDERR_FILENO, STDOUT_FILENO);
		execlp(opt.mover, opt.mover, who, node_word(node), NULL);
		_exit(127);
	}
	if (mover < 0 || waitpid(mover, &status, 0) != mover)
		return -ECHILD;
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -EBUSY;
}

static void not_moved(struct run *r, int node, const char *what)
{
	char reasons[256], *p;

	proc_read(r->target, "cantmove", reasons, sizeof(reasons));
	for (p = reasons; *p; p++)
		if (*p == '\n')
			*p = ' ';
	wrong(r, "point %s: move of %d to %s: %s; where %d, state %c, cantmove '%s'",
	      r->last, r->target, node_word(node), what, where(r->target),
	      state(r->target), reasons);
}

static void move(struct run *r, int node)
{
	double limit = now() + MOVE_SECONDS;
	int ret;

	if (node == STAY || where(r->target) == node || gone(r->target))
		return;
	ret = ask_move(r->target, node);
	if (ret && !gone(r->target)) {
		not_moved(r, node, strerror(-ret));
		return;
	}
	while (where(r->target) != node) {
		if (gone(r->target))
			return;
		if (now() > limit) {
			not_moved(r, node, "did not happen in time");
			return;
		}
		nap(0.005);
	}
	r->moves++;
}

/* Waits, not for long, until the target sleeps in its call. */
static void settle(struct run *r, double seconds)
{
	double limit = now() + 0.5;

	nap(seconds);
	while (state(r->target) == 'R' && now() < limit)
		nap(0.01);
}

/* --- moves at random moments ----------------------------------------------- */

static uint64_t dice_state;

static unsigned int dice(unsigned int n)
{
	dice_state ^= dice_state << 13;
	dice_state ^= dice_state >> 7;
	dice_state ^= dice_state << 17;
	return (unsigned int)(dice_state >> 33) % n;
}

static void move_somewhere(struct run *r)
{
	int node = dice(2) ? HOME : opt.nodes[dice(opt.nnodes)];
	int ret;

	if (where(r->target) == node)
		return;
	ret = ask_move(r->target, node);
	/* Busy with the move before, or not at home to anybody any more. */
	if (ret && ret != -EBUSY && ret != -ESRCH && ret != -ENOENT)
		not_moved(r, node, strerror(-ret));
	r->moves += !ret;
}

static void plan_next(struct run *r)
{
	r->next_move = now() + dice(400) / 1000.0;
}

/* The time given in a call or a sleep, in which it goes on being moved. */
static void move_for(struct run *r, double seconds)
{
	double until = now() + seconds;

	while (now() < until) {
		nap(0.01);
		if (now() < r->next_move)
			continue;
		move_somewhere(r);
		plan_next(r);
	}
}

/* --- points ---------------------------------------------------------------- */

/* Refused, for the reason that the case named. */
static void stay(struct run *r, const char *word)
{
	char reasons[256];
	int ret;

	if (!opt.engine || !opt.nnodes)
		return;
	if (where(r->target) != HOME) {
		wrong(r, "point %s: to stay at home because of '%s', but is at node %d",
		      r->last, word, where(r->target));
		return;
	}
	ret = ask_goto(r->target, opt.nodes[0]);
	proc_read(r->target, "cantmove", reasons, sizeof(reasons));
	if (ret != -EBUSY)
		wrong(r, "point %s: writing to goto, wanted EBUSY, got %s", r->last,
		      ret ? strerrorname_np(-ret) : "success");
	if (!strstr(reasons, word))
		wrong(r, "point %s: cantmove, wanted '%s' in it, got '%s'", r->last, word, reasons);
}

static void walk(struct run *r, const struct group *g, const char *mode)
{
	double pause = !strcmp(mode, "timed") ? 1.6 : !strcmp(mode, "in-call") ? 0.15 : 0;
	int i;

	for (i = 0; i < g->steps && !r->why[0]; i++) {
		/* The first from the middle of what it does, the others soon. */
		if (g->node[i] != STAY && pause > 0)
			settle(r, i ? 0.1 : pause);
		move(r, g->node[i]);
	}
	r->away = where(r->target);
}

static void answer(struct run *r, bool last)
{
	const char *text = last ? "end\n" : "go\n";

	/* It may have ended meanwhile; that is found out elsewhere. */
	if (write(r->in, text, strlen(text)) < 0 && errno != EPIPE)
		wrong(r, "writing to the case: %s", strerror(errno));
}

static double ends_random;

static void take_point(struct run *r, const char *line)
{
	char mode[16], text[200] = "";
	int number, pid;

	if (sscanf(line, "POINT %d %15s %d %199[^\n]", &number, mode, &pid, text) < 3) {
		wrong(r, "not understood: %s", line);
		return;
	}
	snprintf(r->last, sizeof(r->last), "%d (%s)", number, text);
	if (opt.random) {
		r->target = pid;
		r->points++;
		if (!strcmp(mode, "timed") || !strcmp(mode, "in-call"))
			move_for(r, dice(300) / 1000.0);
		answer(r, now() >= ends_random);
		return;
	}
	if (opt.engine && r->target == pid && r->away > 0 && !r->may_return &&
	    where(pid) == HOME && !gone(pid))
		wrong(r, "came home by itself before point %s", r->last);
	r->target = pid;
	if (!strcmp(mode, "stays"))
		stay(r, text);
	else
		walk(r, &opt.plan[r->points % opt.groups], mode);
	r->points++;
	answer(r, r->points >= opt.groups);
}

/* --- one case -------------------------------------------------------------- */

static void take_line(struct run *r, char *line)
{
	if (!strncmp(line, "POINT ", 6)) {
		take_point(r, line);
	} else if (!strcmp(line, "HOME")) {
		r->may_return = true;
	} else if (!strcmp(line, "PASS")) {
		r->passed = true;
	} else if (!strncmp(line, "FAIL ", 5)) {
		wrong(r, "%s%s%s%s", line + 5, r->points ? " [after point " : "",
		      r->points ? r->last : "", r->points ? "]" : "");
		if (opt.engine && r->points)
			fprintf(remarks, "#   was left on node %d\n", r->away);
	} else if (!strncmp(line, "SKIP ", 5)) {
		snprintf(r->skip, sizeof(r->skip), "%.250s", line + 5);
	} else {
		fprintf(remarks, "#   says: %s\n", line);
	}
}

/* False when all is said, or something is wrong. */
static bool take_lines(struct run *r)
{
	struct pollfd out = { .fd = r->out, .events = POLLIN };
	char *end;
	ssize_t n;

	for (;;) {
		double next = opt.random ? r->next_move : r->deadline;
		double wait = (next < r->deadline ? next : r->deadline) - now();

		if (opt.random && wait <= 0) {
			move_somewhere(r);
			plan_next(r);
		}
		n = poll(&out, 1, wait > 0 ? (int)(wait * 1000) + 1 : 0);
		if (n)
			break;
		if (now() >= r->deadline) {
			wrong(r, "took longer than %g s, since point %s", opt.timeout,
			      r->points ? r->last : "none");
			describe(r->target);
			return false;
		}
	}
	n = read(r->out, r->buf + r->have, sizeof(r->buf) - r->have - 1);
	if (n <= 0)
		return false;
	r->have += n;
	r->buf[r->have] = 0;
	while (!r->why[0] && (end = strchr(r->buf, '\n'))) {
		*end++ = 0;
		take_line(r, r->buf);
		r->have -= end - r->buf;
		memmove(r->buf, end, r->have + 1);
	}
	return !r->why[0] && !r->passed && !r->skip[0] && r->have < sizeof(r->buf) - 1;
}

/* Ends all that is left of it; they are our children when their parents are gone. */
static void kill_all(struct run *r)
{
	char path[64], list[4096], *p, *save;
	double limit = now() + 10;
	int tries;

	snprintf(path, sizeof(path), "task/%d/children", getpid());
	kill(r->pid, SIGKILL);
	kill(-r->pid, SIGKILL);
	for (tries = 0; now() < limit; tries++) {
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		if (proc_read(getpid(), path, list, sizeof(list)) <= 0)
			return;
		for (p = strtok_r(list, "\n ", &save); p; p = strtok_r(NULL, "\n ", &save))
			kill(atoi(p), SIGKILL);
		nap(0.01);
	}
	proc_read(getpid(), path, list, sizeof(list));
	wrong(r, "processes %s do not end by SIGKILL", list);
	describe(atoi(list));
}

static void take_status(struct run *r, int status)
{
	if (WIFSIGNALED(status))
		wrong(r, "ended by signal %d after point %s", WTERMSIG(status),
		      r->points ? r->last : "none");
	else if (WEXITSTATUS(status))
		wrong(r, "exit status %d after point %s", WEXITSTATUS(status),
		      r->points ? r->last : "none");
	else if (!r->passed && !r->skip[0])
		wrong(r, "ended without a result, after point %s",
		      r->points ? r->last : "none");
}

static void finish(struct run *r)
{
	double limit = now() + 5;
	int status;

	close(r->in);
	/* A failed one may be in the middle of anything. */
	while (!r->why[0]) {
		if (waitpid(r->pid, &status, WNOHANG) == r->pid) {
			take_status(r, status);
			break;
		}
		if (now() > limit) {
			wrong(r, "said all and does not end");
			describe(r->pid);
		}
		nap(0.005);
	}
	kill_all(r);
	close(r->out);
}

static void start(struct run *r, char **argv)
{
	int in[2], out[2];

	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC)) {
		perror("driver: pipe");
		exit(2);
	}
	fflush(stdout);
	r->pid = fork();
	if (!r->pid) {
		setsid();
		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		signal(SIGPIPE, SIG_DFL);
		execv(argv[0], argv);
		perror(argv[0]);
		_exit(127);
	}
	r->target = r->pid;
	close(in[0]);
	close(out[1]);
	r->in = in[1];
	r->out = out[0];
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void run_once(struct run *r, char **argv)
{
	char dir[256];

	snprintf(dir, sizeof(dir), "%s/away-XXXXXX", opt.dir);
	if (!mkdtemp(dir) || chdir(dir)) {
		fprintf(stderr, "driver: %s: %s; name another folder by --dir\n", dir,
			strerror(errno));
		exit(2);
	}
	r->deadline = now() + opt.timeout + opt.random;
	r->away = STAY;
	r->passed = false;
	start(r, argv);
	plan_next(r);
	while (take_lines(r))
		;
	finish(r);
	if (chdir("/") || nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS))
		fprintf(remarks, "#   %s remains: %s\n", dir, strerror(errno));
}

static bool ok_case(int number, const char *name, char **argv)
{
	struct run r = { .name = name };
	double began = now();
	char *said = NULL;
	size_t len;

	remarks = open_memstream(&said, &len);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	dice_state = opt.seed * 0x9e3779b97f4a7c15 + number;
	ends_random = began + opt.random;
	/* One that is over before its time is run again. */
	do
		run_once(&r, argv);
	while (now() < ends_random && !r.why[0] && !r.skip[0]);
	if (opt.random && !r.moves && !r.why[0] && !r.skip[0] && r.points)
		wrong(&r, "was never moved");

	printf("%s %d - %s%s%s\n", r.why[0] ? "not ok" : "ok", number, name,
	       r.skip[0] ? " # SKIP " : "", r.skip);
	if (r.why[0])
		printf("#   %s\n", r.why);
	fclose(remarks);
	fputs(said, stdout);
	free(said);
	printf("#   %d points, %d moves, %.1f s\n", r.points, r.moves, now() - began);
	fflush(stdout);
	return !r.why[0];
}

/* --- all of them ----------------------------------------------------------- */

struct job {
	pid_t	pid;
	int	report;
};

/* One case in a process of its own, whose output comes out in one piece. */
static void begin(struct job *job, int number, char *words)
{
	char *argv[16] = {}, *save, *word;
	char path[4096];
	const char *slash;
	int n = 0;

	job->report = memfd_create("report", 0);
	fflush(stdout);
	job->pid = fork();
	if (job->pid)
		return;
	dup2(job->report, STDOUT_FILENO);
	for (word = strtok_r(words, ":", &save); word && n < 15; word = strtok_r(NULL, ":", &save))
		argv[n++] = word;
	slash = n ? strrchr(argv[0], '/') : NULL;
	if (!n || !realpath(argv[0], path)) {
		printf("not ok %d - %s\n#   %s\n", number, words, strerror(errno));
		fflush(stdout);
		_exit(1);
	}
	word = argv[0];
	argv[0] = path;
	_exit(!ok_case(number, slash ? slash + 1 : word, argv));
}

/* Copies the report of a case that is over; was it good? */
static bool end(struct job *job, int status)
{
	char text[4096];
	ssize_t n;

	lseek(job->report, 0, SEEK_SET);
	while ((n = read(job->report, text, sizeof(text))) > 0)
		fwrite(text, 1, n, stdout);
	fflush(stdout);
	close(job->report);
	job->pid = 0;
	return WIFEXITED(status) && !WEXITSTATUS(status);
}

static int run_all(char **cases, int n)
{
	struct job jobs[MAX_PROCESSES] = {};
	int next = 0, running = 0, failed = 0, status, i;
	pid_t pid;

	printf("TAP version 13\n1..%d\n", n);
	while (next < n || running) {
		for (i = 0; i < opt.jobs && next < n; i++) {
			if (jobs[i].pid)
				continue;
			begin(&jobs[i], next + 1, cases[next]);
			next++;
			running++;
		}
		pid = wait(&status);
		for (i = 0; i < opt.jobs; i++) {
			if (jobs[i].pid != pid)
				continue;
			failed += !end(&jobs[i], status);
			running--;
		}
	}
	printf("# %d of %d cases failed\n", failed, n);
	return failed ? 1 : 0;
}

/* --- command line ---------------------------------------------------------- */

static void usage(FILE *to)
{
	fputs("usage: driver [OPTION]... CASE[:ARGUMENT]...\n"
	      "Runs self-checking programs, moves them between nodes meanwhile, prints TAP.\n\n"
	      "  --plan PLAN      where to at each point: steps by ',', points by '/', from the\n"
	      "                   start again when there are more points; a step is a node number,\n"
	      "                   'home' or 'stay' (default: stay/stay, which moves nothing)\n"
	      "  --random SECONDS moves each case at random moments to nodes of the plan for so long\n"
	      "  --seed N         decides the random moments (default: 1)\n"
	      "  --timeout S      limit for each case (default: 60)\n"
	      "  --mover PROGRAM  runs PROGRAM PID NODE; default: writes to /proc/PID/goto\n"
	      "  --jobs N         cases that run at the same time (default: 1)\n"
	      "  --dir FOLDER     cases run in folders below it (default: /tmp)\n"
	      "  --help\n\n"
	      "Exit status: 0 all passed, 1 some failed, 2 wrong usage.\n", to);
}

static void bad_usage(const char *what, const char *word)
{
	fprintf(stderr, "driver: %s '%s'; see --help\n", what, word);
	exit(2);
}

static double number_of(const char *word, double lo, double hi)
{
	char *end;
	double x = strtod(word, &end);

	if (end == word || *end || !(x >= lo && x <= hi))
		bad_usage("wrong number", word);
	return x;
}

static void note_node(int node)
{
	int i;

	for (i = 0; i < opt.nnodes; i++)
		if (opt.nodes[i] == node)
			return;
	if (opt.nnodes < MAX_GROUPS)
		opt.nodes[opt.nnodes++] = node;
}

static int step_of(const char *word)
{
	if (!strcmp(word, "home"))
		return HOME;
	if (!strcmp(word, "stay"))
		return STAY;
	return (int)number_of(word, 1, 65535);
}

static void parse_plan(char *text)
{
	char *group, *step, *save, *save_step;

	for (group = strtok_r(text, "/", &save); group; group = strtok_r(NULL, "/", &save)) {
		struct group *g = &opt.plan[opt.groups++];

		if (opt.groups > MAX_GROUPS)
			bad_usage("too many points from", group);
		for (step = strtok_r(group, ",", &save_step); step;
		     step = strtok_r(NULL, ",", &save_step)) {
			if (g->steps == MAX_STEPS)
				bad_usage("too many steps from", step);
			g->node[g->steps] = step_of(step);
			if (g->node[g->steps] > 0)
				note_node(g->node[g->steps]);
			g->steps++;
		}
	}
	if (!opt.groups)
		bad_usage("no points in", text);
}

static const struct option options[] = {
	{ "plan",	required_argument, NULL, 'p' },
	{ "random",	required_argument, NULL, 'r' },
	{ "seed",	required_argument, NULL, 's' },
	{ "timeout",	required_argument, NULL, 't' },
	{ "mover",	required_argument, NULL, 'm' },
	{ "jobs",	required_argument, NULL, 'j' },
	{ "dir",	required_argument, NULL, 'd' },
	{ "help",	no_argument,	   NULL, 'h' },
	{}
};

int main(int argc, char **argv)
{
	char nowhere[] = "stay/stay", *plan = nowhere;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'p':
			plan = optarg;
			break;
		case 'r':
			opt.random = number_of(optarg, 1, 1e6);
			break;
		case 's':
			opt.seed = (unsigned long)number_of(optarg, 0, 1e15);
			break;
		case 't':
			opt.timeout = number_of(optarg, 1, 1e6);
			break;
		case 'm':
			opt.mover = optarg;
			break;
		case 'j':
			opt.jobs = (int)number_of(optarg, 1, MAX_PROCESSES);
			break;
		case 'd':
			opt.dir = optarg;
			break;
		case 'h':
			usage(stdout);
			return 0;
		default:
			usage(stderr);
			return 2;
		}
	}
	parse_plan(plan);
	if (optind == argc || argc - optind > MAX_CASES)
		bad_usage("cases to run, got", argv[optind] ? argv[optind] : "none");
	opt.engine = !access("/proc/self/where", R_OK);
	if (!opt.engine && opt.nnodes)
		bad_usage("this kernel moves no processes, so not by the plan", plan);
	if (opt.random && !opt.nnodes)
		bad_usage("--random needs nodes in --plan, got", plan);
	signal(SIGPIPE, SIG_IGN);
	return run_all(argv + optind, argc - optind);
}
