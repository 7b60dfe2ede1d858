# SPDX-License-Identifier: MIT
# pybpfprof: `make help` lists the targets. Sources are found by wildcard; nothing is listed by hand.
BUILD	?= build
PREFIX	?= /usr/local
DESTDIR ?=
# make ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu- BUILD=build/arm64; SYSROOT is where that one's libraries are, if not here.
ARCH	:= $(shell uname -m | sed 's/x86_64/x86/;s/aarch64/arm64/')
ifdef CROSS_COMPILE
CC	:= $(CROSS_COMPILE)gcc $(SYSROOT:%=--sysroot=%)
else
CC	?= gcc
endif
CLANG	?= clang
# Up to 24.10 Ubuntu's in /usr/sbin only looks for the running kernel's own; any of those that lie here will do.
BPFTOOL ?= $(lastword bpftool $(wildcard /sbin/bpftool /usr/sbin/bpftool /usr/lib/linux-tools/*/bpftool))
PYTHON	?= /usr/bin/python3
# Those of the first release that CHANGELOG.md names.
RELEASE	:= $(shell sed -n 's/^\#\# \[\([0-9][^]]*\)\] - \([0-9-]*\)$$/\1 \2/p;T;q' CHANGELOG.md)
VERSION := $(word 1,$(RELEASE))
RELEASED := $(word 2,$(RELEASE))
Q	:= $(if $(V),,@)
msg	= $(if $(V),,@printf '  %-8s %s\n' '$(1)' '$(2)')

OPT	?= -O2 -g
WERROR	:= $(if $(CI),-Werror)
# SAN=address,undefined builds everything instrumented, into a folder of its own.
ifdef SAN
BUILD	:= $(BUILD)/san
OPT	:= -O1 -g -fno-omit-frame-pointer -fsanitize=$(SAN) -fno-sanitize-recover=all
endif
# STATIC=1 (`make static`): one file that needs nothing of the system it runs on, in a folder of its own.
ifdef STATIC
override BUILD := $(BUILD)/static
HTTP	:= own
endif
# Who talks to back ends: libcurl, or HTTP of our own over mbedTLS (own), which can be linked into that one file.
HTTP	?= curl
HTTP_LIBS_curl := -lcurl
HTTP_LIBS_own := -lmbedtls -lmbedx509 -lmbedcrypto
ifeq ($(HTTP_LIBS_$(HTTP)),)
$(error HTTP=$(HTTP) is neither curl nor own)
endif
# What is built says nothing of where it was built.
SAME_PATHS := -ffile-prefix-map=$(CURDIR)=.
WARN	:= -Wall -Wextra -Wshadow -Wvla -Wstrict-prototypes -Wmissing-prototypes $(WERROR)
CFLAGS	?=
ALL_CFLAGS := -std=gnu11 -D_GNU_SOURCE -DPYBPFPROF_VERSION='"$(VERSION)"' \
	-DPYBPFPROF_DATE='"$(RELEASED)"' $(if $(STATIC),-DSTATIC_BINARY) $(OPT) $(WARN) $(SAME_PATHS) \
	-fstack-protector-strong $(if $(SAN),,-D_FORTIFY_SOURCE=2) -fPIE -I. -I$(BUILD) $(CFLAGS)
LDLIBS	:= -lbpf -lelf -lz -ldeflate -lcap -lseccomp -lncursesw -ltinfo -liberty -llzma -ldw $(HTTP_LIBS_$(HTTP)) -lm
LDFLAGS_ALL := $(if $(STATIC),-static-pie -s,-pie) -Wl,-z,relro,-z,now -Wl,--as-needed $(if $(SAN),-fsanitize=$(SAN)) $(LDFLAGS)
# Archives do not say what they need themselves. The linker warns of functions that load plug-ins: user/os/lookups.c has seen to it.
STATIC_LIBS = -Wl,-Map=$@.map -Wl,--start-group $(LDLIBS) $(shell pkg-config --static --libs-only-l libdw libelf libbpf) -Wl,--end-group
KNOWN_LOOKUPS = 2>$@.said || { cat $@.said >&2; exit 1; }; \
	! grep -v -e 'in statically linked applications requires' -e ': in function ' $@.said >&2

# Definitions first: libbpf 1.1's linker gives an extern that it meets before its definition offset 0.
BPF_SRC := bpf/maps.bpf.c $(filter-out bpf/maps.bpf.c,$(wildcard bpf/*.bpf.c bpf/source/*.bpf.c))
# The object has variants (user/session/variant.h). All but that for old kernels differ in one file: name, and TASK_WORK for it.
BPF_SAME := $(filter-out bpf/task_work.bpf.c,$(BPF_SRC))
BPF_OBJ := $(patsubst %.c,$(BUILD)/%.o,$(BPF_SAME))
OLD_OBJ := $(patsubst bpf/%.c,$(BUILD)/bpf/old/%.o,$(BPF_SRC))
VARIANTS := pybpfprof:0 pybpfprof_work_impl:1 pybpfprof_work:2
SKEL	:= $(foreach v,$(VARIANTS) pybpfprof_old,$(BUILD)/$(firstword $(subst :, ,$v)).skel.h)
BPF_CFLAGS := -g -O2 -target bpf -mcpu=v3 -D__TARGET_ARCH_$(ARCH) -Wall -Wextra -Wno-unused-parameter $(WERROR) \
	$(SAME_PATHS) -I.

# Layers that need neither the skeleton nor root: what unit tests link.
OTHER_HTTP := $(wildcard user/push/http_$(if $(filter curl,$(HTTP)),own,curl)*.c)
PURE	:= $(filter-out $(OTHER_HTTP),$(wildcard $(addprefix user/,$(addsuffix /*.c,util os profile format format/* python symbol target resolve push serve)))) \
	user/session/drain.c $(addprefix user/cmd/,sources.c settings.c option_walk.c) $(addprefix user/cmd/top/top_,model.c rows.c text.c prompt.c layout.c)
SRC	:= $(filter-out $(OTHER_HTTP),$(wildcard user/*.c user/*/*.c user/*/*/*.c))
OBJ	:= $(SRC:%.c=$(BUILD)/%.o)
PURE_LIB := $(BUILD)/libpure.a
UNIT	:= $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(wildcard tests/unit/*_test.c))
HOST	:= $(patsubst tests/host/%.c,$(BUILD)/tests/host/%,$(wildcard tests/host/*_test.c))
# On other processors some are compiled as arm64 has them, too; what was recorded there is of that one alone.
ifneq ($(ARCH),arm64)
AS_ARM64 := $(patsubst %,$(BUILD)/tests/host/%_arm64_test,address start recorded)
HOST	:= $(filter-out %/recorded_test,$(HOST)) $(AS_ARM64)
endif
# What stands in for the kernel in tests of the walker: the .c of tests/host that have a header.
HOST_PARTS := $(filter $(patsubst %.h,%.c,$(wildcard tests/host/*.h)),$(wildcard tests/host/*.c))
# The walker itself has two homes: BPF, and as ordinary C `dump` and the tests.
WALKER	:= $(patsubst %,$(BUILD)/bpf/host/%.o,tstate pywalk)
HOST_OBJ := $(WALKER) $(HOST_PARTS:%.c=$(BUILD)/%.o)
HOST_PROGRAMS := $(patsubst %.c,$(BUILD)/%,$(filter-out $(HOST_PARTS),$(wildcard tests/host/*.c)))
AS_ARM64_OBJ := $(patsubst %,$(BUILD)/hosted-arm64/%.o,bpf/tstate.bpf bpf/pywalk.bpf \
	$(filter-out tests/host/tracee,$(HOST_PARTS:%.c=%)))
# BPF is compiled without strict aliasing, and reads words wherever they are.
WALKER_CFLAGS := -DPYBPF_HOST -DPYBPF_NO_MAPS -fno-strict-aliasing -Wno-unknown-pragmas \
	-Wno-unused-parameter $(if $(SAN),-fno-sanitize=alignment)
HOST_CFLAGS = $(ALL_CFLAGS) $(WALKER_CFLAGS)
# The whole kernel side as ordinary C, with the maps and the kernel of tests/kernel; each also as old kernels have it.
KERNEL_TESTS := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/kernel/*_test.c))
KERNEL	:= $(KERNEL_TESTS) $(KERNEL_TESTS:%_test=%_old_test)
KERNEL_OBJ := $(patsubst %.c,$(BUILD)/hosted/%.o,$(BPF_SRC) tests/host/image.c tests/host/world.c tests/host/versions.c \
	$(filter-out %_test.c,$(wildcard tests/kernel/*.c)))
KERNEL_CFLAGS = $(ALL_CFLAGS) $(filter-out -DPYBPF_NO_MAPS,$(WALKER_CFLAGS))

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all help install man clean deps tour demo real real-web real-pandas real-crawler real-threads test backend backend-stop backends-test fresh-test vm-test arm64 unit host kernel live lint bench churn fuzz format libbpf

all: $(BUILD)/pybpfprof ## build build/pybpfprof (default)

# Always made anew; never the first target of all.
FORCE:

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

# Looked for by one of the calls that 0.8 brought.
libbpf:
	@echo '#include <bpf/libbpf.h>' | $(CC) $(CFLAGS) -E - 2>/dev/null | grep -q bpf_map__lookup_elem || { \
		echo 'There is no libbpf of 0.8 or newer here. scripts/install-deps.sh installs the one of Debian 12,' \
		'Ubuntu 24.04 and later; on older ones (Ubuntu 22.04 has 0.5) what helps is its source:' \
		'make -C src PREFIX=/usr/local LIBDIR=/usr/local/lib install && ldconfig' >&2; exit 1; }

$(BPF_OBJ) $(OLD_OBJ) $(OBJ): | libbpf
$(BUILD)/bpf/%.bpf.o: bpf/%.bpf.c
	$(call msg,BPF,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -MMD -MP -c $< -o $@

$(foreach v,0 1 2,$(BUILD)/bpf/task_work$v.bpf.o): $(BUILD)/bpf/task_work%.bpf.o: bpf/task_work.bpf.c
	$(call msg,BPF,$< TASK_WORK=$*)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -DTASK_WORK=$* -MMD -MP -c $< -o $@

$(BUILD)/bpf/old/%.bpf.o: bpf/%.bpf.c
	$(call msg,BPF,$< OLD_KERNEL)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -DOLD_KERNEL -MMD -MP -c $< -o $@

$(BUILD)/pybpfprof_old.bpf.o: $(OLD_OBJ)
define variant
$(BUILD)/$1.bpf.o: $(BPF_OBJ) $(BUILD)/bpf/task_work$2.bpf.o
endef
$(foreach v,$(VARIANTS),$(eval $(call variant,$(firstword $(subst :, ,$v)),$(lastword $(subst :, ,$v)))))
$(BUILD)/%.bpf.o:
	$(call msg,BPFLINK,$@)
	$(Q)$(BPFTOOL) gen object $@ $^

$(SKEL): $(BUILD)/%.skel.h: $(BUILD)/%.bpf.o
	$(call msg,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name $*_bpf > $@

# Sources that are embedded byte by byte: an array's initialisers.
$(BUILD)/user/%.inc: user/%
	$(call msg,EMBED,$<)
	$(Q)mkdir -p $(@D)
	$(Q)od -An -v -tx1 $< | sed 's/ \(..\)/0x\1,/g' > $@

# Names of the kernel's calls by number, as the headers have them: some only with the size of their offsets in the name.
$(BUILD)/user/os/syscalls.inc:
	$(call msg,EMBED,$@)
	$(Q)mkdir -p $(@D)
	$(Q)echo '#include <sys/syscall.h>' | $(CC) -E -dM - | \
		sed -n 's/^#define __NR\(3264\)\?_\([a-z0-9_]*\) \([0-9]*\)$$/[\3] = "\2",/p' >$@

$(BUILD)/user/os/syscalls.o $(BUILD)/fuzz/user/os/syscalls.o: $(BUILD)/user/os/syscalls.inc
$(BUILD)/user/inspect/walker.o: ALL_CFLAGS += $(WALKER_CFLAGS)
$(BUILD)/user/cmd/completions.o: $(addprefix $(BUILD)/user/cmd/completions.,bash.inc zsh.inc fish.inc)
$(BUILD)/user/cmd/man.o: $(BUILD)/user/cmd/man_page.roff.inc
$(BUILD)/user/cmd/top/top_terminfo.o: $(BUILD)/user/cmd/top/terminfo.inc
$(BUILD)/user/cmd/top/terminfo.inc:
	$(call msg,EMBED,$@)
	$(Q)mkdir -p $(@D)
	$(Q)for each in xterm-256color screen-256color linux; do \
		description=$$(infocmp -Q2 -q $$each | tr -d '\n') && printf '{"%s", "%s"},\n' $$each "$$description" || exit; done >$@
# The pages of an SVG and of HTML share the flame graph, flame/; each has one script, all its files in one function, and
# one style, and says its licence once. The policy of the HTML page allows only what has the hash of what is embedded.
PAGE	= $(sort $(wildcard user/format/flame/*.$(1))) $(sort $(wildcard user/format/$(2)/*.$(1)))
LICENSED := SPDX-License-Identifier: MIT
$(BUILD)/user/format/%_page.js: $(wildcard user/format/*/*.js) Makefile
	$(call msg,JOIN,$@)
	$(Q)mkdir -p $(@D)
	$(Q){ echo '// $(LICENSED)'; echo '(function () {'; echo "'use strict';"; grep -hvF '$(LICENSED)' $(call PAGE,js,$*); \
		echo '})();'; } > $@
