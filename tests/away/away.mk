# SPDX-License-Identifier: GPL-2.0-only
#
# Self-checking programs that are moved between nodes, and their driver.  Each
# cases/NAME.c is a program; cases/NAME.plugin.c is a shared object that it loads.

ifndef TS_CFLAGS
B := build
include config/cflags.mk
endif

AWAY_DIR     := $(B)/tests/away
AWAY_PLUGINS := $(patsubst tests/away/cases/%.plugin.c,$(AWAY_DIR)/%.so,\
		$(wildcard tests/away/cases/*.plugin.c))
AWAY_SRCS    := $(filter-out %.plugin.c,$(sort $(wildcard tests/away/cases/*.c)))
AWAY_CASES   := $(AWAY_SRCS:tests/away/cases/%.c=$(AWAY_DIR)/cases/%)

# Those that load something need the C library they load it with.
AWAY_DYNAMIC := $(AWAY_PLUGINS:$(AWAY_DIR)/%.so=$(AWAY_DIR)/cases/%)

AWAY_STATIC_LDFLAGS := $(filter-out -pie,$(TS_LDFLAGS)) -static-pie
$(AWAY_DYNAMIC): private AWAY_STATIC_LDFLAGS := $(TS_LDFLAGS) -rdynamic

# $(call away_run,WORD,command): quietly unless V=1, and kept beside its output
define away_run
@mkdir -p $(@D)
$(if $(V),,@printf '  %-7s %s\n' '$(1)' '$(@:$(B)/%=%)')
$(if $(V),,@)$(2)
@printf '%s\n' '$(2)' > $@.cmd
endef

$(AWAY_DIR)/obj/%.o: tests/away/%.c config/cflags.mk tests/away/away.mk
	$(call away_run,CC,$(CC) $(TS_CFLAGS) -Itests/away -MMD -MP -c -o $@ $<)

$(AWAY_CASES): $(AWAY_DIR)/cases/%: $(AWAY_DIR)/obj/cases/%.o $(AWAY_DIR)/obj/away.o
	$(call away_run,LINK,$(CC) $(AWAY_STATIC_LDFLAGS) -o $@ $^ -lm)

$(AWAY_DIR)/driver: $(AWAY_DIR)/obj/driver.o
	$(call away_run,LINK,$(CC) $(AWAY_STATIC_LDFLAGS) -o $@ $^)

$(AWAY_PLUGINS): $(AWAY_DIR)/%.so: tests/away/cases/%.plugin.c config/cflags.mk
	$(call away_run,LINK,$(CC) $(TS_CFLAGS) -fPIC -shared -o $@ $<)

.PHONY: away-programs
away-programs: $(AWAY_CASES) $(AWAY_PLUGINS) $(AWAY_DIR)/driver

.SECONDARY:
-include $(wildcard $(AWAY_DIR)/obj/*.d $(AWAY_DIR)/obj/cases/*.d)
