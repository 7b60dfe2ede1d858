#!/bin/bash
# SPDX-License-Identifier: MIT
# Who may include whom. Fails where a layer looks up or sideways, and where includes form a circle: between headers,
# or between folders.
#
#   scripts/check-includes.sh [ROOT]
#
# The two tables below are the rule; everything else is mechanism. A folder always may include itself.
set -euo pipefail
cd "${1:-$(dirname "$0")/..}"

# folder: what it may include, by folder or file. `*` is everything. The longest matching folder counts. From the top
# down: no row of user/ may name one above it.
layers='
user/main.c      *
user/cmd         *
user/push        user/format user/profile user/os user/util
user/serve       user/profile user/os user/util
user/session     user/source user/target user/resolve user/profile user/os user/util CONTRACT SKELETON
user/inspect    user/resolve/merge.h user/target user/profile user/python user/symbol user/os user/util bpf/pywalk.bpf.h bpf/tstate.bpf.h CONTRACT
user/resolve     user/target user/python user/symbol user/profile user/os user/util CONTRACT
user/source      user/profile user/os user/util CONTRACT SKELETON
user/target      user/python user/symbol user/os user/util CONTRACT
user/format      user/profile user/util
user/python      user/symbol user/os user/util CONTRACT
user/symbol      user/os user/util CONTRACT
user/profile     user/util
user/os          user/util
user/util
bpf/abi.h        bpf/outcomes.h bpf/sources.h
bpf/outcomes.h
bpf/sources.h
bpf/arch.h       bpf/arch
bpf/env.bpf.h    bpf vmlinux
bpf              vmlinux
'
# CONTRACT and SKELETON, spelled out.
contract='bpf/abi.h bpf/outcomes.h bpf/sources.h bpf/arch.h'
# One per variant of the BPF object (user/session/variant.h); made by the build.
skeleton='pybpfprof.skel.h pybpfprof_work_impl.skel.h pybpfprof_work.skel.h pybpfprof_old.skel.h'

