# SPDX-License-Identifier: GPL-2.0-only
#
# What goes on a medium.  The node image is an initramfs; HARDWARE=1 adds the
# kernel's modules, for machines that are not QEMU's.

NODE_DIR      := $(B)/node
NODE_PACKAGES := $(B)/node/packages
NODE_SOURCES  := rootfs/common rootfs/node image/node image/pack-cpio
NODE_PROGRAMS  = $(addprefix $(B)/userland/,$(shell sed 's/\#.*//' image/node/programs.list | awk '{ print $$1 }'))

TESSERA_VERSION   := $(or $(shell git describe --tags --always --dirty 2>/dev/null),unknown)
SOURCE_DATE_EPOCH ?= $(or $(shell git log -1 --format=%ct 2>/dev/null),0)
export TESSERA_VERSION SOURCE_DATE_EPOCH

ifeq ($(HARDWARE),1)
node: NODE_IMAGE   := $(NODE_DIR)/initramfs-hw.cpio.zst
node: NODE_MODULES := $(B)/kernel/$(KERNEL)/modules
node: modules
else
node: NODE_IMAGE   := $(NODE_DIR)/initramfs.cpio.zst
node: NODE_MODULES :=
endif

# Machines booted from the same image trust each other, and no others.
CLUSTER_KEY ?= $(B)/cluster.key
export TESSERA_CLUSTER_KEY = $(abspath $(CLUSTER_KEY))

.PHONY: node node-hardware node-packages

# Both images in one run of make.
node-hardware:
	@$(MAKE) node HARDWARE=1

node-packages:
	@config/need apt-get dpkg-deb tar
	@wanted=$$(image/fetch-packages --wanted config/packages/node.list) && \
	config/stage $(NODE_PACKAGES) -s "$$wanted" image/fetch-packages -- \
		image/fetch-packages config/packages/node.list

$(B)/cluster.key:
	@mkdir -p $(@D)
	@(umask 077 && head -c 24 /dev/urandom | base64 > $@.work)
	@mv $@.work $@

node: node-packages userland $(CLUSTER_KEY) ## the node image, an initramfs (HARDWARE=1: with drivers for real PCs)
	@config/need zstd objdump strip depmod /usr/bin/python3
	@config/stage $(NODE_IMAGE) -s "$(TESSERA_VERSION) $(SOURCE_DATE_EPOCH)" \
		$(NODE_SOURCES) $(NODE_PACKAGES).key $(CLUSTER_KEY) $(shell ls $(NODE_PROGRAMS) 2>/dev/null) $(NODE_MODULES) -- \
		image/node/build-initramfs $(NODE_PACKAGES) $(B)/userland $(NODE_MODULES)
