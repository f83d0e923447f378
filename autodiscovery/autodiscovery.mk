# SPDX-License-Identifier: GPL-2.0-only
#
# Discovery: omdiscd, and the long forms of its tests.

OMDISCD      := $(UL_DIR)/omdiscd
OMDISCD_SRCS := $(sort $(wildcard autodiscovery/*.c)) $(call ul_tool)

$(OMDISCD): $(call ul_objects,$(UL_OBJ),$(OMDISCD_SRCS))
	$(call ul_run,LINK,$(CC) $(TS_LDFLAGS) -o $@ $^ -lsodium)

$(patsubst %.c,$(UL_OBJ)/%.o,$(wildcard autodiscovery/*.c)): | ul-need-sodium

.PHONY: ul-need-sodium soak-discovery
ul-need-sodium:
	@config/need gcc /usr/include/sodium.h

userland: $(OMDISCD)
UL_PROGRAMS += $(OMDISCD)
UL_SBIN     += omdiscd
$(UL_DIR)/compile-commands.log: $(OMDISCD)

soak-discovery: unit-tests ## discovery with 1,000 nodes for hours of virtual time, and a million mutated packets
	tests/soak/run $(B)/soak-results packets discovery
