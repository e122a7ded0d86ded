# quorate: a distributed blackbox probe network.
#
#   make            build build/quorate-coordinator, build/quorate-probe and build/quorate
#   make demo       the main job, shown step by step (DEMO_EXIT=1: end by itself; URL=https://… adds yours)
#   make check      all tests that take minutes: unit, property, scenarios, fuzz corpora, end to end, lint
#   make check-all  the long runs too
#   make check-chroot  demo and check from a clone in an empty Debian 12 root (needs root, debootstrap)
#   make unit       unit and property tests only          (T=name: one of them)
#   make sim        scenarios on virtual time             (T=name: one of them)
#   make fleet      10,000 monitors through a simulated month: false alerts, missed outages (FLEET="-m 500 -d 1": less)
#   make e2e        end-to-end tests with real programs   (TEST=name: one of them)
#   make fuzz       every fuzz target for FUZZ_SECONDS    (T=name: one of them)
#   make bench      what checks cost, beside other tools  (T=name: one of them; BENCH=quick: fewer rounds; BENCH=counted: in instructions,
#                   counted in an emulated machine where this one cannot)
#   make bench-detect  how long from an outage to its webhook: 480 targets broken at random (11 minutes)
#   make lint       include layers, format, clang-tidy, cppcheck, man pages
#   make format     apply clang-format
#   make pages      man pages and proto/README.md: write their parts that are made from the tables in the code
#   make deps       install what is missing (apt-get)
#   make deb        Debian packages in build/deb/          (ARCH=arm64: cross-built)
#   make packages   the same, and their tests              (PACKAGE_TESTS=name: which end-to-end tests, in their units' cage)
#   make e2e-ansible  bare Debian hosts with systemd: deployed with Ansible, upgraded, emptied (needs root; minutes)
#   make install    into DESTDIR, under PREFIX
#   make clean      remove build/
#
# SANITIZE=address (with undefined), SANITIZE=thread or none; each has its own build folder. CC=clang works.
# V=1 shows the commands. Needed besides make and git: nothing, `make deps` runs first by itself.

PREFIX   ?= /usr/local
SANITIZE ?=
# As many jobs as there are processors, unless -j says otherwise; one make and its sub-makes share them.
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(shell nproc)
endif
CC       := $(if $(filter default,$(origin CC)),gcc,$(CC))
BUILD    ?= build$(if $(SANITIZE),/$(SANITIZE))$(if $(filter-out gcc,$(CC)),/$(notdir $(CC)))
Q        := $(if $(V),,@)
VERSION  := $(shell sed -n 's/^## \[\([0-9.]*\)\].*/\1/p' CHANGELOG.md | head -1)

PACKAGES_BUILD := gcc libc6-dev pkg-config libnanomsg-dev libcurl4-openssl-dev libc-ares-dev libssl-dev \
	libjansson-dev libevent-dev libsqlite3-dev libyaml-dev libpcre2-dev uthash-dev libsystemd-dev libglib2.0-dev \
	ca-certificates tzdata
PACKAGES_DEMO  := python3 openssl
PACKAGES_TEST  := $(PACKAGES_DEMO) libcmocka-dev procps curl bind9-dnsutils iproute2 iputils-ping nftables iptables sqlite3 strace systemd clang \
	libclang-rt-14-dev clang-format clang-tidy cppcheck man-db ansible-core ansible-lint
PACKAGES_LONG  := $(if $(filter x86_64,$(shell uname -m)),user-mode-linux kmod)
PACKAGES_COUNT := qemu-system-x86
PACKAGES_DEB   := debhelper dpkg-dev fakeroot rsync lintian systemd
PACKAGES_HOSTS := mmdebstrap systemd-container openssh-client ansible-core
PACKAGES_ARM64 := gcc-aarch64-linux-gnu qemu-user-static
DEPS_.deps-demo = $(PACKAGES_DEMO)
DEPS_.deps-test = $(PACKAGES_TEST)
DEPS_.deps-long = $(PACKAGES_LONG)
DEPS_.deps-counted = $(PACKAGES_COUNT)
DEPS_.deps-deb  = $(PACKAGES_DEB)
DEPS_.deps-arm64 = $(PACKAGES_ARM64)
DEPS_.deps-hosts = $(PACKAGES_DEMO) procps iproute2 nftables $(PACKAGES_HOSTS)
PKGS := nanomsg libcurl libcares libssl libcrypto jansson libevent libevent_openssl libevent_pthreads sqlite3 yaml-0.1 libpcre2-8 libsystemd glib-2.0

comma  := ,
WARN   := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wcast-qual \
	-Wwrite-strings -Wvla -Wformat=2 $(if $(CI),-Werror)
