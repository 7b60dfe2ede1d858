# SPDX-License-Identifier: MIT
# Packages (docs/install.md). Each is made of the tree as it lies here, says nothing of where it was made, and is the same
# the next time: times are that of the release.
SOURCE_DATE_EPOCH ?= $(shell date -u -d '$(RELEASED)' +%s)
export SOURCE_DATE_EPOCH
RELEASES := $(BUILD)/release

.PHONY: static deb wheel image release print-VERSION

print-VERSION:
	@echo $(VERSION)

static: ## build/static/pybpfprof: one file for every distribution, musl's too
	$(Q)$(MAKE) STATIC=1 all
	@ls -l $(BUILD)/static/pybpfprof

deb: ## build/deb/pybpfprof_*.deb
	$(Q)packaging/deb.sh $(BUILD)/deb
