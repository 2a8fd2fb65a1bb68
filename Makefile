# Shoal. `make run` builds and starts the server, `make test` passes the tests;
# both install what is missing (deploy/setup). Objects lie under build/FLAVOR/.
#
# The folders are a one-way map: net > shards > persist > core. Each is one
# archive, and its tests link it and those below, so an upward call fails to link.

MAKEFLAGS += --no-builtin-rules
# make V=1 shows the commands.
Q := $(if $(V),,@)
say = $(if $(V),,@echo "  $(1)")
# A build of a flavour takes all CPUs, unless whoever called said how many; tests that follow it run in order.
JOBS = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))

.DELETE_ON_ERROR:
.SECONDARY:

CC     := gcc
PREFIX := /usr/local
PORT   := 6379
DATA   := build/data
FLAVOR := release
ifeq ($(CC),clang)
BUILD  := build/$(FLAVOR)-clang
else
BUILD  := build/$(FLAVOR)
endif

WARNINGS := -Wall -Wextra -Werror -Wshadow -Wpointer-arith -Wstrict-prototypes -Wmissing-prototypes \
            -Wundef -Wwrite-strings -Wvla -Wno-unused-parameter
# PUC's Lua 5.1, not LuaJIT: see core/script_state.h.
LUA      := lua5.1
BASE     := -std=gnu11 -D_GNU_SOURCE -g -fno-omit-frame-pointer -fno-strict-aliasing -pthread -I. \
            $(shell pkg-config --cflags $(LUA) 2>/dev/null) -MMD -MP

FLAGS_release := -O3 -flto=auto
FLAGS_debug   := -O1
FLAGS_asan    := -O1 -fsanitize=address,undefined -fno-sanitize-recover=all
# gcc's TSan does not know fences; ours order accesses that are atomic themselves.
FLAGS_tsan    := -O1 -fsanitize=thread $(if $(filter gcc,$(CC)),-Wno-tsan)
FLAGS_sim     := -O1 -DSHOAL_SIM
FLAGS_fuzz    := -O1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all

ifeq ($(CC),clang)
FLAGS_release := -O3 -flto=thin
AR     := llvm-ar
LINKER := -fuse-ld=lld
else
AR     := gcc-ar
endif

# Debian's libmimalloc takes the place of malloc, which the sanitizers need for themselves; memory.c knows.
ALLOCATOR := $(if $(filter asan tsan fuzz,$(FLAVOR)),,-lmimalloc)
CFLAGS    := $(BASE) $(WARNINGS) $(FLAGS_$(FLAVOR)) $(EXTRA_CFLAGS)
LDFLAGS   := $(FLAGS_$(FLAVOR)) -pthread $(LINKER)
LIBS      := -luring $(ALLOCATOR) -lroaring -lxxhash -llzf $(shell pkg-config --libs $(LUA) 2>/dev/null) -lm