HARDEN := -fstack-protector-strong -fPIE $(if $(SANITIZE),,-D_FORTIFY_SOURCE=2)
SAN    := $(if $(SANITIZE),-fsanitize=$(SANITIZE)$(if $(filter address,$(SANITIZE)),$(comma)undefined) \
	-fno-sanitize-recover=all -fno-omit-frame-pointer)
CFLAGS ?= $(if $(SANITIZE),-O1,-O2) -g
ALL_CFLAGS = -std=c11 -D_GNU_SOURCE -DQUORATE_VERSION='"$(VERSION)"' -Iinclude -I. $(WARN) $(HARDEN) $(CFLAGS) $(SAN) $(PKG_CFLAGS)
ALL_LDFLAGS = -pie -Wl,-z,relro,-z,now -Wl,--as-needed $(SAN) $(LDFLAGS)

PROTO_SRC := $(wildcard proto/base/*.c proto/*.c)
PROBE_SRC := $(filter-out probe/main.c,$(wildcard probe/*.c))
CORE_SRC  := $(wildcard coordinator/core/*.c) coordinator/rule.c
COORD_SRC := $(filter-out coordinator/main.c $(CORE_SRC),$(wildcard coordinator/*.c coordinator/store/*.c \
	coordinator/api/*.c coordinator/notify/*.c))
CLI_SRC   := $(filter-out coordinator/cli/main.c,$(wildcard coordinator/cli/*.c))
UNIT      := $(patsubst tests/%.c,%,$(wildcard tests/unit/*.c tests/prop/*.c))
FUZZ      := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
PROGRAMS  := $(addprefix $(BUILD)/,quorate-coordinator quorate-probe quorate)
obj        = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
LIBS      := $(BUILD)/libcli.a $(BUILD)/libcoordinator.a $(BUILD)/libcore.a $(BUILD)/libprobe.a $(BUILD)/libproto.a

.PHONY: all demo check check-all unit sim fleet e2e bench-detect fuzz fuzz-replay lint format pages deps test-programs install clean help bench check-chroot \
	deb packages e2e-ansible install-system
all: $(PROGRAMS)

help:
	@sed -n '1,/^$$/s/^# \{0,1\}//p' Makefile

# ---- dependencies: a stamp is there once its packages were seen installed; nothing is asked twice. Building, the demo
# and the tests have one each, so that the demo does not wait for compilers and linters that only the tests use.
BUILDING := $(filter-out help clean deps format,$(or $(MAKECMDGOALS),all))
TEST_DEPS := build/.deps-test build/peers/.done
DEMO_DEPS := build/.deps-demo build/peers/.done
deps: build/.deps $(TEST_DEPS)
build/.deps-test: | build/.deps-demo
build/.deps-demo: | build/.deps
build/.deps-long: | build/.deps-test
build/.deps-counted: | build/.deps-demo
build/.deps-deb: | build/.deps
build/.deps-arm64: | build/.deps-deb
build/.deps-hosts: | build/.deps-deb
build/.deps build/.deps-demo build/.deps-test build/.deps-long build/.deps-counted build/.deps-deb build/.deps-arm64 build/.deps-hosts: tests/deps.sh Makefile
	@mkdir -p $(@D)
	$(Q)sh tests/deps.sh $(PACKAGES_BUILD) $(DEPS_$(@F))
	@touch $@
build/peers/.done: tests/peers.sh | build/.deps-demo
	$(Q)sh tests/peers.sh
	@touch $@
build/peers-servers/.done: tests/peers.sh | build/.deps-demo
	$(Q)sh tests/peers.sh servers
	@touch $@
build/peers-bench/.done: tests/peers.sh | build/.deps-demo
	$(Q)sh tests/peers.sh bench
	@touch $@
build/peers-counted/.done: tests/peers.sh | build/.deps-demo
	$(Q)sh tests/peers.sh counted
	@touch $@
ifneq ($(BUILDING),)
-include $(BUILD)/pkg.mk
endif
$(BUILD)/pkg.mk: Makefile | build/.deps
	@mkdir -p $(@D)
	@printf 'PKG_CFLAGS := %s\nPKG_LIBS := %s\n' "$$(pkg-config --cflags $(PKGS))" "$$(pkg-config --libs $(PKGS))" >$@

# ---- compiling and linking; a changed flag rebuilds
$(BUILD)/.flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(subst ','\'',$(ALL_CFLAGS) $(ALL_LDFLAGS))' | cmp -s - $@ || echo '$(CC) $(subst ','\'',$(ALL_CFLAGS) $(ALL_LDFLAGS))' >$@
FORCE:

$(BUILD)/obj/%.o: %.c $(BUILD)/.flags | build/.deps
	@mkdir -p $(@D)
	$(if $(V),,@echo "  CC    $<")
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

define archive
$(BUILD)/lib$(1).a: $$(call obj,$(2))
	$$(Q)rm -f $$@; ar rcs $$@ $$^
endef
$(eval $(call archive,proto,$(PROTO_SRC)))
$(eval $(call archive,probe,$(PROBE_SRC)))
$(eval $(call archive,core,$(CORE_SRC)))
$(eval $(call archive,coordinator,$(COORD_SRC)))
$(eval $(call archive,cli,$(CLI_SRC)))

link = $(if $(V),,@echo "  LINK  $@")$(if $(V),,;)$(CC) $(ALL_LDFLAGS) -o $@ $(1) $(PKG_LIBS) -lresolv -lpthread -lm
$(BUILD)/quorate-coordinator: $(call obj,coordinator/main.c) $(BUILD)/libcoordinator.a $(BUILD)/libcore.a $(BUILD)/libproto.a
	$(call link,$^)
$(BUILD)/quorate-probe: $(call obj,probe/main.c) $(BUILD)/libprobe.a $(BUILD)/libproto.a
	$(call link,$^)
$(BUILD)/quorate: $(call obj,coordinator/cli/main.c) $(BUILD)/libcli.a $(BUILD)/libcore.a $(BUILD)/libproto.a
	$(call link,$^)
$(addprefix $(BUILD)/tests/,$(UNIT)): $(BUILD)/tests/%: $(BUILD)/obj/tests/%.o $(LIBS)
	@mkdir -p $(@D)
	$(call link,$< -Wl$(comma)--start-group $(LIBS) -Wl$(comma)--end-group -lcmocka)
$(BUILD)/tests/sim: $(call obj,$(wildcard tests/sim/*.c)) $(LIBS)
	@mkdir -p $(@D)
	$(call link,$(filter %.o,$^) -Wl$(comma)--start-group $(LIBS) -Wl$(comma)--end-group)
$(BUILD)/tests/fleet: $(call obj,$(wildcard tests/fleet/*.c)) $(LIBS)
	@mkdir -p $(@D)
	$(call link,$(filter %.o,$^) -Wl$(comma)--start-group $(LIBS) -Wl$(comma)--end-group)
$(addprefix $(BUILD)/tests/,$(FUZZ)): $(BUILD)/tests/%: $(BUILD)/obj/tests/fuzz/%.o $(BUILD)/obj/tests/fuzz/replay.o $(LIBS)
	@mkdir -p $(@D)
	$(call link,$(filter %.o,$^) -Wl$(comma)--start-group $(LIBS) -Wl$(comma)--end-group)

# ---- tests: everything runs under ASan and UBSan
$(call obj,$(UNIT:%=tests/%.c)): | build/.deps-test
unit: $(filter %$(T),$(addprefix $(BUILD)/tests/,$(UNIT))) | $(TEST_DEPS)
	$(Q)sh tests/run.sh $^
sim: $(BUILD)/tests/sim $(BUILD)/tests/fleet
	$(Q)$< $(if $(T),tests/sim/$(T).scn,tests/sim/*.scn)
	$(Q)$(if $(T),,$(BUILD)/tests/fleet -m 500 -d 1 && $(BUILD)/tests/fleet -c -m 40 -d 2)
fleet: $(BUILD)/tests/fleet # meant for a build without SANITIZE
	$(Q)$< $(FLEET)
fuzz-replay: $(addprefix $(BUILD)/tests/,$(FUZZ))
	$(Q)for t in $(FUZZ); do $(BUILD)/tests/$$t tests/fuzz/corpus/$${t#fuzz_} || exit 1; done
e2e: all | $(TEST_DEPS) $(if $(findstring long,$(TEST)$(E2E_SET)),build/.deps-long) \
	$(if $(findstring long,$(E2E_SET))$(findstring starttls,$(TEST)),build/peers-servers/.done)
	$(Q)BUILD=$(BUILD) /usr/bin/python3 tests/e2e/run.py $(if $(TEST),$(TEST),$(E2E_SET))
test-programs: $(addprefix $(BUILD)/tests/,$(UNIT) $(FUZZ) sim fleet)
check: # end-to-end tests mostly wait: the others run meanwhile
	$(Q)$(MAKE) --no-print-directory SANITIZE=address all test-programs
	$(Q)$(MAKE) --no-print-directory --keep-going SANITIZE=address e2e lint unit sim fuzz-replay packages
check-all: check
	$(Q)$(MAKE) --no-print-directory CC=clang CI=true all test-programs
	$(Q)$(MAKE) --no-print-directory SANITIZE=address E2E_SET=--long e2e
	$(Q)$(MAKE) --no-print-directory packages ARCH=arm64
	$(Q)$(MAKE) --no-print-directory packages PACKAGE_TESTS=all
	$(Q)$(MAKE) --no-print-directory packages PACKAGE_TESTS="probe_memory hostile_alone"
	$(Q)$(MAKE) --no-print-directory fleet
	$(Q)$(MAKE) --no-print-directory fuzz
fuzz:
	$(Q)PKGS="$(PKGS)" sh tests/fuzz/run.sh $(or $(FUZZ_SECONDS),60) $(or $(T),$(FUZZ))

bench: all $(patsubst tests/bench/%.c,$(BUILD)/tests/bench/%,$(wildcard tests/bench/*.c)) | build/peers/.done build/peers-bench/.done \
	$(if $(filter counted,$(BENCH)),build/.deps-counted build/peers-counted/.done)
	$(Q)BUILD=$(BUILD) BENCH=$(BENCH) /usr/bin/python3 tests/bench/$(if $(filter counted,$(BENCH)),counted,run).py $(T) # meant for a build without SANITIZE
bench-detect: # meant for a build without SANITIZE
	$(Q)$(MAKE) --no-print-directory e2e TEST=detection_long
$(BUILD)/tests/bench/%: $(BUILD)/obj/tests/bench/%.o $(LIBS)
	@mkdir -p $(@D)
	$(call link,$< -Wl$(comma)--start-group $(LIBS) -Wl$(comma)--end-group)

SOURCES = $(wildcard include/quorate/*.h proto/base/*.[ch] proto/*.[ch] probe/*.[ch] coordinator/*.[ch] \
	coordinator/*/*.[ch] tests/unit/*.[ch] tests/prop/*.[ch] tests/sim/*.[ch] tests/fleet/*.[ch] tests/fuzz/*.[ch] tests/bench/*.[ch])
lint: | build/.deps-test
	$(Q)sh tests/lint.sh $(SOURCES)
format:
	$(Q)clang-format -i $(SOURCES)

pages: $(BUILD)/tests/unit/pages_test
	$(Q)PAGES=write $<

demo: all | $(DEMO_DEPS)
	$(Q)BUILD=$(BUILD) /usr/bin/python3 tests/demo.py

check-chroot:
	$(Q)tests/chroot.sh

install: all
	install -D -m 755 -t $(DESTDIR)$(PREFIX)/bin $(BUILD)/quorate $(BUILD)/quorate-probe $(BUILD)/quorate-coordinator
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man1 coordinator/cli/quorate.1
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man5 proto/quorate-monitors.5
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man8 probe/quorate-probe.8 coordinator/quorate-coordinator.8
# What the packages bring besides: units, their users and folders, examples of configuration
install-system:
	install -D -m 644 -t $(DESTDIR)/lib/systemd/system probe/quorate-probe.service coordinator/quorate-coordinator.service
	install -D -m 644 probe/quorate-probe.sysctl $(DESTDIR)/usr/lib/sysctl.d/50-quorate-probe.conf
	install -D -m 644 -t $(DESTDIR)/usr/share/quorate-probe probe/raw-ping.conf probe/proxy-password.conf
	install -D -m 644 -t $(DESTDIR)/usr/share/quorate-coordinator coordinator/port-443.conf coordinator/credentials.conf
	install -D -m 644 probe/probe.yml.example $(DESTDIR)/usr/share/quorate-probe/probe.yml
	install -D -m 644 coordinator/coordinator.yml.example $(DESTDIR)/usr/share/quorate-coordinator/coordinator.yml
	for p in probe/quorate-probe coordinator/quorate-coordinator; do \
		install -D -m 644 $$p.sysusers $(DESTDIR)/usr/lib/sysusers.d/$${p#*/}.conf && \
		install -D -m 644 $$p.tmpfiles $(DESTDIR)/usr/lib/tmpfiles.d/$${p#*/}.conf || exit 1; \
	done

ARCH ?= $(shell dpkg --print-architecture)
deb: | build/.deps-deb $(if $(filter arm64,$(ARCH)),build/.deps-arm64)
	$(Q)sh ansible/debian/build.sh $(ARCH) $(VERSION) $(filter %-dev,$(PACKAGES_BUILD))
e2e-ansible: deb | build/.deps-hosts build/peers/.done
	$(Q)sh tests/hosttree.sh
	$(Q)sh tests/ansible.sh --packages
	$(Q)/usr/bin/python3 tests/e2e/run.py ansible
packages: deb | $(TEST_DEPS)
	$(Q)tests/packages.sh $(ARCH) $(PACKAGE_TESTS)

clean:
	rm -rf build

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
