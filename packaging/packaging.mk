# SPDX-License-Identifier: MIT
# Packages (docs/install.md), all in build/release/. Each is made of the tree as it lies here, says nothing of where it was
# made, and is the same the next time: times in it are that of the release.
SOURCE_DATE_EPOCH ?= $(shell date -u -d '$(RELEASED)' +%s)
export SOURCE_DATE_EPOCH
RELEASES := $(BUILD)/release
STATIC_BUILT := $(BUILD)/static/pybpfprof
THIRD_PARTY := $(BUILD)/static/THIRD-PARTY.txt
NAME	:= pybpfprof-$(VERSION)
MACHINE	:= $(patsubst arm64,aarch64,$(patsubst x86,x86_64,$(ARCH)))
# Same names, owners, order and times, whoever packs, and gzip's header without a time.
PACK	= tar -c --format=ustar --sort=name --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX --mtime=@$(SOURCE_DATE_EPOCH)

.PHONY: static deb wheel image archive source release print-VERSION third-party

# Where there are packages of Debian's kind.
INSTALL_PACKAGES = $(Q)! command -v dpkg-query >/dev/null || scripts/install-deps.sh --packages

print-VERSION:
	@echo $(VERSION)

static: ## build/static/pybpfprof: one file for every distribution, musl's too
	$(INSTALL_PACKAGES)
	$(Q)$(MAKE) STATIC=1 all

# What it has linked in, and under which licences.
third-party: static
	$(Q)packaging/third_party.sh $(STATIC_BUILT).map > $(THIRD_PARTY)

deb: ## the Debian package, with the service
	$(INSTALL_PACKAGES)
	$(Q)packaging/deb.sh $(BUILD)/deb
	$(Q)mkdir -p $(RELEASES) && cp $(BUILD)/deb/pybpfprof_*.deb $(RELEASES)/

wheel image: third-party
	$(Q)mkdir -p $(RELEASES)
	$(Q)$(PYTHON) -B packaging/$@.py $(STATIC_BUILT) $(VERSION) $(RELEASES) LICENSE $(THIRD_PARTY)
wheel: ## for pip: the static binary
image: ## for containers, in OCI's form: the static binary (podman load -i, docker load -i)

# The static binary with what `make install` puts beside a program, and what runs it as a service.
archive: third-party
	$(Q)rm -rf $(BUILD)/archive && mkdir -p $(RELEASES) $(BUILD)/archive/$(NAME)
	$(Q)$(MAKE) -s STATIC=1 install PREFIX= DESTDIR=$(abspath $(BUILD)/archive/$(NAME)) >/dev/null
	$(Q)cp -r LICENSE $(THIRD_PARTY) CHANGELOG.md packaging/systemd packaging/kubernetes $(BUILD)/archive/$(NAME)/
	$(Q)$(PACK) -C $(BUILD)/archive $(NAME) | gzip -9n > $(RELEASES)/$(NAME)-linux-$(MACHINE).tar.gz

source:
	$(Q)rm -rf $(BUILD)/source && mkdir -p $(RELEASES)
	$(Q)packaging/tree.sh $(BUILD)/source/$(NAME)
	$(Q)$(PACK) -C $(BUILD)/source $(NAME) | gzip -9n > $(RELEASES)/$(NAME).tar.gz

release: ## all packages, the same each time, in build/release/ with SHA256SUMS
	scripts/install-deps.sh --packages
	$(Q)rm -rf $(RELEASES)
	$(Q)$(MAKE) deb wheel image archive source
	$(Q)cd $(RELEASES) && sha256sum -- * > SHA256SUMS && cat SHA256SUMS
