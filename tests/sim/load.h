/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A cluster of balancers in virtual time.
 *
 * Every node decides with the real balance_decide(), once a second, by figures as
 * old as they are in a real cluster: the kernel's running average of a node's load,
 * told to the others once a second.  Jobs compute, talk to home, take memory to move,
 * and pay for it.  With LOAD_NONE nothing moves; LOAD_ORACLE gives every job a
 * processor of its own, the fastest there are, or an equal share if there are too few,
 * at once and for nothing.
 */
#ifndef TESSERA_SIM_LOAD_H
#define TESSERA_SIM_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum load_policy { LOAD_BALANCER, LOAD_NONE, LOAD_ORACLE };

/**
 * struct load_setup - what is simulated
 * @nodes:	how many
 * @seconds:	for which jobs come; it goes on until all are done
 * @seed:	of everything that is left to chance
 * @use:	of all processors together, 0 to 1, on average
 * @unequal:	nodes differ in speed (1:8), processors (1 to 8) and memory
 * @burst:	so many jobs at once, all on one node, now and then; 0: no bursts
 * @hot:	share of the nodes on which jobs are started
 * @churn_s:	every so many seconds a node leaves and an absent one comes; 0: never
 * @talkers:	share of the jobs that talk to home all the time
 * @length_s:	mean processor time of a job on the standard processor
 */
struct load_setup {
	unsigned int nodes;
	unsigned int seconds;
	uint64_t seed;
	double use;
	bool unequal;
	unsigned int burst;
	double hot;
	unsigned int churn_s;
	double talkers;
	double length_s;
};

/**
 * struct load_result - what came of it
 * @jobs:	done
 * @slowdown:	mean of (time it took / time it would take alone at home)
 * @makespan_s:	until the last was done
 * @moves:	for each job, on average
 * @worst_minute: most moves of one job within a minute
 * @worst_decision_ms: longest time balance_decide() took
 */
struct load_result {
	unsigned int jobs;
	double slowdown;
	double makespan_s;
	double moves;
	unsigned int worst_minute;
	double worst_decision_ms;
};

struct load_result load_simulate(const struct load_setup *setup, enum load_policy policy);

#endif
