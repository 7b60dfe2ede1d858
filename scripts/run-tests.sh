#!/bin/bash
# SPDX-License-Identifier: MIT
# Builds and runs every test there is; the last line counts them: `N passed, N failed, N skipped`. Installs what
# that needs and is not there yet: packages as root, other Pythons, readers of our files.
#
#   scripts/run-tests.sh [SUITE…]     names as printed: lint, unit, host, sanitized, live, …
#   SHORT=1 scripts/run-tests.sh      a minute's worth: does it build, load and read Pythons here?
#
# The suite `fresh` is everything again on a system that has nothing; only CI and those who name it run it. The suite `backends` builds
# real servers first; it is only run by those who name it, and with NIGHTLY=true.
# A suite of C programs is a folder of *_test.c (cmocka); a suite of Python is a folder of test_*.py
# (pytest). New folders are picked up by themselves. Exit status 1 when anything failed.
set -uo pipefail
cd "$(dirname "$0")/.." || exit

export BUILD=${BUILD:-build}
build=$BUILD
python=${PYTHON:-/usr/bin/python3}
jobs=$(nproc)
wanted=("$@")
live="not alone"
if [[ ${SHORT:-} ]]; then
	live=short
	((${#wanted[@]})) || wanted=(build lint unit host kernel live)
fi
passed=0 failed=0 skipped=0
fetching=
suites_failed=()
emulator=() # what runs programs that are not for this processor
# Ours is the only make that decides about jobs.
unset MAKEFLAGS MFLAGS MAKELEVEL
mkdir -p "$build/tests/logs"
logs=$(realpath "$build/tests/logs")
# What tests and the programs they start leave in the folder for such things, everybody's browser first of all.
TMPDIR=$(mktemp -d --tmpdir pybpfprof-tests.XXXXXX) || exit
chmod 1777 "$TMPDIR" # as /tmp: some run as other users
export TMPDIR
trap 'rm -rf --one-file-system "$TMPDIR"' EXIT
start=$SECONDS

chosen() {
	if [[ ${#wanted[@]} == 0 ]]; then
		[[ $1 != fresh || ${CI:-} == true ]] && [[ $1 != backends || ${NIGHTLY:-} == true ]]
		return
	fi
	local one
	for one in "${wanted[@]}"; do
		[[ $one == "$1" ]] && return
	done
	return 1
}

# suite NAME COMMAND…: COMMAND adds to the three counts.
suite() {
	local name=$1 before=("$passed" "$failed" "$skipped") began=$SECONDS
	shift
	chosen "$name" || return 0
	echo "== $name"
	"$@"
	[[ $failed == "${before[1]}" ]] || suites_failed+=("$name")
	printf -- '-- %s: %d passed, %d failed, %d skipped (%d s)\n\n' "$name" $((passed - before[0])) \
		$((failed - before[1])) $((skipped - before[2])) $((SECONDS - began))
}

# One command that passes or fails as a whole, or says that it was skipped: status 77.
check() {
	local status=0
	"$@" || status=$?
	case $status in
	0) passed=$((passed + 1)) ;;
	77) skipped=$((skipped + 1)) ;;
	*)
		failed=$((failed + 1))
		echo "FAILED: $*"
		;;
	esac
}

lint() {
	local each
	for each in scripts/check-*.sh; do
		check "$each"
	done
}

# The number in cmocka's closing line of that kind, 0 when there is none.
cmocka_count() {
	sed -n "s/^\[  $1 *\] \([0-9]*\) test(s).*/\1/p" "$2" | awk '{ n += $1 } END { print n + 0 }'
}

log_of() {
	echo "$logs/$(tr / - <<<"${1#"$build"/}").log"
}

start_cmocka() {
	local log
	log=$(log_of "$1")
	timeout -k 5 300 "${emulator[@]}" "$1" >"$log" 2>&1
	echo $? >"$log.status"
}

# A program that ends without cmocka's closing line counts as one failure: it crashed, or tested nothing.
run_cmocka() {
	local program=$1 log status ok bad left
	log=$(log_of "$program")
	[[ -f $log.status ]] || start_cmocka "$program"
	status=$(<"$log.status")
	rm -f "$log.status"
	ok=$(cmocka_count PASSED "$log") bad=$(cmocka_count FAILED "$log") left=$(cmocka_count SKIPPED "$log")
	((status != 0 && bad == 0 || ok + bad + left == 0)) && bad=$((bad + 1))
	passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + left))
	((bad)) || return
	echo "FAILED: $program (status $status)"
	grep -v '^\[\( RUN\|       OK\) *\]' "$log" | tail -n 60
}

# c_tests FOLDER [MAKE-VARIABLE]: build and run build/tests/FOLDER/*_test.
c_tests() {
	local folder=$1 where=$build source program
	[[ ${2:-} == SAN=* ]] && where=$build/san
	compgen -G "tests/$folder/*_test.c" >/dev/null || {
		echo "no tests in tests/$folder"
		return
	}
	make -s -k -j"$jobs" "$folder" ${2:+"$2"} || {
		echo "FAILED: make $folder ${2:-}"
		failed=$((failed + 1))
	}
	local programs=()
	for source in tests/"$folder"/*_test.c; do
		source=$where/${source%.c}
		for program in "$source" "${source%_test}"_{old,arm64}_test; do
			[[ -x $program ]] && programs+=("$program")
		done
	done
	# Those of units watch clocks.
	[[ $folder == unit ]] || beside_each_other "${programs[@]}"
	for program in "${programs[@]}"; do
		run_cmocka "$program"
	done
}

# As many at a time as there are processors.
beside_each_other() {
	local program
	for program in "$@"; do
		while (($(jobs -rp | grep -vcx "${fetching:-none}") >= jobs)); do
			sleep 0.1
		done
		start_cmocka "$program" &
	done
	for program in "$@"; do
		while [[ ! -f $(log_of "$program").status ]]; do sleep 0.1; done
	done
}

# Those of what depends on the processor.
arm64_tests=(unit/{arch,build,elf,tstates}_test host/{address,tstate,start,recorded}_test)

# For the other processor, with warnings as errors, and what depends on it in user-mode qemu, which has no BPF.
arm64() {
	local test root why=
	if [[ $(uname -m) == aarch64 ]]; then
		why="this machine is one, and all suites are of it"
	elif ! { scripts/install-deps.sh --arm64 && root=$(scripts/arm64-root.sh); } >"$logs/arm64-packages" 2>&1; then
		why="cross compiler, qemu or Debian's packages for arm64 cannot be had (${logs#"$PWD"/}/arm64-packages)"
	fi
	[[ ! $why ]] || { echo "skipped: $why"; skipped=$((skipped + 1)); return; }
	check make -s -j"$jobs" arm64 TESTS="${arm64_tests[*]}"
	emulator=("$(command -v qemu-aarch64-static || command -v qemu-aarch64)" -L "$root") # by qemu-user-static, or qemu-user
	for test in "${arm64_tests[@]}"; do
		[[ -x $build/arm64/tests/$test ]] && run_cmocka "$build/arm64/tests/$test"
	done
	emulator=()
}

sanitized() {
	c_tests unit SAN=address,undefined
	c_tests host SAN=address,undefined
	c_tests kernel SAN=address,undefined
}

# report_of FILE: what pytest's own record counts, "passed failed skipped", and a line for each test that failed.
report_of() {
	"$python" - "$1" <<'END'
import re, sys, xml.etree.ElementTree as tree
suite = tree.parse(sys.argv[1]).getroot().find("testsuite")
cases, skip = list(suite.iter("testcase")), int(suite.get("skipped"))
# A test that fails and whose tear-down fails too is listed twice; count names.
bad = {(c.get("classname"), c.get("name")) for c in cases if c.find("failure") is not None or c.find("error") is not None}
names = {(c.get("classname"), c.get("name")) for c in cases}
print(len(names) - len(bad) - skip, len(bad), skip)
for where, name in sorted(bad):
    print(where.replace(".", "/") + ".py::" + re.sub(r"@[^@\]]*$", "", name))
END
}

# python_tests NAME FOLDER [PYTEST-OPTION…]. A run that left no record (or counted nothing) is a failure.
python_tests() {
	local name=$1 report=$logs/pytest-$1.xml status counts ok bad left again
	shift
	rm -f "$report"
	"$python" -m pytest -p no:cacheprovider -q -rs --tb=short --durations=5 --junitxml="$report" "$@"
	status=$?
	mapfile -t counts < <(report_of "$report")
	read -r ok bad left <<<"${counts[0]:-0 0 0}"
	((status != 0 && bad == 0 || ok + bad + left == 0)) && bad=$((bad + 1))
	if [[ $name == @(live|alone) ]] && ((bad && bad <= second_tries && bad == ${#counts[@]} - 1)); then
		second_tries=$((second_tries - bad))
		second_try "$name" "${counts[@]:1}"
		ok=$((ok + again)) bad=$((bad - again))
	fi
	passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + left))
}

# Live tests measure, and the machine may be another's too: it stands still for a while, or has less for us. A few that
# failed are tried once more with nothing beside them. What passes then counts, and is said at the end.
second_tries=5
second_only=() # what passed only then

# second_try NAME TEST…: sets `again` to how many passed.
second_try() {
	local report=$logs/pytest-$1-again.xml counts test
	shift
	rm -f "$report"
	echo "once more, with nothing beside them: $*"
	"$python" -m pytest -p no:cacheprovider -q -rs --tb=short --junitxml="$report" "$@"
	mapfile -t counts < <(report_of "$report")
	again=${counts[0]%% *}
	again=${again:-0}
	for test in "$@"; do
		printf '%s\n' "${counts[@]:1}" | grep -qxF "$test" || ((again == 0)) || second_only+=("$test")
	done
}

# One kernel stands for all: the oldest, which lacks most. `make vm-test` tries every one.
other_kernels() {
	local ok bad left
	make -s "$build/tests/host/host_walk"
	scripts/vm-test.sh 5.10 | tee "$logs/vm.log"
	read -r ok _ bad _ left _ < <(tail -n 1 "$logs/vm.log")
	[[ $ok$bad$left =~ ^[0-9]+$ ]] || ok=0 bad=1 left=0
	passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + left))
}

python_suites() {
	local folder
	for folder in tests/*/; do
		folder=${folder%/}
		compgen -G "$folder/test_*.py" >/dev/null && echo "$folder"
	done
}

# What the chosen suites need: live tests read files with many programs, and want other Pythons.
set_up() {
	local group=(--units)
	((${#wanted[@]})) && chosen packages && group=(--packages)
	[[ ! ${SHORT:-} ]] && { chosen live || chosen alone; } && group=()
	if command -v dpkg-query >/dev/null; then
		scripts/install-deps.sh "${group[@]}" || return
	else
		echo "no dpkg here: whatever is missing must be installed by hand"
	fi
	[[ ${group[*]} || $(id -u) != 0 ]] && return
	# In the background of the suites that need none.
	scripts/get-interpreters.sh >"$logs/interpreters.log" 2>&1 &
	fetching=$!
}

# Waits for the interpreters, and says which came from where.
fetched() {
	[[ $fetching ]] || return
	wait "$fetching" || echo "some interpreters are missing; their tests are skipped"
	fetching=
	cat "$logs/interpreters.log"
}

[[ $(id -u) == 0 ]] || echo "not root: what needs BPF is skipped"
set_up || {
	echo "0 passed, 1 failed, 0 skipped"
	exit 1
}
suite build check make -s -j"$jobs" all
suite lint lint
suite unit c_tests unit
suite host c_tests host
suite kernel c_tests kernel
suite sanitized sanitized
suite arm64 arm64
# Tests run beside each other, but for those that say that they need the machine for themselves.
beside=()
"$python" -c "import xdist" 2>/dev/null && beside=(-n $((jobs < 4 ? jobs : 4)) --dist loadgroup)
for folder in $(python_suites); do
	name=${folder#tests/}
	chosen live || chosen alone && fetched
	if [[ $name == live ]]; then
		suite live python_tests live "$folder" -m "$live" "${beside[@]}"
		suite alone python_tests alone "$folder" -m alone
	else
		suite "$name" python_tests "$name" "$folder"
	fi
done
suite vm other_kernels
suite fresh check scripts/fresh-test.sh "${FRESH:-testing}"

echo "all suites: $((SECONDS - start)) s"
((${#second_only[@]} == 0)) || echo "passed at the second try: ${second_only[*]}"
((${#suites_failed[@]} == 0)) || echo "failed in: ${suites_failed[*]}"
((passed + failed + skipped)) || {
	echo "no such suite: ${wanted[*]}"
	failed=1
}
echo "$passed passed, $failed failed, $skipped skipped"
((failed == 0))
