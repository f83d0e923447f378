// SPDX-License-Identifier: GPL-2.0-only
/* See load.h. */

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <linux/hpc.h>

#include "load.h"
#include "hpcd/balance.h"

#define STEP_MS		50
#define LOAD_MS		250	/* the kernel's average */
#define ROUND_MS	1000	/* of each balancer, and of what is told */
#define COMING_MS	3000	/* until a job that moved shows in what is told */

#define RTT_US		300
#define BYTES_PER_MS	100000
#define MOVE_MS		60
#define MOVES_AT_ONCE	8

#define MIB		(1ull << 20)

struct job {
	uint32_t home, at;	/* index of the node */
	double left_ms;		/* of the standard processor */
	double work_ms, born_ms, used_ms;
	double talk;		/* calls for each second of processor time */
	double frozen_until;
	uint64_t rss;
	double moved[3];	/* when, the newest first */
	unsigned int moves, minute;
};

struct sim_node {
	struct balance_node told;	/* what the others know */
	double speed, cpus;
	double running, average;
	uint64_t tmem, used;
	bool up;
	unsigned int phase;
	uint32_t *job;		/* that are its own */
	size_t n, room;
	struct { uint32_t to; double at; } sent[32];
	unsigned int n_sent;
};

struct sim {
	const struct load_setup *setup;
	enum load_policy policy;
	uint64_t random, work_random;
	struct sim_node *node;
	struct job *job;
	size_t jobs, done, room;
	double now, slowdown, total_rate;
	double *fastest;	/* processors, for the oracle */
	size_t n_fastest;
	struct balance_room balance_room;
	struct balance_node *view;
	struct balance_process *process;
	uint32_t *process_job;
	size_t processes_room;
	struct load_result result;
};

static double chance(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (double)(*state >> 11) / (double)(1ULL << 53);
}

static void *grow(void *array, size_t *room, size_t need, size_t size)
{
	if (need <= *room)
		return array;
	*room = need * 2 + 16;
	array = realloc(array, *room * size);
	if (!array)
		abort();
	return array;
}

/* --- the machines -------------------------------------------------------------------- */

static void nodes_make(struct sim *s)
{
	static const double speeds[] = { 0.5, 1, 1, 2, 2, 4 };
	static const double cpus[] = { 1, 1, 2, 4, 8 };
	unsigned int i;

	s->node = calloc(s->setup->nodes, sizeof(*s->node));
	s->view = calloc(s->setup->nodes, sizeof(*s->view));
	for (i = 0; i < s->setup->nodes; i++) {
		struct sim_node *n = &s->node[i];

		n->speed = s->setup->unequal ? speeds[(int)(chance(&s->work_random) * 6)] : 1;
		n->cpus = s->setup->unequal ? cpus[(int)(chance(&s->work_random) * 5)] : 1;
		n->tmem = (s->setup->unequal ? 1 + (int)(chance(&s->work_random) * 16) : 8) *
			  1024 * MIB;
		n->phase = (unsigned int)(chance(&s->random) * (ROUND_MS / STEP_MS)) * STEP_MS;
		/* Some are absent at first, so that there is someone to come. */
		n->up = !s->setup->churn_s || i % 8 != 7;
		s->total_rate += n->up ? n->speed * n->cpus : 0;
	}
}

static void tell(struct sim_node *n, uint32_t id)
{
	uint64_t used = n->used < n->tmem ? n->used : n->tmem;

	n->told = (struct balance_node) {
		.id = id, .usable = n->up, .leaving = !n->up, .cpus = n->cpus,
		.speed = n->speed * HPC_SPEED_STANDARD,
		.load = n->average * 100 / n->cpus / n->speed,
		.tmem = n->tmem, .mem = n->tmem - used,
	};
}