$(BUILD)/user/format/html_page.css: $(wildcard user/format/*/*.css) Makefile
	$(Q)mkdir -p $(@D)
	$(Q){ echo '/* $(LICENSED) */'; grep -hvF '$(LICENSED)' $(call PAGE,css,html); } > $@
$(BUILD)/%.inc: $(BUILD)/%
	$(Q)od -An -v -tx1 $< | sed 's/ \(..\)/0x\1,/g' > $@
HASH	= sha256sum $< | cut -c1-64 | tr a-f A-F | basenc --base16 -d | base64 | sed 's/.*/"&"/' > $@
$(BUILD)/user/format/%.hash: $(BUILD)/user/format/%
	$(Q)$(HASH)
$(BUILD)/user/format/%.hash: user/format/%
	$(Q)mkdir -p $(@D)
	$(Q)$(HASH)

EMBEDDED := $(addprefix $(BUILD)/user/format/,svg_page.js.inc svg/svg_style.css.inc svg/svg_style.css.hash \
	flame/flame_style.css.inc html_page.js.inc html_page.js.hash html_page.css.inc html_page.css.hash)
$(BUILD)/user/format/svg/svg_page.o $(BUILD)/user/format/html.o: $(EMBEDDED)
# Not a pattern rule: one without a recipe adds nothing, and a clean tree would have no skeleton.
$(filter $(BUILD)/user/session/% $(BUILD)/user/source/%,$(filter-out $(PURE:%.c=$(BUILD)/%.o),$(OBJ))): | $(SKEL)
$(BUILD)/%.o: %.c
	$(call msg,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

# Which one it was the last time: what is linked of the other is linked anew.
$(BUILD)/http: FORCE
	$(Q)mkdir -p $(@D)
	$(Q)echo $(HTTP) | cmp -s - $@ || echo $(HTTP) > $@

$(BUILD)/pybpfprof: $(OBJ) $(WALKER) $(BUILD)/http
	$(call msg,LINK,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) $(filter %.o,$^) $(if $(STATIC),$(STATIC_LIBS),$(LDLIBS)) -o $@ $(if $(STATIC),$(KNOWN_LOOKUPS))

$(PURE_LIB): $(PURE:%.c=$(BUILD)/%.o) $(BUILD)/http
	$(Q)rm -f $@ && $(CROSS_COMPILE)ar rcs $@ $(filter %.o,$^)

# cmocka 2 has other names for what 1 has.
TEST_CFLAGS := -Wno-deprecated-declarations

$(BUILD)/tests/%: tests/%.c $(PURE_LIB)
	$(call msg,TEST,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(TEST_CFLAGS) -MMD -MP $(LDFLAGS_ALL) $< $(PURE_LIB) -lcmocka $(LDLIBS) -o $@

# Each way to talk HTTP has the same tests. What is linked first wins over what the archive has.
HTTP_TESTS := $(foreach v,curl own,$(BUILD)/tests/live/push_feed_$v)
$(HTTP_TESTS): $(BUILD)/tests/live/push_feed_%: tests/live/push_feed.c $(PURE_LIB) \
		$(foreach v,curl own,$(patsubst %.c,$(BUILD)/%.o,$(wildcard user/push/http_$v*.c)))
	$(call msg,TEST,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(TEST_CFLAGS) -MMD -MP $(LDFLAGS_ALL) $< $(filter $(BUILD)/user/push/http_$*%,$^) $(PURE_LIB) \
		$(HTTP_LIBS_$*) $(LDLIBS) -o $@

$(WALKER): $(BUILD)/bpf/host/%.o: bpf/%.bpf.c
	$(call msg,HOST,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(HOST_CFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/tests/host/%.o: tests/host/%.c
	$(call msg,HOST,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(HOST_CFLAGS) $(TEST_CFLAGS) -MMD -MP -c $< -o $@

$(HOST_PROGRAMS): %: %.o $(HOST_OBJ) $(PURE_LIB)
	$(call msg,TEST,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) $^ -lcmocka $(LDLIBS) -o $@

$(BUILD)/hosted-arm64/%.o: %.c
	$(call msg,HOST,$< arm64)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(HOST_CFLAGS) -D__TARGET_ARCH_arm64 $(TEST_CFLAGS) -MMD -MP -c $< -o $@

$(AS_ARM64): $(BUILD)/tests/host/%_arm64_test: $(BUILD)/hosted-arm64/tests/host/%_test.o $(AS_ARM64_OBJ) $(PURE_LIB)
	$(call msg,TEST,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) $^ -lcmocka $(LDLIBS) -o $@

$(BUILD)/hosted/bpf/%.o $(BUILD)/hosted-old/bpf/%.o: KERNEL_CFLAGS += -Wno-missing-prototypes
$(BUILD)/hosted/%.o: %.c
	$(call msg,HOST,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(KERNEL_CFLAGS) -DTASK_WORK=2 $(TEST_CFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/hosted-old/%.o: %.c
	$(call msg,HOST,$< OLD_KERNEL)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(KERNEL_CFLAGS) -DOLD_KERNEL $(TEST_CFLAGS) -MMD -MP -c $< -o $@

$(filter %_old_test,$(KERNEL)): $(BUILD)/%_old_test: $(BUILD)/hosted-old/%_test.o $(KERNEL_OBJ:$(BUILD)/hosted/%=$(BUILD)/hosted-old/%)
$(filter-out %_old_test,$(KERNEL)): $(BUILD)/%: $(BUILD)/hosted/%.o $(KERNEL_OBJ)
$(KERNEL): $(PURE_LIB)
	$(call msg,TEST,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) $(filter-out $(PURE_LIB),$^) $(PURE_LIB) -lcmocka $(LDLIBS) -o $@

# The bench's control: an empty program where ours run. What it measures on: C code below Python, a program that is no target,
# a library as large as they come.
BENCH_SOURCES := $(patsubst %,$(BUILD)/user/source/%.o,cpu cpu_events faults)
BENCH_BUILT := $(addprefix $(BUILD)/tests/bench/,empty counted native.so large.so)
$(BUILD)/tests/bench/empty: tests/bench/empty.c $(BENCH_SOURCES) $(PURE_LIB) | $(SKEL)
	$(call msg,BENCH,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP $(LDFLAGS_ALL) $< $(BENCH_SOURCES) $(PURE_LIB) $(LDLIBS) -o $@

$(BUILD)/tests/bench/counted: tests/bench/counted.c
	$(call msg,BENCH,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $< -o $@

$(BUILD)/tests/bench/%.so: tests/bench/%.c
	$(call msg,BENCH,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -O2 -fPIC -fomit-frame-pointer -Wall -Wextra $(WERROR) -shared $< -o $@

# Fuzzers: everything they link is built with their coverage and sanitizers, in a folder of its own.
FUZZ	:= $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(wildcard tests/fuzz/*_fuzz.c))
FUZZ_OBJ := $(patsubst %.c,$(BUILD)/fuzz/%.o,$(PURE) $(HOST_PARTS))
FUZZ_WALKER := $(patsubst %,$(BUILD)/fuzz/tests/host/bpf/%.o,tstate pywalk)
FUZZ_SAN := -fsanitize=address,undefined -fno-sanitize-recover=all
FUZZ_CFLAGS := -std=gnu11 -D_GNU_SOURCE -DPYBPFPROF_VERSION='"$(VERSION)"' -DPYBPF_HOST -DPYBPF_NO_MAPS \
	-O1 -g -fno-omit-frame-pointer -Wall -Wextra $(WERROR) -I. -I$(BUILD) $(FUZZ_SAN)
FUZZ_SECONDS ?= 60

$(BUILD)/fuzz/user/format/svg/svg_page.o $(BUILD)/fuzz/user/format/html.o: $(EMBEDDED)
$(BUILD)/fuzz/tests/host/bpf/%.o: bpf/%.bpf.c
	$(call msg,FUZZ,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(FUZZ_CFLAGS) -fsanitize=fuzzer-no-link -fno-sanitize=alignment -fno-strict-aliasing -Wno-unused-parameter \
		-MMD -MP -c $< -o $@

$(BUILD)/fuzz/%.o: %.c
	$(call msg,FUZZ,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(FUZZ_CFLAGS) -fsanitize=fuzzer-no-link -MMD -MP -c $< -o $@

$(BUILD)/fuzz/libpure.a: $(FUZZ_OBJ) $(FUZZ_WALKER)
	$(Q)rm -f $@ && ar rcs $@ $^

$(FUZZ): $(BUILD)/fuzz/%: $(BUILD)/fuzz/tests/fuzz/%.o $(BUILD)/fuzz/libpure.a
	$(call msg,FUZZ,$@)
	$(Q)$(CLANG) $(FUZZ_SAN) -fsanitize=fuzzer $^ $(LDLIBS) -o $@

install: all ## install under $(DESTDIR)$(PREFIX)
	install -D -m 755 $(BUILD)/pybpfprof $(DESTDIR)$(PREFIX)/bin/pybpfprof
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/pybpfprof user/format/profile.schema.json \
		user/format/report.schema.json user/format/diff.schema.json
	install -D -m 644 user/format/jsonl.schema.json $(DESTDIR)$(PREFIX)/share/pybpfprof/jsonl.schema.json
	install -D -m 755 -t $(DESTDIR)$(PREFIX)/share/pybpfprof scripts/profile_app.sh scripts/analyze_profile.py
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/pybpfprof/profile_app scripts/profile_app/sitecustomize.py
	install -d $(addprefix $(DESTDIR)$(PREFIX)/share/,man/man1 bash-completion/completions zsh/site-functions \
		fish/vendor_completions.d)
	$(BUILD)/pybpfprof man >$(DESTDIR)$(PREFIX)/share/man/man1/pybpfprof.1
	$(BUILD)/pybpfprof completions bash >$(DESTDIR)$(PREFIX)/share/bash-completion/completions/pybpfprof
	$(BUILD)/pybpfprof completions zsh >$(DESTDIR)$(PREFIX)/share/zsh/site-functions/_pybpfprof
	$(BUILD)/pybpfprof completions fish >$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/pybpfprof.fish

man: all ## show the manual page
	$(BUILD)/pybpfprof man | man -l -

deps: ## install the packages the build and the tests need (root)
	scripts/install-deps.sh

tour: ## docs/tour.md's pictures and what its commands say, made anew (root)
	scripts/install-deps.sh
	$(MAKE) all
	TOUR=write BUILD=$(BUILD) $(PYTHON) -m pytest -p no:cacheprovider -q tests/live/test_tour.py

# One for each of the programs in docs/real/: a web service, a pandas job, a crawler, a thread pool.
real-web real-pandas real-crawler real-threads: real-%:
	scripts/install-deps.sh --real
	$(MAKE) all
	BUILD=$(BUILD) $(PYTHON) scripts/real.py $*

real: ## docs/real.md's programs, its pictures and what its commands say, made anew (root; real-web, -pandas, -crawler, -threads: one of them)
	scripts/install-deps.sh
	$(MAKE) all
	REAL=write BUILD=$(BUILD) $(PYTHON) -m pytest -p no:cacheprovider -q tests/live/test_real.py

demo: ## install, build, profile a real workload in a cgroup of its own (root)
	scripts/demo.sh

test: ## everything: units, host walker, formats, live (root; SHORT=1: a minute's worth)
	scripts/run-tests.sh

fresh-test: ## demo and a short test on systems that have nothing (root; SUITES="bookworm sid")
	scripts/fresh-test.sh

arm64: ## cross-build build/arm64/pybpfprof, with warnings as errors, against a Debian for arm64 that it fetches
	scripts/install-deps.sh --arm64
	$(MAKE) ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu- SYSROOT="$$(BUILD=$(BUILD) scripts/arm64-root.sh)" \
		WERROR=-Werror BUILD=$(BUILD)/arm64 all $(TESTS:%=$(BUILD)/arm64/tests/%)

# These install what they need first, so what they build is made by a make of its own.
vm-test: ## the program under other kernels, in qemu (downloads them; KERNELS="6.1 6.12")
	scripts/install-deps.sh --vm
	$(MAKE) all $(BUILD)/tests/host/host_walk
	-$(MAKE) arm64 TESTS=host/host_walk
	BUILD=$(BUILD) scripts/vm-test.sh $(KERNELS)

backend: ## install, build (minutes, the first time) and start a back end on this machine: Parca (root; BACKEND_PORT=7070)
	BUILD=$(BUILD) scripts/backend.sh start

backend-stop: ## stop it; what it stored stays
	@BUILD=$(BUILD) scripts/backend.sh stop

backends-test: ## profiles pushed to the real Parca and Collector, and queried back (root; builds them the first time; PYROSCOPE=/path/to/one)
	scripts/install-deps.sh
	scripts/run-tests.sh backends

unit: $(UNIT) ## unit tests only, no root
host: $(HOST) ## the BPF walker as host C
kernel: $(KERNEL) ## the whole kernel side as host C, under a made-up kernel

bench: ## what it costs, beside an empty program and py-spy (root; BENCH=--quick)
	scripts/install-deps.sh --bench
	$(MAKE) all $(BENCH_BUILT)
	BUILD=$(BUILD) $(PYTHON) tests/bench/bench.py $(BENCH)

churn: ## a day of processes, threads, code and containers in minutes: is memory bounded? (root, for the containers)
	scripts/install-deps.sh --build-only
	$(MAKE) $(BUILD)/tests/bench/churn
	$(BUILD)/tests/bench/churn

fuzz: ## each fuzzer for FUZZ_SECONDS (60), on what it found before
	scripts/install-deps.sh --fuzz
	$(MAKE) $(FUZZ) $(BUILD)/tests/unit/make_files
	scripts/run-fuzz.sh $(BUILD) $(FUZZ_SECONDS)

# Their tools are packages, where there are packages of Debian's kind. One whose tool cannot be had says so, with 77.
INSTALL_UNITS = $(Q)! command -v dpkg-query >/dev/null || scripts/install-deps.sh --units || :
lint: ## layers of includes, who opens files, the list of features, format, shell scripts
	$(INSTALL_UNITS)
	$(Q)for each in scripts/check-*.sh; do $$each || [ $$? = 77 ] || exit 1; done

format: ## clang-format all sources, by the pinned version; the line of the licence where it is missing
	$(INSTALL_UNITS)
	scripts/check-licenses.sh --fix
	scripts/check-format.sh --fix

clean: ## remove build/
	rm -rf $(BUILD)

include packaging/packaging.mk

# Only of what is built here: other people's trees below $(BUILD) have files of that name too.
-include $(shell find $(addprefix $(BUILD)/,bpf user tests hosted hosted-old hosted-arm64 fuzz) -name '*.d' 2>/dev/null)
