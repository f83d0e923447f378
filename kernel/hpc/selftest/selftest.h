/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _HPC_SELFTEST_H
#define _HPC_SELFTEST_H

extern struct kunit_suite hpc_admin_suite;
extern struct kunit_suite hpc_nodes_suite;
extern struct kunit_suite hpc_load_suite;
extern struct kunit_suite hpc_ranges_suite;

#endif /* _HPC_SELFTEST_H */