# Headers of libraries: who may include them. A pattern as in `case`.
libraries='
bpf/*              user/session user/source bpf
linux/bpf.h        user/session user/source bpf
libelf.h           user/symbol
gelf.h             user/symbol
elfutils/*         user/symbol
lzma.h             user/symbol
libiberty/*        user/symbol
zlib.h             user/format
libdeflate.h       user/format
curl/*             user/push
mbedtls/*          user/push
seccomp.h          user/os
curses.h           user/cmd/top
term.h             user/cmd/top
sys/capability.h   user/os
'
# The contract is compiled by both sides, so it may use only this.
contract_library='linux/types.h'

mapfile -t sources < <(find user bpf -name '*.[ch]' | LC_ALL=C sort)
awk -v layers="$layers" -v contract="$contract" -v skeleton="$skeleton" -v libraries="$libraries" \
	-v contract_library="$contract_library" '
function complain(text) {
	printf "%s:%d: %s\n", FILENAME, FNR, text
	bad++
}
# True when path is the entry itself or lies below it.
function below(path, entry) {
	return path == entry || index(path, entry "/") == 1
}
function pattern(glob) {
	gsub(/\./, "\\.", glob)
	gsub(/\*/, ".*", glob)
	return "^" glob "$"
}
# The row of the table that rules a file: the longest folder it lies below.
function row_of(path,    entry, best) {
	for (entry in allowed)
		if (below(path, entry) && length(entry) > length(best))
			best = entry
	return best
}
function may(row, path,    words, n, i) {
	if (below(path, row))
		return 1
	n = split(allowed[row], words, " ")
	for (i = 1; i <= n; i++)
		if (words[i] == "*" || below(path, words[i]))
			return 1
	return 0
}
function check_quoted(path) {
	if (path ~ /(^|\/)\.\.?\//)
		complain("\"" path "\" is not written from the root of the repository")
	else if (!index(" " skeleton " ", " " path " ") && (getline line < path) < 0)
		complain("\"" path "\" does not exist (includes are written from the root)")
	else if (!may(row, path))
		complain(row " may not include \"" path "\"")
	close(path)
	includes[FILENAME] = includes[FILENAME] " " path
	if (folder_of(path) != folder_of(FILENAME))
		folders[folder_of(FILENAME)] = folders[folder_of(FILENAME)] " " folder_of(path)
}
# A layer: bpf, vmlinux, or a folder of user/ with those below it.
function folder_of(path,    part, n) {
	n = split(path, part, "/")
	return part[1] == "user" && n > 1 ? part[1] "/" part[2] : part[1]
}
# Follows graph[node], a list of nodes; trail is the way to this one. Complains of each circle once.
function follow(graph, node, trail,    next_ones, n, i) {
	if (state[node] == "done")
		return
	if (state[node] == "open") {
		sub(".* " node " → ", node " → ", trail)
		printf "a circle of includes: %s\n", trail node
		bad++
		return
	}
	state[node] = "open"
	n = split(graph[node], next_ones, " ")
	for (i = 1; i <= n; i++)
		follow(graph, next_ones[i], trail node " → ")
	state[node] = "done"
}
function find_circles(graph,    node, nodes, n) {
	delete state
	for (node in graph)
		nodes[++n] = node
	for (; n; n--)
		follow(graph, nodes[n], " ")
}
# The table itself: a row may name rows of user/ that come after it, no others.
function check_order(row,    words, n, i) {
	n = split(allowed[row], words, " ")
	for (i = 1; i <= n; i++)
		if (words[i] in position && position[words[i]] < position[row] && row ~ /^user/) {
			printf "scripts/check-includes.sh: %s may include %s, which is above it\n", row, words[i]
			bad++
		}
}
function check_library(path,    i, j, n, words, fine) {
	if (index(" " contract " ", " " FILENAME " ") && path != contract_library)
		complain("the contract may include only <" contract_library ">")
	for (i = 1; i <= library_cnt; i++) {
		if (path !~ library[i])
			continue
		n = split(users[i], words, " ")
		fine = 0
		for (j = 1; j <= n; j++)
			fine = fine || below(FILENAME, words[j])
		if (!fine)
			complain("<" path "> belongs to " users[i] " only")
	}
}
BEGIN {
	n = split(layers, rows, "\n")
	for (i = 1; i <= n; i++)
		if (split(rows[i], w, " ")) {
			rest = substr(rows[i], length(w[1]) + 1)
			sub(/CONTRACT/, contract, rest)
			sub(/SKELETON/, skeleton, rest)
			allowed[w[1]] = rest
			position[w[1]] = i
		}
	for (row in allowed)
		check_order(row)
	n = split(libraries, rows, "\n")
	for (i = 1; i <= n; i++)
		if (split(rows[i], w, " ")) {
			library[++library_cnt] = pattern(w[1])
			users[library_cnt] = substr(rows[i], length(w[1]) + 1)
		}
}
FNR == 1 {
	files++
	row = row_of(FILENAME)
	if (row == "") {
		complain("this folder has no row in scripts/check-includes.sh")
		nextfile
	}
}
match($0, /^[ \t]*#[ \t]*include[ \t]*"[^"]+"/) {
	split($0, part, "\"")
	check_quoted(part[2])
}
match($0, /^[ \t]*#[ \t]*include[ \t]*<[^>]+>/) {
	split($0, part, /[<>]/)
	check_library(part[2])
}
END {
	if (!files)
		complain("no sources found")
	find_circles(includes)
	find_circles(folders)
	if (bad)
		print "check-includes: " bad " violation" (bad > 1 ? "s" : "") > "/dev/stderr"
	else
		print "check-includes: " files " files keep to the layers, without a circle"
	exit bad > 0
}' "${sources[@]}"