static void job_move(struct sim *s, struct job *j, uint32_t to)
{
	if (j->at == to)
		return;
	s->node[j->at].used -= j->rss;
	s->node[to].used += j->rss;
	j->at = to;
	j->frozen_until = s->now + MOVE_MS + (double)j->rss / BYTES_PER_MS;
	j->moves++;
	j->minute = 1;
	if (j->moves > 1 && s->now - j->moved[0] < 60000)
		j->minute++;
	if (j->moves > 2 && s->now - j->moved[1] < 60000)
		j->minute++;
	if (j->moves > 3 && s->now - j->moved[2] < 60000)
		j->minute++;
	memmove(&j->moved[1], &j->moved[0], 2 * sizeof(j->moved[0]));
	j->moved[0] = s->now;
	if (j->minute > s->result.worst_minute)
		s->result.worst_minute = j->minute;
}

/* --- the jobs -------------------------------------------------------------------------- */

static void job_start(struct sim *s, uint32_t home)
{
	struct sim_node *n = &s->node[home];
	double u = chance(&s->work_random);
	struct job *j;

	s->job = grow(s->job, &s->room, s->jobs + 1, sizeof(*s->job));
	n->job = grow(n->job, &n->room, n->n + 1, sizeof(*n->job));
	n->job[n->n++] = s->jobs;
	j = &s->job[s->jobs++];
	/* Many short ones, few long ones: Pareto with a mean of three times the least. */
	*j = (struct job) {
		.home = home, .at = home, .born_ms = s->now,
		.work_ms = fmin(s->setup->length_s * 1000 / 3 / pow(1 - u, 2.0 / 3),
				s->setup->length_s * 30000),
		.talk = chance(&s->work_random) < s->setup->talkers ? 20000 : 5,
		.rss = (1 + (uint64_t)(chance(&s->work_random) * chance(&s->work_random) * 200)) *
		       MIB,
	};
	j->left_ms = j->work_ms;
	n->used += j->rss;
}

static void jobs_come(struct sim *s)
{
	const struct load_setup *setup = s->setup;
	double per_ms = s->total_rate * setup->use / (setup->length_s * 1000);
	unsigned int hot = setup->nodes * setup->hot + 1, i, k;
	double want = per_ms * STEP_MS;

	if (setup->burst) {
		/* As much work, but in heaps. */
		if (chance(&s->work_random) < want / setup->burst) {
			k = chance(&s->work_random) * fmin(hot, setup->nodes);
			for (i = 0; i < setup->burst && s->node[k].up; i++)
				job_start(s, k);
		}
		return;
	}
	for (; want > 0; want -= 1) {
		k = chance(&s->work_random) * fmin(hot, setup->nodes);
		if (chance(&s->work_random) < want && s->node[k].up)
			job_start(s, k);
	}
}

static void job_done(struct sim *s, struct job *j)
{
	double alone = j->work_ms / s->node[j->home].speed;

	s->slowdown += (s->now + STEP_MS - j->born_ms) / fmax(alone, STEP_MS);
	s->node[j->at].used -= j->rss;
	j->left_ms = 0;
	s->done++;
	s->result.moves += j->moves;
}

static double job_rate(const struct sim *s, const struct job *j)
{
	const struct sim_node *n = &s->node[j->at];
	double rate = n->speed * (n->running > n->cpus ? n->cpus / n->running : 1);

	/* A round trip for every call: a second of work takes that much longer. */
	if (j->at != j->home)
		rate = 1 / (1 / rate + j->talk * RTT_US / 1e6);
	return rate;
}

static int faster(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x < *y) - (*x > *y);
}

/* What @jobs get if each has a processor of its own as long as there are enough, the fastest first. */
static double oracle_share(struct sim *s, double jobs)
{
	double sum = 0, taken = 0;
	size_t i, n = 0;
	int cpu;

	if (!s->fastest) {
		s->fastest = malloc(s->setup->nodes * 8 * sizeof(*s->fastest));
		for (i = 0; i < s->setup->nodes; i++)
			for (cpu = 0; s->node[i].up && cpu < s->node[i].cpus; cpu++)
				s->fastest[n++] = s->node[i].speed;
		qsort(s->fastest, n, sizeof(*s->fastest), faster);
		s->n_fastest = n;
	}
	for (i = 0; i < s->n_fastest && taken < jobs; i++, taken++)
		sum += s->fastest[i];
	return jobs ? sum / jobs : 0;
}

