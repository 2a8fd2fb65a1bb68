# Shoal. `make run` builds and starts the server, `make test` passes the tests;
# both install what is missing (deploy/setup). Objects lie under build/.
#
# The folders are a one-way map: net > shards > persist > core. Each is one
# archive, and its tests link it and those below, so an upward call fails to link.

MAKEFLAGS += --no-builtin-rules
CC     := gcc
PREFIX := /usr/local
FLAVOR := release
BUILD  := build/$(FLAVOR)

WARNINGS := -Wall -Wextra -Werror -Wshadow -Wpointer-arith -Wstrict-prototypes -Wmissing-prototypes \
            -Wundef -Wwrite-strings -Wvla -Wno-unused-parameter
BASE     := -std=gnu11 -g -fno-omit-frame-pointer -fno-strict-aliasing -pthread -I. -MMD -MP $(WARNINGS)

FLAGS_release := -O3 -flto=auto
FLAGS_debug   := -O1
FLAGS_asan    := -O1 -fsanitize=address,undefined -fno-sanitize-recover=all
FLAGS_tsan    := -O1 -fsanitize=thread
FLAGS_sim     := -O1 -DSHOAL_SIM
FLAGS_fuzz    := -O1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all

ifeq ($(CC),clang)
FLAGS_release := -O3 -flto=thin
AR := llvm-ar
LINKER := -fuse-ld=lld
else
AR := gcc-ar
endif

CFLAGS  = $(BASE) $(FLAGS_$(FLAVOR)) $(EXTRA_CFLAGS)
LDFLAGS = $(FLAGS_$(FLAVOR)) -pthread $(LINKER)
LIBS   := -luring -lmimalloc -lroaring -lxxhash -lm
