# SPDX-License-Identifier: GPL-2.0-only
#
# Tessera: many PCs, one computer.  `make` alone lists what can be made.
#
# Each part has its own fragment in its own folder; everything they make is
# below build/.  Stages are keyed by the content of their inputs (config/stage)
# and replaced only when complete, so an interrupted build goes on where it was.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-print-directory --no-builtin-rules

B      := build
KERNEL ?= base
JOBS   ?= $(shell nproc)
PYTHON ?= /usr/bin/python3
export PYTHON

include config/cflags.mk
include kernel/kernel.mk
include userland/userland.mk
include autodiscovery/autodiscovery.mk
include rootfs/rootfs.mk
include image/image.mk
include image/media.mk
include ci/ci.mk
include tests/tests.mk

.PHONY: help deps clean distclean

help:
	@echo "Tessera: turn a room full of PCs into one computer."
	@echo
	@echo "usage: make TARGET [VARIABLE=value...]"
	@echo
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / { printf "  %-10s %s\n", $$1, $$2 }' \
		$(MAKEFILE_LIST) | sort -u
	@echo
	@echo "  KERNEL=base|debug   which kernel to build, boot or test"
	@echo "  V=1                 show commands"

deps: ## install the Debian packages that building and testing need (as root)
	@config/need apt-get dpkg-query
	@config/install-packages config/packages/build.list

clean: ## remove what was built, but the kernel tree and downloaded packages
	@config/clean $(B) kernel/linux rootfs/cache node/packages

distclean: ## remove everything that was built or downloaded
	@config/clean $(B)