static void jobs_run(struct sim *s)
{
	double share = 0, waiting = 0;
	size_t i;

	for (i = 0; i < s->setup->nodes; i++)
		s->node[i].running = 0;
	for (i = 0; i < s->jobs; i++) {
		if (s->job[i].left_ms <= 0)
			continue;
		waiting++;
		if (s->job[i].frozen_until <= s->now)
			s->node[s->job[i].at].running += 1;
	}
	if (s->policy == LOAD_ORACLE)
		share = oracle_share(s, waiting);
	for (i = 0; i < s->jobs; i++) {
		struct job *j = &s->job[i];
		double rate;

		if (j->left_ms <= 0 || j->frozen_until > s->now)
			continue;
		rate = s->policy == LOAD_ORACLE ? share : job_rate(s, j);
		j->used_ms += rate * STEP_MS;
		j->left_ms -= rate * STEP_MS;
		if (j->left_ms <= 0)
			job_done(s, j);
	}
}

/* --- the balancers ----------------------------------------------------------------------- */

static void guest_room(struct sim *s, size_t need)
{
	size_t room = s->processes_room;

	s->process = grow(s->process, &room, need, sizeof(*s->process));
	room = s->processes_room;
	s->process_job = grow(s->process_job, &room, need, sizeof(*s->process_job));
	s->processes_room = room;
}

static void own_jobs_compact(struct sim *s, struct sim_node *n)
{
	size_t i, kept = 0;

	for (i = 0; i < n->n; i++)
		if (s->job[n->job[i]].left_ms > 0)
			n->job[kept++] = n->job[i];
	n->n = kept;
}

static size_t processes_of(struct sim *s, uint32_t self)
{
	struct sim_node *n = &s->node[self];
	size_t i, count = 0;
	double guests = n->running;

	own_jobs_compact(s, n);
	guest_room(s, n->n + 1);
	for (i = 0; i < n->n; i++) {
		const struct job *j = &s->job[n->job[i]];

		guests -= j->at == self && j->frozen_until <= s->now;
		if (j->frozen_until > s->now)
			continue;
		s->process_job[count] = n->job[i];
		s->process[count++] = (struct balance_process) {
			.pid = n->job[i] + 1, .node = j->at + 1, .away = j->at != self,
			.may_move = true, .demand = 1000, .talk = j->talk, .rss = j->rss,
			.cpu_ms = j->used_ms, .moves = s->now - j->moved[0] < 60000 && j->moves ?
				j->minute : 0,
			.since_ms = j->moves ? s->now - j->moved[0] : BALANCE_NEVER,
		};
	}
	/* Guests are load, whoever they are. */
	if (guests > 0)
		s->process[count++] = (struct balance_process) {
			.guest = true, .node = self + 1, .demand = guests * 1000,
		};
	return count;
}

static void view_make(struct sim *s, uint32_t self)
{
	struct sim_node *n = &s->node[self];
	unsigned int i, kept = 0;

	for (i = 0; i < s->setup->nodes; i++)
		s->view[i] = s->node[i].told;
	for (i = 0; i < n->n_sent; i++) {
		if (s->now - n->sent[i].at > COMING_MS)
			continue;
		s->view[n->sent[i].to].coming += 1000;
		n->sent[kept++] = n->sent[i];
	}
	n->n_sent = kept;
	/* Of itself it knows how it is now. */
	tell(n, self + 1);
	s->view[self] = n->told;
}

static double clock_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * 1e3 + ts.tv_nsec / 1e6;
}