# What each folder holds, lowest first.
FOLDERS := core persist shards net
core_SOURCES    := $(wildcard core/*.c)
CHECK_SOURCES   := persist/shoal_check.c $(wildcard persist/check*.c)
persist_SOURCES := $(filter-out $(CHECK_SOURCES),$(wildcard persist/*.c))
shards_SOURCES  := $(wildcard shards/*.c)
net_SOURCES     := $(filter-out net/main.c,$(wildcard net/*.c))

objects = $(patsubst %.c,$(BUILD)/%.o,$(1))
archive = $(if $($(1)_SOURCES),$(BUILD)/lib$(1).a)

CORE_LIBS    := $(call archive,core)
PERSIST_LIBS := $(call archive,persist) $(CORE_LIBS)
SHARDS_LIBS  := $(call archive,shards) $(PERSIST_LIBS)
NET_LIBS     := $(call archive,net) $(SHARDS_LIBS)

SERVER := $(BUILD)/shoal-server
TESTS  := $(BUILD)/test_core $(BUILD)/test_persist $(BUILD)/test_shards $(BUILD)/test_net
STRESS := $(patsubst tests/shards/%.c,$(BUILD)/%,$(wildcard tests/shards/stress_*.c))

.PHONY: all run test unit e2e live crash crash-power power-loss clients diff arguments asan tsan bench fuzz sim model install clean setup format

all: build/shoal-server build/shoal-check

# The programs, at the same place whatever the flavour of the rest.
build/shoal-server build/shoal-check: build/%: setup-check FORCE
	@$(MAKE) --no-print-directory $(JOBS) FLAVOR=release build/release/$*
	@cp -f build/release/$* $@.new && mv -f $@.new $@
# One after the other, as they share objects.
build/shoal-check: | build/shoal-server

.PHONY: FORCE setup-check
FORCE:

setup-check:
	@deploy/setup --check || deploy/setup

setup:
	deploy/setup

run: build/shoal-server
	@mkdir -p $(DATA)
	@echo "Talk to it:  redis-cli -p $(PORT)      Stop it:  Ctrl-C      Data folder:  $(DATA)"
	@exec build/shoal-server --port $(PORT) --dir $(DATA) $(ARGS)

# Compiling and linking.

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC   $@)
	$(Q)$(CC) $(CFLAGS) -c $< -o $@

GIT_SHA := $(shell git rev-parse --short=12 HEAD 2>/dev/null)
$(BUILD)/net/version.o: CFLAGS += $(if $(GIT_SHA),-DSHOAL_GIT_SHA='"$(GIT_SHA)"')
$(BUILD)/net/version.o: $(wildcard .git/HEAD .git/refs/heads/*)

define archive_rule
$(BUILD)/lib$(1).a: $(call objects,$($(1)_SOURCES))
	@rm -f $$@
	@$(AR) rcs $$@ $$^
endef
$(foreach folder,$(FOLDERS),$(eval $(call archive_rule,$(folder))))

$(BUILD)/shoal-server: $(BUILD)/net/main.o $(NET_LIBS)
	$(call say,LINK $@)
	$(Q)$(CC) $(LDFLAGS) $^ $(LIBS) -o $@

$(BUILD)/shoal-check: $(call objects,$(CHECK_SOURCES)) $(PERSIST_LIBS)
	$(call say,LINK $@)
	$(Q)$(CC) $(LDFLAGS) $^ $(LIBS) -o $@

# Unit tests: one program per folder, and plain programs for what races.

test_SOURCES = $(wildcard tests/$(1)/test_*.c) $(wildcard tests/support/*.c) $(wildcard tests/support/$(1)/*.c)

$(BUILD)/test_core: $(call objects,$(call test_SOURCES,core)) $(CORE_LIBS)
	$(call say,LINK $@)
	$(Q)$(CC) $(LDFLAGS) $^ $(LIBS) -lcriterion -o $@
$(BUILD)/test_persist: $(call objects,$(call test_SOURCES,persist)) $(PERSIST_LIBS)
	$(call say,LINK $@)
	$(Q)$(CC) $(LDFLAGS) $^ $(LIBS) -lcriterion -o $@
SIM_PARTS := tests/sim/sim_disk.c tests/sim/sim_file.c
$(BUILD)/test_shards: $(call objects,$(call test_SOURCES,shards) $(SIM_PARTS)) $(SHARDS_LIBS)
	$(call say,LINK $@)
	$(Q)$(CC) $(LDFLAGS) $^ $(LIBS) -lcriterion -o $@
$(BUILD)/test_net: $(call objects,$(call test_SOURCES,net)) $(NET_LIBS)
	$(call say,LINK $@)
	$(Q)$(CC) $(LDFLAGS) $^ $(LIBS) -lcriterion -o $@
$(BUILD)/stress_%: $(BUILD)/tests/shards/stress_%.o $(SHARDS_LIBS)
	$(call say,LINK $@)
	$(Q)$(CC) $(LDFLAGS) $^ $(LIBS) -o $@

# Recursion picks the flavour: unit tests run unoptimized for speed of linking, end-to-end tests the release server.

PYTHON := /usr/bin/python3
PYTEST := $(PYTHON) -m pytest -q -p no:cacheprovider

.PHONY: unit-programs stress-programs unit-tests exchange-tests stress-tests
unit-tests: $(TESTS)
	@for test in $(TESTS); do echo "== $$test"; rm -f $$test.report.*; \
	    ASAN_OPTIONS=$$ASAN_OPTIONS:log_path=$$test.report $$test -j2 --quiet --tap=$$test.tap || \
	        { grep -A20 '^not ok' $$test.tap; cat $$test.report.* 2>/dev/null; exit 1; }; \
	    ! cat $$test.report.* 2>/dev/null || exit 1; done # reports of what leaked, which fail no test
# Files exchanged with redis-server, by programs between two of them.
EXCHANGERS := $(BUILD)/rdb_convert $(BUILD)/aof_regroup
$(EXCHANGERS): $(BUILD)/%: $(BUILD)/tests/persist/%.o $(PERSIST_LIBS)
	$(call say,LINK $@)
	$(Q)$(CC) $(LDFLAGS) $^ $(LIBS) -o $@
exchange-tests: $(EXCHANGERS) $(BUILD)/shoal-check
	RDB_CONVERT=$(CURDIR)/$(BUILD)/rdb_convert AOF_REGROUP=$(CURDIR)/$(BUILD)/aof_regroup \
	    SHOAL_CHECK=$(CURDIR)/$(BUILD)/shoal-check $(PYTEST) tests/persist
stress-programs: $(STRESS)
unit-programs: $(TESTS) $(EXCHANGERS) $(BUILD)/shoal-check stress-programs
stress-tests: $(STRESS)
	@set -e; for test in $(STRESS); do echo "== $$test"; $$test; done

unit: setup-check
	@$(MAKE) --no-print-directory $(JOBS) FLAVOR=debug unit-programs
	@$(MAKE) --no-print-directory FLAVOR=debug unit-tests exchange-tests stress-tests

# Tests beside each other, two on a CPU, as most of them wait rather than compute; then one by one those that measure time.
E2E_JOBS := $(shell jobs=$$((2 * $$(nproc))); echo $$((jobs < 16 ? jobs : 16)))
e2e_tests = SHOAL_SERVER=$(CURDIR)/$(1) $(PYTEST) -n $(E2E_JOBS) -m "not alone" tests/e2e && \
            SHOAL_SERVER=$(CURDIR)/$(1) $(PYTEST) -m alone tests/e2e
e2e: build/shoal-server
	$(call e2e_tests,build/shoal-server)

# Job-queue libraries and clients as they are; those that can't be installed are skipped.
clients: build/shoal-server
	tests/clients/setup
	SHOAL_SERVER=$(CURDIR)/build/shoal-server tests/clients/run.py $(CLIENTS)

# Six million commands, on all types together and on each alone, over 1 to 8 shards.
# Likewise with the data set going through files: make diff DIFF="--runs 40 --commands 20000 --jobs 2 --through-files".
DIFF := --runs 120 --commands 50000 --jobs 2
diff: build/shoal-server
	SHOAL_SERVER=$(CURDIR)/build/shoal-server $(PYTHON) tests/e2e/differential.py $(DIFF)

# The server of a build, for campaigns under a sanitizer, too.
.PHONY: campaign-server
ifeq ($(FLAVOR),release)
CAMPAIGN_SERVER := build/shoal-server
campaign-server: $(CAMPAIGN_SERVER)
else
CAMPAIGN_SERVER := $(SERVER)
campaign-server: setup-check
	@$(MAKE) --no-print-directory $(JOBS) FLAVOR=$(FLAVOR) $(SERVER)
endif

# Many clients' histories on 1 to 16 shards: make live LIVE="--seconds 1800"; with FLAVOR=tsan on that build's server.
LIVE := --seconds 60
live: campaign-server
	SHOAL_SERVER=$(CURDIR)/$(CAMPAIGN_SERVER) $(PYTHON) tests/live/live.py $(LIVE)

# Random commands with random arguments: make arguments ARGUMENTS="--seconds 600 --seed 7 --shards 3"; with FLAVOR=asan likewise.
ARGUMENTS := --seconds 180
arguments: campaign-server
	SHOAL_SERVER=$(CURDIR)/$(CAMPAIGN_SERVER) $(PYTHON) tests/e2e/random_arguments.py $(ARGUMENTS)

# Killed under load, started again, looked at: make crash CRASH="--rounds 30 --shards 2 --seed 7"
CRASH := --rounds 300
crash: build/shoal-server
	SHOAL_SERVER=$(CURDIR)/build/shoal-server $(PYTHON) tests/crash/crash.py $(CRASH)
	@$(MAKE) --no-print-directory crash-power CRASH="$(CRASH)"

# Likewise, and the power fails: what was not synced is lost, by the record of a library that the server is started with.
RECORDER := build/recorder.so
$(RECORDER): tests/crash/recorder.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(filter-out -MMD -MP,$(BASE)) $(WARNINGS) -O1 -fPIC -shared $< -ldl -o $@
crash-power: build/shoal-server $(RECORDER)
	SHOAL_SERVER=$(CURDIR)/build/shoal-server $(PYTHON) tests/crash/crash.py $(CRASH) --power $(CURDIR)/$(RECORDER)

test: unit
	tests/sim/model build/model --quick
	@$(MAKE) --no-print-directory sim SIM="--seeds 300"
	@$(MAKE) --no-print-directory power-loss POWER_LOSS="--seeds 300"
	@$(MAKE) --no-print-directory diff DIFF="--commands 40000"
	@$(MAKE) --no-print-directory diff DIFF="--commands 16000 --runs 2 --through-files"
	@$(MAKE) --no-print-directory live LIVE="--seconds 24"
	@$(MAKE) --no-print-directory crash CRASH="--rounds 10"
	@$(MAKE) --no-print-directory e2e

asan: setup-check
	@$(MAKE) --no-print-directory $(JOBS) FLAVOR=asan unit-programs build/asan/shoal-server
	@$(MAKE) --no-print-directory FLAVOR=asan unit-tests exchange-tests stress-tests
	$(call e2e_tests,build/asan/shoal-server)

tsan: setup-check
	@$(MAKE) --no-print-directory $(JOBS) FLAVOR=tsan stress-programs build/tsan/shoal-server
	@$(MAKE) --no-print-directory FLAVOR=tsan stress-tests
	$(call e2e_tests,build/tsan/shoal-server)

# The simulator (tests/sim): all shards stepped by one thread from a seed.

SIM := --seeds 10000
$(BUILD)/simulate: $(call objects,$(wildcard tests/sim/*.c)) $(NET_LIBS)
	$(call say,LINK $@)
	$(Q)$(CC) $(LDFLAGS) $^ $(LIBS) -o $@
sim: setup-check
	@$(MAKE) --no-print-directory $(JOBS) FLAVOR=sim build/sim/simulate
	build/sim/simulate $(SIM)

# Seeds in each of which the machine stops, and the disk keeps of what was not synced what it likes.
POWER_LOSS := --seeds 10000
power-loss: setup-check
	@$(MAKE) --no-print-directory $(JOBS) FLAVOR=sim build/sim/simulate
	build/sim/simulate --crashes $(POWER_LOSS)

model: setup-check
	tests/sim/model build/model

# Fuzzing with libFuzzer, one on each CPU: make fuzz FUZZ_SECONDS=600 FUZZ_SEED=0 (a seed of its own each time)

FUZZ_SECONDS := 60
FUZZ_SEED := 1
FUZZERS := $(patsubst tests/core/%.c,$(BUILD)/%,$(wildcard tests/core/fuzz_*.c)) \
           $(patsubst tests/persist/%.c,$(BUILD)/%,$(wildcard tests/persist/fuzz_*.c))
$(BUILD)/fuzz_%: $(BUILD)/tests/core/fuzz_%.o $(CORE_LIBS)
	$(call say,LINK $@)
	$(Q)$(CC) $(LDFLAGS) -fsanitize=fuzzer $^ $(LIBS) -o $@
$(BUILD)/fuzz_%: $(BUILD)/tests/persist/fuzz_%.o $(call objects,$(wildcard tests/support/persist/*.c)) $(PERSIST_LIBS)
	$(call say,LINK $@)
	$(Q)$(CC) $(LDFLAGS) -fsanitize=fuzzer $^ $(LIBS) -o $@
FUZZINGS := $(FUZZERS:%=%.fuzzing)
.PHONY: fuzzers fuzzings $(FUZZINGS)
fuzzers: $(FUZZERS)
$(FUZZINGS): %.fuzzing: %
	@echo "== $<"; $< -max_total_time=$(FUZZ_SECONDS) -seed=$(FUZZ_SEED) -verbosity=0 -print_final_stats=0 -artifact_prefix=$(BUILD)/
fuzzings: $(FUZZINGS)
fuzz: setup-check
	@$(MAKE) --no-print-directory $(JOBS) FLAVOR=fuzz CC=clang fuzzers
	@$(MAKE) --no-print-directory $(JOBS) FLAVOR=fuzz CC=clang fuzzings

# Figures: see bench/README.md.

BENCHES := $(patsubst bench/%.c,$(BUILD)/%,$(wildcard bench/*.c))
$(BENCHES): $(BUILD)/%: $(BUILD)/bench/%.o $(NET_LIBS)
	$(call say,LINK $@)
	$(Q)$(CC) $(LDFLAGS) $^ $(LIBS) -o $@
.PHONY: benches
benches: $(BENCHES)
bench: build/shoal-server
	@$(MAKE) --no-print-directory $(JOBS) FLAVOR=release benches
	$(PYTHON) bench/figures.py $(BENCH)

install: build/shoal-server build/shoal-check
	install -D -m 755 -t $(DESTDIR)$(PREFIX)/bin build/shoal-server build/shoal-check
	install -D -m 644 deploy/broker.conf $(DESTDIR)$(PREFIX)/etc/shoal/broker.conf

format:
	clang-format -i $(wildcard */*.c */*.h tests/*/*.c tests/*/*.h)

clean:
	rm -rf build

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
