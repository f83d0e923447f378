# SPDX-License-Identifier: GPL-2.0-only
#
# `make test` builds what the tests look at, runs them folder by folder, and
# ends with one line: how many passed and failed.
#
#	make test				everything, VM tests on the base kernel
#	make test KERNEL=debug			those that exercise the kernel, on the debug
#						kernel: hours without virtualization
#	make test TESTS=tests/unit		only that (a folder, a file, file::test)
#	make test PYTEST_OPTIONS='-k alias -x'	options of pytest

TEST_RESULTS := $(B)/test-results

# Each with what must be there before it can run.
TEST_FOLDERS        := unit build driver netns image media vm away
TEST_NEEDS_unit     := unit-tests
TEST_NEEDS_build    := kernel userland userland-tests hub
TEST_NEEDS_driver   := hub userland
TEST_NEEDS_netns    := userland
TEST_NEEDS_image    := kernel node node-hardware rootfs
TEST_NEEDS_media    := netboot debs iso-test hub
TEST_NEEDS_vm       := kernel kunit-modules node rootfs hub userland-tests
TEST_NEEDS_away     := kernel node hub away-programs

# What the debug kernel is for.  The others ask the same of it, slowly, or nothing.
TEST_DEBUG := $(addprefix tests/vm/,test_kunit.py test_node_table.py test_move.py \
	test_failures.py test_whole_programs.py test_endurance.py) tests/away

ifeq ($(KERNEL),debug)
TESTS ?= $(TEST_DEBUG)
else
TESTS ?= $(TEST_FOLDERS:%=tests/%)
endif
PYTEST_OPTIONS ?=

TEST_NEEDS := $(sort $(foreach f,$(TEST_FOLDERS),\
	$(if $(filter tests/$(f) tests/$(f)/%,$(TESTS)),$(TEST_NEEDS_$(f)))))

.PHONY: test lint
test: deps $(TEST_NEEDS) ## all tests (KERNEL=debug: those of the kernel, on the debug kernel; TESTS=folder)
	@config/need $(PYTHON) /usr/lib/python3/dist-packages/pytest objdump
	@TESSERA_BUILD=$(abspath $(B)) KERNEL=$(KERNEL) KERNEL_SOURCE=$(KERNEL_SOURCE) \
		tests/run $(TEST_RESULTS) $(TESTS) -- $(PYTEST_OPTIONS)

lint: kernel-tree ## shellcheck, codespell, Python and C style
	@config/need shellcheck codespell sparse perl
	@LINUX=$(LINUX) tests/lint

.PHONY: bench
bench: deps kernel node hub userland-tests $(B)/tests/unit/test_balance ## what moving costs, as ratios (BENCH='NAME...': only those)
	@config/need -r qemu-system-x86_64 ip $(PYTHON)
	@$(PYTHON) tests/bench/bench.py $(BENCH)

.PHONY: away-programs
away-programs:
	@config/need gcc
	@$(MAKE) -s -f tests/away/away.mk away-programs

.PHONY: soak
soak: deps kernel node hub userland-tests unit-tests away-programs $(if $(filter media demo,$(or $(SOAK),media)),iso debs $(TEST_NEEDS_media)) ## the long forms of tests: hours (SOAK='NAME...': only those, see tests/soak/run; SEED=N)
	@config/need -r qemu-system-x86_64 ip $(PYTHON)
	@tests/soak/run $(B)/soak-results $(SOAK)
