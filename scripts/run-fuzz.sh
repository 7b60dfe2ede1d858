#!/bin/bash
# SPDX-License-Identifier: MIT
# Runs every fuzzer of BUILD/fuzz for a while; what they find to be interesting is kept in BUILD/fuzz/corpus.
#
#   scripts/run-fuzz.sh BUILD SECONDS [NAME…]
#
# Seeds are made here: files our own writers write, libraries of this machine, line tables of its Python. Exit
# status 1 when any fuzzer found a crash; its input is then BUILD/fuzz/NAME-crash-….
# shellcheck disable=SC2317,SC2329 # functions are called by their names, too
set -uo pipefail
build=$1 seconds=$2
shift 2
python=${PYTHON:-/usr/bin/python3}
fuzz=$build/fuzz
export ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1

seed_json_fuzz() {
	"$build/tests/unit/make_files" stacks=6 depth=5 "$1/small.json"
	"$build/tests/unit/make_files" processes=1 threads=1 stacks=1 depth=1 "$1/one.json"
}

# The keys of the schema, so that mutations hit on them.
dictionary_json_fuzz() {
	grep -o '"[a-z_]*":' user/format/profile.schema.json | sort -u | sed 's/^"\(.*\)":$/"\\"\1\\""/' >"$1"
}

# The fuzzer's first byte says what values are asked for.
seed_json_get_fuzz() {
	"$build/tests/unit/make_files" stacks=2 depth=3 "$fuzz/seed.json"
	printf '\7' | cat - "$fuzz/seed.json" >"$1/profile"
	printf '%s' '1[{"a\u00e9\ud83d\ude00":[-1.5e3,true,null,"€"]}]' >"$1/values"
	rm "$fuzz/seed.json"
}

# The fuzzer's first byte says whether the rest is a whole file.
seed_recording_fuzz() {
	"$build/tests/unit/make_files" stacks=6 depth=5 "$fuzz/seed.pybpf"
	printf '\0' | cat - "$fuzz/seed.pybpf" >"$1/file"
	tail -c +33 "$fuzz/seed.pybpf" | cat <(printf '\1') - >"$1/records"
	"$build/tests/unit/make_files" mixed=1 "$fuzz/seed.pybpf"
	printf '\0' | cat - "$fuzz/seed.pybpf" >"$1/types"
	rm "$fuzz/seed.pybpf"
}

seed_head_fuzz() {
	printf 'GET /profile?seconds=10&container=a%%20b HTTP/1.1\r\nHost: 127.0.0.1:80\r\nAccept: */*\r\n\r\n' >"$1/get"
	printf 'HEAD http://[::1]/%%41 HTTP/1.0\n\n' >"$1/absolute"
}

seed_elf_fuzz() {
	find /lib /usr/lib -name '*.so*' -type f -size -24k 2>/dev/null | head -n 12 | xargs -r cp -t "$1"
}

# The fuzzer's first byte says how it is cut.
seed_http_wire_fuzz() {
	printf '\2HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n3;x=y\r\nabc\r\n0\r\nT: 1\r\n\r\n' >"$1/chunks"
	printf '\7HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 429 Slow\r\nRetry-After: Sun, 09 Sep 2001 01:46:50 GMT\r\nContent-Length: 2\r\n\r\n{}' >"$1/length"
	printf '\4HTTP/1.0 503 Oh\r\nRetry-After: 120\r\n\r\nuntil the end' >"$1/end"
}

seed_unwind_table_fuzz() {
	seed_elf_fuzz "$1"
}

seed_line_table_fuzz() {
	"$python" - "$1" <<'END'
import json.decoder, re, struct, sys
codes = [f.__code__ for m in (json.decoder, re) for f in vars(m).values() if hasattr(f, "__code__")]
for number, code in enumerate(codes):
    table = getattr(code, "co_linetable", None) or code.co_lnotab
    with open("%s/%d" % (sys.argv[1], number), "wb") as out:
        out.write(struct.pack("ii", 8, code.co_firstlineno) + table)
END
}

run() {
	local name=$1 corpus=$fuzz/corpus/$1 log=$fuzz/$1.log extra=() status
	mkdir -p "$corpus"
	[[ -n $(ls -A "$corpus") ]] || { declare -F "seed_$name" >/dev/null && "seed_$name" "$corpus"; }
	declare -F "dictionary_$name" >/dev/null && "dictionary_$name" "$fuzz/$name.dict" && extra=(-dict="$fuzz/$name.dict")
	"$fuzz/$name" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 \
		-artifact_prefix="$fuzz/$name-" "${extra[@]}" "$corpus" >"$log" 2>&1
	status=$?
	printf '%-20s %10s runs, %6s inputs kept: %s\n' "$name" \
		"$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")" "$(find "$corpus" -type f | wc -l)" \
		"$( ((status)) && echo "FAILED, see $log" || echo ok)"
	return $status
}

failed=0
names=("$@")
[[ $# -gt 0 ]] || { names=("$fuzz"/*_fuzz) && names=("${names[@]##*/}"); }
for name in "${names[@]}"; do
	run "$name" || { failed=1 && tail -n 30 "$fuzz/$name.log"; }
done
exit $failed
