# SPDX-License-Identifier: GPL-2.0-only
#
# Programs of ours, and their unit tests.
#
# A program is a line PROGRAM_<name> := its sources; PROGRAM_LDFLAGS_<name>
# adds to the link, e.g. -static-pie, and PROGRAM_LIBS_<name> comes last in it.
# Every compile and link command is kept beside its output (*.cmd); all of them
# together are compile-commands.log.

ifndef TS_CFLAGS
include config/cflags.mk
endif

comma := ,

PREFIX  ?= /usr
DESTDIR ?=

UL_DIR      := $(B)/userland
UL_INCLUDES := -Ikernel/include/uapi -Iuserland/libhpc -Iuserland -I$(UL_DIR)

LIBHPC_SRCS := $(sort $(wildcard userland/libhpc/*.c))

# $(call ul_tool,SOURCES): with what all programs say alike
ul_tool = $(addprefix userland/tools/,$(1) tool.c) $(LIBHPC_SRCS)

PROGRAM_setpe   := $(call ul_tool,setpe.c apply.c table.c)
PROGRAM_showmap := $(call ul_tool,showmap.c table.c)
PROGRAM_migrate := $(call ul_tool,migrate.c)
PROGRAM_mosctl  := $(call ul_tool,mosctl.c)
# Also runhome, runon, nomig, cpujob, iojob, nodecay, slowdecay, fastdecay.
PROGRAM_mosrun  := userland/tools/mosrun.c userland/tools/tool.c $(LIBHPC_SRCS)
PROGRAM_mps     := $(call ul_tool,mps.c proclist.c)
PROGRAM_mtop    := $(call ul_tool,mtop.c screen.c proclist.c)
PROGRAM_mosmon  := $(call ul_tool,mosmon.c screen.c proclist.c)
# Curses is in the program, so that a node needs no library for it.
PROGRAM_LIBS_mtop   := -Wl,-Bstatic -lncurses -ltinfo -Wl,-Bdynamic
PROGRAM_LIBS_mosmon := $(PROGRAM_LIBS_mtop)
MOSRUN_LINKS    := runhome runon nomig cpujob iojob nodecay slowdecay fastdecay
PROGRAM_hpcd    := $(sort $(wildcard userland/hpcd/*.c)) $(call ul_tool)
PROGRAM_hpcd-guests := userland/hpcd-guests/main.c $(addprefix userland/hpcd/,clock.c proto.c sandbox.c) \
	$(LIBHPC_SRCS)

# The agent runs before, and without, any C library on the node's file system.
PROGRAM_tessera-agent         := $(sort $(wildcard userland/agent/*.c))
PROGRAM_LDFLAGS_tessera-agent := -static-pie

PROGRAMS := setpe showmap migrate mosctl mosrun mosmon mps mtop hpcd hpcd-guests tessera-agent

# Self-checking programs for the emulated nodes: one file each, no C library
# of the node's needed.
VM_PROGRAM_SRCS := $(sort $(wildcard tests/vm/programs/*.c))
VM_PROGRAMS     := $(VM_PROGRAM_SRCS:tests/vm/programs/%.c=$(B)/tests/%)

MAN_PAGES := $(sort $(wildcard userland/man/*.[1-9]))

# --- how -----------------------------------------------------------------------

# $(call ul_run,WORD,command): runs it, quietly unless V=1, and keeps it.
define ul_run
@mkdir -p $(@D)
$(if $(V),,@printf '  %-7s %s\n' '$(1)' '$(@:$(B)/%=%)')
$(if $(V),,@)$(2)
@printf '%s\n' '$(2)' > $@.cmd
endef

# $(call ul_objects,FOLDER,SOURCES)
ul_objects = $(patsubst %.c,$(1)/%.o,$(2))

UL_OBJ     := $(UL_DIR)/obj
UL_SAN_OBJ := $(UL_DIR)/obj-sanitized

# libcmocka's header wants these to be included before it.
UL_UNIT_FLAGS := -I. -include stdarg.h -include stddef.h -include stdint.h \
		 -include setjmp.h -include cmocka.h

$(UL_OBJ)/tests/unit/%.o: private UL_EXTRA := $(UL_UNIT_FLAGS)
$(UL_SAN_OBJ)/tests/unit/%.o: private UL_EXTRA := $(UL_UNIT_FLAGS)

# It speaks the engines' own language.
$(UL_OBJ)/tests/vm/programs/imagefuzz.o: private UL_EXTRA := -Itests/vm/programs/wire -Ikernel/hpc

$(UL_OBJ)/%.o: %.c config/cflags.mk userland/userland.mk | $(UL_DIR)/version.h
	$(call ul_run,CC,$(CC) $(TS_CFLAGS) $(UL_INCLUDES) $(UL_EXTRA) -MMD -MP -c -o $@ $<)

$(UL_SAN_OBJ)/%.o: %.c config/cflags.mk userland/userland.mk | $(UL_DIR)/version.h
	$(call ul_run,CC-SAN,$(CC) $(TS_SAN_CFLAGS) $(UL_INCLUDES) $(UL_EXTRA) -MMD -MP -c -o $@ $<)

# Written only when it changes, so that a new commit rebuilds little.
.PHONY: ul-version
ul-version:
	@config/need gcc
	@mkdir -p $(UL_DIR)
	@printf '#define TESSERA_VERSION "%s"\n' '$(or $(TESSERA_VERSION),unknown)' > $(UL_DIR)/version.h.work
	@if cmp -s $(UL_DIR)/version.h.work $(UL_DIR)/version.h; then rm $(UL_DIR)/version.h.work; \
	 else mv $(UL_DIR)/version.h.work $(UL_DIR)/version.h; fi
$(UL_DIR)/version.h: ul-version ;

# --- programs --------------------------------------------------------------------

# -static-pie takes the place of -pie.
ul_ldflags = $(if $(filter -static-pie,$(1)),$(filter-out -pie,$(TS_LDFLAGS)),$(TS_LDFLAGS)) $(1)

define ul_program
$(UL_DIR)/$(1): $(call ul_objects,$(UL_OBJ),$(PROGRAM_$(1)))
	$$(call ul_run,LINK,$$(CC) $$(call ul_ldflags,$$(PROGRAM_LDFLAGS_$(1))) -o $$@ $$^ $$(PROGRAM_LIBS_$(1)))
endef
$(foreach p,$(PROGRAMS),$(if $(PROGRAM_$(p)),$(eval $(call ul_program,$(p)))))

UL_PROGRAMS := $(foreach p,$(PROGRAMS),$(if $(PROGRAM_$(p)),$(UL_DIR)/$(p)))

$(VM_PROGRAMS): $(B)/tests/%: $(UL_OBJ)/tests/vm/programs/%.o $(call ul_objects,$(UL_OBJ),$(LIBHPC_SRCS))
	$(call ul_run,LINK,$(CC) $(call ul_ldflags,-static-pie) -o $@ $^)

# Those that are meant for some processors only.  32-bit: no C library for it is needed.
UL_CPU  := $(B)/tests/cpu/i386 $(B)/tests/cpu/upper
UL_I386 := -std=gnu11 $(TS_WARN) -O2 -m32 -ffreestanding -fno-pie -fno-stack-protector \
	   -nostdlib -static -no-pie
$(B)/tests/cpu/i386: tests/vm/programs/cpu/i386.c userland/userland.mk
	$(call ul_run,CC32,$(CC) $(UL_I386) -o $@ $<)
$(B)/tests/cpu/upper: $(UL_OBJ)/tests/vm/programs/cpu/upper.o
	$(call ul_run,LINK,$(CC) $(call ul_ldflags,-static-pie) -o $@ $^)

$(UL_DIR)/compile-commands.log: $(UL_PROGRAMS) $(VM_PROGRAMS)
	@find $(UL_OBJ) $(UL_PROGRAMS:=.cmd) $(VM_PROGRAMS:=.cmd) -name '*.cmd' -exec cat {} + | sort > $@

.PHONY: userland userland-tests install-userland
userland: $(UL_PROGRAMS) $(UL_DIR)/compile-commands.log ## programs of ours: hpcd, migrate, setpe, showmap, the test agent
userland-tests: $(VM_PROGRAMS) $(UL_CPU)

UL_SBIN := hpcd setpe
UL_BIN  := migrate mosctl mosmon mosrun mps mtop showmap
UL_LIB  := hpcd-guests
install-userland: userland ## programs and man pages into DESTDIR
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/sbin $(DESTDIR)$(PREFIX)/lib/tessera
	install -m 755 $(UL_SBIN:%=$(UL_DIR)/%) $(DESTDIR)$(PREFIX)/sbin
	install -m 755 $(UL_LIB:%=$(UL_DIR)/%) $(DESTDIR)$(PREFIX)/lib/tessera
	install -m 755 $(UL_BIN:%=$(UL_DIR)/%) $(DESTDIR)$(PREFIX)/bin
	for link in $(MOSRUN_LINKS); do ln -sf mosrun $(DESTDIR)$(PREFIX)/bin/$$link || exit 1; done
	install -D -m 644 userland/completion/tessera $(DESTDIR)$(PREFIX)/share/bash-completion/completions/mosctl
	for link in migrate mosmon $(MOSRUN_LINKS) mosrun mps mtop showmap setpe hpcd; do \
		ln -sf mosctl $(DESTDIR)$(PREFIX)/share/bash-completion/completions/$$link || exit 1; done
	for page in $(MAN_PAGES); do \
		install -D -m 644 $$page $(DESTDIR)$(PREFIX)/share/man/man$${page##*.}/$${page##*/} || exit 1; \
	done

# --- unit tests --------------------------------------------------------------------
#
# Every tests/unit/test_*.c is a program.  Comments at its top say what else
# belongs to it:
#	// sources: userland/libhpc/map.c ...	linked with the test
#	// wrap: ioctl open ...			replaced by the test's __wrap_...
#	// libs: -lutil				further libraries
# Each is built twice, as shipped and with the sanitizers.

UNIT_TEST_SRCS := $(sort $(wildcard tests/unit/test_*.c))
UNIT_TESTS     := $(UNIT_TEST_SRCS:tests/unit/%.c=$(B)/tests/unit/%)
UNIT_SAN_TESTS := $(UNIT_TEST_SRCS:tests/unit/%.c=$(B)/tests/unit-sanitized/%)

# $(call ul_header,FILE,WORD): what a test's comment says
ul_header = $(shell sed -n 's,^// $(2): *,,p' $(1))

define ul_unit_test
$(B)/tests/unit/$(1): $(call ul_objects,$(UL_OBJ),tests/unit/$(1).c $(call ul_header,tests/unit/$(1).c,sources))
	$$(call ul_run,LINK,$$(CC) $$(TS_LDFLAGS) $$(UL_WRAP_$(1)) -o $$@ $$^ -lcmocka $$(UL_LIBS_$(1)))
$(B)/tests/unit-sanitized/$(1): $(call ul_objects,$(UL_SAN_OBJ),tests/unit/$(1).c $(call ul_header,tests/unit/$(1).c,sources))
	$$(call ul_run,LINK,$$(CC) $$(TS_SAN_LDFLAGS) $$(UL_WRAP_$(1)) -o $$@ $$^ -lcmocka $$(UL_LIBS_$(1)))
endef
$(foreach t,$(UNIT_TEST_SRCS:tests/unit/%.c=%),\
	$(eval UL_WRAP_$(t) := $(addprefix -Wl$(comma)--wrap=,$(call ul_header,tests/unit/$(t).c,wrap)))\
	$(eval UL_LIBS_$(t) := $(call ul_header,tests/unit/$(t).c,libs))\
	$(eval $(call ul_unit_test,$(t))))

.PHONY: unit-tests ul-need-cmocka
ul-need-cmocka:
	@config/need gcc /usr/include/cmocka.h
$(patsubst %.c,$(UL_OBJ)/%.o,$(UNIT_TEST_SRCS)) $(patsubst %.c,$(UL_SAN_OBJ)/%.o,$(UNIT_TEST_SRCS)): | ul-need-cmocka

unit-tests: $(UNIT_TESTS) $(UNIT_SAN_TESTS)

-include $(shell find $(UL_OBJ) $(UL_SAN_OBJ) -name '*.d' 2>/dev/null)
