// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of the engine, one file for each part.
 */

#include <kunit/test.h>
#include <linux/module.h>

#include "selftest.h"

kunit_test_suites(&hpc_admin_suite, &hpc_nodes_suite, &hpc_load_suite,
		  &hpc_ranges_suite);

MODULE_DESCRIPTION("KUnit tests of the migration engine");
MODULE_IMPORT_NS(EXPORTED_FOR_KUNIT_TESTING);
MODULE_LICENSE("GPL");
