#!/bin/bash
# SPDX-License-Identifier: MIT
# Prints where this machine's apt has an archive of that name from: what other suites can be taken from too.
#
#   scripts/mirror.sh [NAME]     default: debian; status 1 when apt has none
{
	sed -n 's/^URIs: *\([^ ]*\).*/\1/p' /etc/apt/sources.list.d/*.sources
	sed -n 's/^deb \(\[[^]]*\] \)\?\([^ ]*\) .*/\2/p' /etc/apt/sources.list /etc/apt/sources.list.d/*.list
} 2>/dev/null | grep -m1 "/${1:-debian}/\?\$"
