# SPDX-License-Identifier: GPL-2.0-only
#
# The kernel: Debian's source + patches/ + kernel/, configured by config/kernel/.
#
# KERNEL=base    what users boot; hardware as modules
# KERNEL=debug   the same with every check switched on
#
# One source tree for all; each kernel's objects are in a folder o-* inside it,
# where the kernel's own makefiles use relative paths, so that ccache finds
# objects again in another checkout.

KERNEL_SOURCE ?= /usr/src/linux-source-6.12.tar.xz
KERNEL_SHA256 ?=
export KERNEL_SHA256

LINUX   := $(B)/kernel/linux
K_OBJ    = $(LINUX)/o-$(KERNEL)
K_OUT    = $(B)/kernel/$(KERNEL)

K_FRAGMENTS_base  := config/kernel/base.config config/kernel/hardware.config
K_FRAGMENTS_debug := config/kernel/base.config config/kernel/debug.config
K_FRAGMENTS = $(K_FRAGMENTS_$(KERNEL))

ifneq ($(KERNEL),$(filter $(KERNEL),base debug))
$(error KERNEL=$(KERNEL): there are 'base' and 'debug')
endif

# Nothing of the build machine gets into the kernel.
K_MAKE = $(MAKE) -C $(LINUX) O=o-$(KERNEL) LOCALVERSION= \
	 KBUILD_BUILD_USER=tessera KBUILD_BUILD_HOST=tessera \
	 KBUILD_BUILD_VERSION=1 KBUILD_BUILD_TIMESTAMP='$(K_DATE)' \
	 -j$(JOBS) CC="$(K_CCACHE)gcc" HOSTCC="$(K_CCACHE)gcc" $(if $(V),V=$(V),-s)
K_DATE = $(shell LC_ALL=C date -u -r $(LINUX)/Makefile)
K_HOW_MUCH = $(if $(wildcard $(K_OUT)/bzImage),what has changed,(10 to 25 minutes when nothing is cached))
K_CCACHE := $(if $(shell command -v ccache),ccache )
export CCACHE_NOHASHDIR = 1
export CCACHE_SLOPPINESS = time_macros

K_TOOLS := bc bison flex gcc ld make patch perl rsync sha256sum tar xz zstd

.PHONY: kernel modules kernel-tree kernel-config kunit-modules

kernel-tree:
	@config/need $(K_TOOLS)
	@kernel/prepare $(KERNEL_SOURCE) $(LINUX)

kernel-config: kernel-tree
	@kernel/configure $(LINUX) $(K_OBJ) $(K_FRAGMENTS)

kernel: kernel-config ## build the kernel (KERNEL=base or debug)
	@echo "  KERNEL  $(KERNEL): compiling $(K_HOW_MUCH)"
	+@$(K_MAKE) bzImage
	@kernel/publish file $(K_OBJ)/arch/x86/boot/bzImage $(K_OUT)/bzImage
	@kernel/publish file $(K_OBJ)/System.map $(K_OUT)/System.map
	@kernel/publish file $(K_OBJ)/.config $(K_OUT)/config

modules: kernel ## build the hardware modules of the base kernel
	@config/need depmod
	@echo "  MODULES $(KERNEL): compiling"
	+@$(K_MAKE) modules
	+@rm -rf $(K_OUT)/modules.work
	+@$(K_MAKE) modules_install INSTALL_MOD_PATH=$(abspath $(K_OUT)/modules.work) INSTALL_MOD_STRIP=1
	@rm -f $(K_OUT)/modules.work/lib/modules/*/build
	@kernel/publish dir $(K_OUT)/modules.work $(K_OUT)/modules

# The engine's unit tests and what they run in, for the tests to load in a node.
kunit-modules: kernel
	+@$(K_MAKE) lib/kunit/kunit.ko kernel/hpc/hpc_test.ko
	@mkdir -p $(K_OUT)/kunit
	@kernel/publish file $(K_OBJ)/lib/kunit/kunit.ko $(K_OUT)/kunit/kunit.ko
	@kernel/publish file $(K_OBJ)/kernel/hpc/hpc_test.ko $(K_OUT)/kunit/hpc_test.ko
