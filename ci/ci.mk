# SPDX-License-Identifier: GPL-2.0-only
#
# The cluster in a box: its hub, clusters for people to try, and the demonstration.  What a test
# needs of it is `hub`; tests start their clusters themselves.

HUB_OBJECTS   := $(patsubst %.c,$(B)/ci/obj/%.o,$(sort $(wildcard ci/hub/*.c)))
NETEM_OBJECTS := $(B)/ci/obj/ci/netem/netem.o

NODES ?= 3
UP    ?=
QUICK ?=
KEEP  ?=

.PHONY: hub up down demo

hub: $(B)/ci/hub $(B)/ci/netem ## the virtual network of emulated clusters

$(B)/ci/obj/%.o: %.c config/cflags.mk ci/ci.mk
	@config/need gcc
	$(call ul_run,CC,$(CC) $(TS_CFLAGS) -MMD -MP -c -o $@ $<)

$(B)/ci/hub: $(HUB_OBJECTS)
	$(call ul_run,LINK,$(CC) $(TS_LDFLAGS) -o $@ $^ -lm)

# Copied into nodes, whatever C library those have.
$(B)/ci/netem: $(NETEM_OBJECTS)
	$(call ul_run,LINK,$(CC) $(call ul_ldflags,-static-pie) -o $@ $^)

up: deps kernel node hub ## build and start emulated nodes, NODES=3 (UP='...': more options of ci/cluster up)
	@config/need qemu-system-x86_64 ip setpriv nsenter $(PYTHON)
	@ci/cluster up --nodes $(NODES) --kernel $(KERNEL) $(UP)

# What is booted: plain nodes, or the ISO image, from which the first node boots the others.
DEMO_NEEDS := $(if $(QUICK),kernel node rootfs hub,iso hub)

demo: deps ## a cluster at work, from the medium to the table of times (QUICK=1: plain nodes; NODES=3; KEEP=1: leave it on)
	@config/need -r qemu-system-x86_64 ip setpriv nsenter dnsmasq $(PYTHON)
	+@ci/demo/build $(LINUX)/o-base $(MAKE) $(DEMO_NEEDS)
	@$(PYTHON) ci/demo/run --nodes $(NODES) $(if $(QUICK),--quick) $(if $(KEEP),--keep)

down: ## end the emulated nodes that 'make up' started
	@ci/cluster down

-include $(HUB_OBJECTS:.o=.d) $(NETEM_OBJECTS:.o=.d)
