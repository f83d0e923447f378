# SPDX-License-Identifier: GPL-2.0-only
#
# The cluster in a box: its hub, and clusters for people to try.  What a test
# needs of it is `hub`; tests start their clusters themselves.

HUB_SOURCES := $(sort $(wildcard ci/hub/*.c))
HUB_OBJECTS := $(HUB_SOURCES:%.c=$(B)/ci/obj/%.o)

NODES ?= 3
UP    ?=

.PHONY: hub up down

hub: $(B)/ci/hub ## the virtual network of emulated clusters

$(B)/ci/obj/%.o: %.c config/cflags.mk ci/ci.mk
	@config/need gcc
	$(call ul_run,CC,$(CC) $(TS_CFLAGS) -MMD -MP -c -o $@ $<)

$(B)/ci/hub: $(HUB_OBJECTS)
	$(call ul_run,LINK,$(CC) $(TS_LDFLAGS) -o $@ $^ -lm)

up: hub ## start emulated nodes, NODES=3 (UP='...': more options of ci/cluster up)
	@ci/cluster up --nodes $(NODES) --kernel $(KERNEL) $(UP)

down: ## end the emulated nodes that 'make up' started
	@ci/cluster down

-include $(HUB_OBJECTS:.o=.d)