static void balance(struct sim *s, uint32_t self)
{
	struct balance_move moves[MOVES_AT_ONCE];
	struct balance_input in = {
		.self = self + 1, .rtt_us = RTT_US, .bytes_per_ms = BYTES_PER_MS,
		.move_ms = MOVE_MS, .nodes = s->view, .n_nodes = s->setup->nodes,
	};
	struct sim_node *n = &s->node[self];
	double begin;
	int i, count;

	in.n_processes = processes_of(s, self);
	in.processes = s->process;
	if (!in.n_processes)
		return;
	view_make(s, self);
	begin = clock_ms();
	count = balance_decide(&in, &s->balance_room, &s->random, moves, MOVES_AT_ONCE);
	s->result.worst_decision_ms = fmax(s->result.worst_decision_ms, clock_ms() - begin);
	for (i = 0; i < count; i++) {
		uint32_t to = moves[i].node ? moves[i].node - 1 : self;

		if (moves[i].pid == 0 || !s->node[to].up)
			continue;
		job_move(s, &s->job[moves[i].pid - 1], to);
		if (to != self && n->n_sent < 32) {
			n->sent[n->n_sent].to = to;
			n->sent[n->n_sent++].at = s->now;
		}
	}
}

/* A clean end: guests go home, and the node's own jobs come back to wait for it. */
static void node_leave(struct sim *s, uint32_t which)
{
	size_t i;

	for (i = 0; i < s->jobs; i++) {
		struct job *j = &s->job[i];

		if (j->left_ms > 0 && j->at == which && j->home != which)
			job_move(s, j, j->home);
		/* They die with their home: for the figures they are done. */
		if (j->left_ms > 0 && j->home == which)
			job_done(s, j);
	}
	s->node[which].up = false;
	s->node[which].told.usable = false;
	s->node[which].told.leaving = true;
	s->total_rate -= s->node[which].speed * s->node[which].cpus;
}

static void churn(struct sim *s)
{
	uint32_t leaves, comes = chance(&s->work_random) * s->setup->nodes;
	unsigned int tries;

	for (tries = 0; tries < s->setup->nodes && s->node[comes].up; tries++)
		comes = (comes + 1) % s->setup->nodes;
	leaves = chance(&s->work_random) * s->setup->nodes;
	for (tries = 0; tries < s->setup->nodes && !s->node[leaves].up; tries++)
		leaves = (leaves + 1) % s->setup->nodes;
	if (!s->node[comes].up) {
		s->node[comes].up = true;
		s->node[comes].average = 0;
		s->total_rate += s->node[comes].speed * s->node[comes].cpus;
	}
	node_leave(s, leaves);
	free(s->fastest);
	s->fastest = NULL;
}

static bool due(const struct sim *s, unsigned int every, unsigned int phase)
{
	return ((uint64_t)s->now + every - phase % every) % every == 0;
}

static void step(struct sim *s)
{
	unsigned int i;

	if (s->setup->churn_s && s->now > 0 && due(s, s->setup->churn_s * 1000, 0))
		churn(s);
	if (s->now < s->setup->seconds * 1000.0)
		jobs_come(s);
	jobs_run(s);
	if (s->policy == LOAD_BALANCER) {
		for (i = 0; i < s->setup->nodes; i++) {
			struct sim_node *n = &s->node[i];

			if (due(s, LOAD_MS, n->phase))
				n->average = (n->average * 6 + n->running * 2) / 8;
			if (due(s, ROUND_MS, n->phase))
				tell(n, i + 1);
			if (n->up && due(s, ROUND_MS, n->phase + ROUND_MS / 2))
				balance(s, i);
		}
	}
	s->now += STEP_MS;
}

struct load_result load_simulate(const struct load_setup *setup, enum load_policy policy)
{
	struct sim s = {
		.setup = setup, .policy = policy, .random = setup->seed * 77 + 1,
		.work_random = setup->seed * 1000003 + 1,
	};
	unsigned int i;

	nodes_make(&s);
	for (i = 0; i < setup->nodes; i++)
		tell(&s.node[i], i + 1);
	while (s.now < setup->seconds * 1000.0 || s.done < s.jobs)
		step(&s);
	s.result.jobs = s.jobs;
	s.result.slowdown = s.slowdown / s.jobs;
	s.result.moves /= s.jobs;
	s.result.makespan_s = s.now / 1000;
	for (i = 0; i < setup->nodes; i++)
		free(s.node[i].job);
	free(s.node);
	free(s.view);
	free(s.job);
	free(s.fastest);
	free(s.process);
	free(s.process_job);
	balance_room_free(&s.balance_room);
	return s.result;
}
