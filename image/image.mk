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

# The image proper has no secret and may be given to anybody (node*.cpio.zst);
# initramfs*.cpio.zst is that with the cluster's key behind it.
ifeq ($(HARDWARE),1)
node: NODE_SUFFIX   := -hw
node: NODE_MODULES  := $(B)/kernel/$(KERNEL)/modules
node: NODE_FIRMWARE := $(if $(FIRMWARE),$(B)/node/firmware)
node: modules $(if $(FIRMWARE),node-firmware)
else
node: NODE_SUFFIX   :=
node: NODE_MODULES  :=
node: NODE_FIRMWARE :=
endif
node: NODE_IMAGE    = $(NODE_DIR)/node$(NODE_SUFFIX).cpio.zst
NODE_KEY := $(NODE_DIR)/key.cpio.zst

# Machines booted from the same image trust each other, and no others.
CLUSTER_KEY ?= $(B)/cluster.key

.PHONY: node node-hardware node-packages node-firmware

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

# Of the packages named in FIRMWARE what the kernel's modules ask for.
node-firmware:
	@mirrors=$$(rootfs/mirrors) && \
	config/stage $(B)/node/firmware -s "$(FIRMWARE)" -s "$(SUITE)" image/node/fetch-firmware \
		$(B)/kernel/$(KERNEL)/modules -- \
		image/node/fetch-firmware $(SUITE) $$mirrors $(B)/kernel/$(KERNEL)/modules $(FIRMWARE)

node: node-packages userland $(CLUSTER_KEY) ## the node image, an initramfs (HARDWARE=1: with drivers for real PCs)
	@config/need zstd objdump strip depmod /usr/bin/python3
	@config/stage $(NODE_IMAGE) -s "$(TESSERA_VERSION) $(SOURCE_DATE_EPOCH)" \
		$(NODE_SOURCES) $(NODE_PACKAGES).key $(shell ls $(NODE_PROGRAMS) 2>/dev/null) \
		$(NODE_MODULES) $(NODE_FIRMWARE) -- \
		image/node/build-initramfs $(NODE_PACKAGES) $(B)/userland $(NODE_MODULES) $(NODE_FIRMWARE)
	@config/stage $(NODE_KEY) -s "$(SOURCE_DATE_EPOCH)" $(CLUSTER_KEY) image/node/build-key image/pack-cpio -- \
		image/node/build-key $(CLUSTER_KEY)
	@config/stage $(NODE_DIR)/initramfs$(NODE_SUFFIX).cpio.zst $(NODE_IMAGE) $(NODE_KEY) -- \
		sh -c 'cat "$$@" > "$$OUT"' sh $(NODE_IMAGE) $(NODE_KEY)
