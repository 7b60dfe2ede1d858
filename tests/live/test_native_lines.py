# SPDX-License-Identifier: MIT
"""Source lines and inlined functions of native code in a running process, against addr2line; and where debug files are found."""

import collections
import os
import pathlib
import random
import re
import shutil
import subprocess

import pytest

import interpreters
from programs import built

PYTHON = [one for one in interpreters.MATRIX if interpreters.is_plain(one)][-1].path

pytestmark = pytest.mark.skipif(not shutil.which("addr2line") or not shutil.which("objcopy"), reason="no binutils")

C = r"""
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#define ALWAYS static inline __attribute__((always_inline))
#define TWICE(x) ((x) * 2 + \
		  1)
volatile uint64_t sink;
ALWAYS uint64_t rotate(uint64_t x, int by)
{
	return x << by | x >> (64 - by);
}
ALWAYS uint64_t mix(uint64_t x)
{
	x ^= rotate(x, 13);
	sink = TWICE(x);
	return rotate(x, 29) * 0x9e3779b97f4a7c15ull;
}
ALWAYS void sum_up(const uint64_t *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (v[i] & 1)
			sink += mix(v[i]);
		else
			sink -= rotate(v[i], 7);
}
static __attribute__((noinline)) int compare(const void *a, const void *b)
{
	uint64_t x = mix(*(const uint64_t *)a), y = mix(*(const uint64_t *)b);

	return x < y ? -1 : x > y;
}
__attribute__((cold, noinline)) static void complain(void)
{
	sink = mix(sink);
}
void work(uint64_t *v, size_t n)
{
	if (__builtin_expect(!n, 0)) {
		complain();
		abort();
	}
	qsort(v, n, sizeof(*v), compare);
	sum_up(v, n);
#include "part.h"
}
"""
PART = "\tsink ^= mix(n);\n\tsink ^= rotate(n, 3);\n"

CPP = r"""
#include <algorithm>
#include <map>
#include <string>
#include <vector>
namespace shop {
struct item {
	std::string name;
	double price;
	[[gnu::always_inline]] double taxed() const { return price * 1.19 + name.size(); }
};
class basket {
	std::vector<item> items;
	std::map<std::string, int> counts;

public:
	void add(const std::string &name, double price);
	template <typename F> [[gnu::always_inline]] double total(F f) const
	{
		double sum = 0;
		for (const item &one : items)
			sum += f(one);
		return sum;
	}
	void sort()
	{
		std::sort(items.begin(), items.end(), [](const item &a, const item &b) { return a.taxed() < b.taxed(); });
	}
};
void basket::add(const std::string &name, double price)
{
	items.push_back({name, price});
	counts[name]++;
}
namespace {
double halved(const item &one)
{
	return one.taxed() / 2;
}
}
}
extern "C" double run(int n)
{
	shop::basket b;
	for (int i = 0; i < n; i++)
		b.add(std::to_string(i), i);
	b.sort();
	double all = b.total([n](const shop::item &one) { return one.taxed() + n; });
	struct local {
		static double of(const shop::basket &b) { return b.total(shop::halved); }
	};
	return all + local::of(b);
}
"""

RUST = r"""
use std::collections::BTreeMap;
mod shop {
    pub struct Item { pub price: f64, pub name: String }
    impl Item {
        #[inline(always)]
        pub fn taxed(&self) -> f64 { self.price * 1.19 + self.name.len() as f64 }
    }
    pub fn total<F: Fn(&Item) -> f64>(items: &[Item], f: F) -> f64 { items.iter().map(|one| f(one)).sum() }
}
#[no_mangle]
pub extern "C" fn run(n: u32) -> f64 {
    let mut items: Vec<shop::Item> = (0..n).map(|i| shop::Item { price: i as f64, name: i.to_string() }).collect();
    items.sort_by(|a, b| b.taxed().partial_cmp(&a.taxed()).unwrap());
    let mut by_name = BTreeMap::new();
    for one in &items { *by_name.entry(one.name.len()).or_insert(0.0) += one.taxed(); }
    shop::total(&items, |one| one.taxed() / 2.0) + by_name.values().sum::<f64>()
}
"""

COMPILERS = {
    "c": ("lines.c", C, "gcc -O2 -g -shared -fPIC"),
    "c, DWARF 4": ("lines.c", C, "gcc -O2 -g -gdwarf-4 -shared -fPIC"),
    "c, compressed": ("lines.c", C, "gcc -O2 -g -gz=zlib -shared -fPIC"),
    "c, clang": ("lines.c", C, "clang -O2 -g -shared -fPIC"),
    "c, LTO": ("lines.c", C, "gcc -O2 -g -flto -shared -fPIC"),
    "c, hidden": ("lines.c", C, "gcc -O2 -g -shared -fPIC -fvisibility=hidden"),
    "c++": ("lines.cpp", CPP, "g++ -O2 -g -shared -fPIC"),
    "c++, not optimised": ("lines.cpp", CPP, "g++ -O0 -g -shared -fPIC"),
    "rust": ("lines.rs", RUST, "rustc -C opt-level=2 -g --crate-type=cdylib"),
}

Frame = collections.namedtuple("Frame", "name file line first_line")


def make(folder, kind, name="liblines.so"):
    source, text, command = COMPILERS[kind]
    argv = command.split()
    if not shutil.which(argv[0]):
        pytest.skip("no " + argv[0])
    (folder / source).write_text(text)
    (folder / "part.h").write_text(PART)
    subprocess.run([*argv, "-o", folder / name, folder / source], check=True)
    return folder / name


@pytest.fixture
def run():
    """Starts a process that has a library mapped; gives its number and what is added to its addresses as linked."""
    started = []

    def start(library, prefix=(), path=None):
        code = (f"import ctypes, time; l = ctypes.CDLL({str(path or library)!r}); print(flush=True); time.sleep(1000)")
        target = subprocess.Popen([*prefix, PYTHON, "-c", code], stdout=subprocess.PIPE)
        started.append(target)
        assert target.stdout.readline()
        with open(f"/proc/{target.pid}/maps") as maps:
            bases = [int(line.split("-")[0], 16) for line in maps if line.rstrip().endswith("/" + os.path.basename(library))]
        return target.pid, min(bases)

    yield start
    for target in started:
        target.kill()
        target.communicate()


def ask(pid, base, vaddrs):
    """Functions at each address, the innermost first, as the program has them."""
    asked = subprocess.run([built("tests/live/native_names_dump"), str(pid), "lines"],
                           input="\n".join(f"{base + vaddr:x}" for vaddr in vaddrs).encode(), stdout=subprocess.PIPE, check=True)  # fmt: skip
    found = {}
    for line in asked.stdout.decode("utf-8").splitlines()[:-1]:
        _, vaddr, _, _, _, *rest = line.split("\t")
        found[int(vaddr, 16)] = [Frame(name, file, int(at), int(first)) for name, file, at, first in zip(*[iter(rest)] * 4)]
    assert list(found) == list(vaddrs)
    return found


ORACLES = (["addr2line", "-a", "-f", "-i", "-e"], ["llvm-symbolizer", "-a", "-i", "--no-demangle", "--output-style=GNU", "-e"])


def truth(oracle, path, vaddrs):
    """The same by another program, with mangled names: (name, file, line)."""
    asked = subprocess.run([*oracle, path], input="\n".join(map("0x%x".__mod__, vaddrs)).encode(), stdout=subprocess.PIPE, check=True)
    found, here = {}, None
    lines = iter(asked.stdout.decode("utf-8").splitlines())
    for line in lines:
        if re.match("0x[0-9a-f]+$", line):
            here = found.setdefault(int(line, 16), [])
            continue
        place = re.sub(r" \(discriminator \d+\)$", "", next(lines))
        file, at = place.rsplit(":", 1)
        here.append((line, os.path.normpath(file), int(at) if at.isdigit() else 0))
    return found


def sections_of(path):
    return subprocess.run(["readelf", "-SW", path], stdout=subprocess.PIPE, check=True).stdout.decode()


def demangled(names):
    """Without arguments and hashes, as the program has them."""
    names = sorted(names)
    shown = subprocess.run(["c++filt", "-p"], input="\n".join(names).encode(), stdout=subprocess.PIPE, check=True)
    return {name: re.sub(r"(?<=\w)\[[0-9a-f]{15,16}\]|: usize(?=[\]>,])|::h[0-9a-f]{16}$|(\.(cold|part|isra|constprop|\d+))+$", "", line)
            for name, line in zip(names, shown.stdout.decode("utf-8").splitlines())}  # fmt: skip


def functions_of(path):
    """All addresses as linked of functions' code, each with the names that a symbol gives it."""
    symbols = subprocess.run(["nm", "-S", "--defined-only", path], stdout=subprocess.PIPE, check=True).stdout.decode().splitlines()
    places = collections.defaultdict(set)
    for fields in map(str.split, symbols):
        if len(fields) == 4 and fields[2] in "tTwWi":
            places[int(fields[0], 16), int(fields[1], 16)].add(fields[3])
    found = {}
    for (start, size), names in places.items():
        found.update(dict.fromkeys(range(start, start + size), names))
    return found


def is_same(expected, got, own_names):
    """
    A name that is very long is cut; a line of another file than the function's, as of one that is included, is left out. Code
    that is several functions' has several names.
    """
    if len(expected) != len(got):
        return False
    for i, ((name, file, line), frame) in enumerate(zip(expected, got)):
        known = {name} | (own_names if i == len(got) - 1 else set())
        cut = len(frame.name) - 1 if frame.name.endswith("…") else None
        if frame.name.rstrip("…") not in {one[:cut] for one in known}:
            return False
        if frame.line != (line if os.path.normpath(frame.file) == file else 0):
            return False
    return True


@pytest.mark.skipif(not shutil.which("llvm-symbolizer"), reason="no llvm-symbolizer")
@pytest.mark.parametrize("kind", COMPILERS)
def test_functions_and_lines_as_others_have_them(tmp_path, run, kind):
    """Of every address; where two that read the same debug information differ, one of them is right."""
    library = make(tmp_path, kind)
    functions = functions_of(library)
    vaddrs = sorted(functions)[:: len(functions) // 20000 + 1]
    true = [truth(oracle, library, vaddrs) for oracle in ORACLES]
    names = demangled({frame[0] for one in true for frames in one.values() for frame in frames}.union(*functions.values()))
    true = [{vaddr: [(names[name], *place) for name, *place in frames] for vaddr, frames in one.items()} for one in true]
    ours = ask(*run(library), vaddrs)
    wrong = [(hex(vaddr), *(one[vaddr] for one in true), ours[vaddr]) for vaddr in vaddrs
             if not any(is_same(one[vaddr], ours[vaddr], {names[name] for name in functions[vaddr]}) for one in true)]  # fmt: skip
    assert not wrong[:2], len(wrong)
    assert sum(frames[0].line > 0 for frames in ours.values()) > len(vaddrs) / 2
    if "not optimised" not in kind:
        assert sum(len(frames) > 1 for frames in ours.values()) > len(vaddrs) / 2


def strip(library, folder, *objcopy):
    """Moves its debug information and symbols into a file of their own there; gives that."""
    folder.mkdir(parents=True, exist_ok=True)
    debug = folder / (library.name + ".debug")
    subprocess.run(["objcopy", "--only-keep-debug", library, debug], check=True)
    subprocess.run(["objcopy", "--strip-all", f"--add-gnu-debuglink={debug}", *objcopy, library], check=True)
    return debug


def is_found(run, library, vaddr, **more):
    """Has the function at that address its name and its line?"""
    (frames,) = ask(*run(library, **more), [vaddr]).values()
    assert frames[-1].name.startswith("liblines.so+") or frames[-1].name == "work"
    assert bool(frames[-1].line) == (frames[-1].name == "work")
    return frames[-1].name == "work"


def work_of(library):
    return next(vaddr for vaddr, names in functions_of(library).items() if "work" in names)


@pytest.mark.parametrize("build_id", [True, False])
@pytest.mark.parametrize("place", ["", ".debug", "/usr/lib/debug"])
def test_a_debug_file_by_its_link(tmp_path, run, place, build_id):
    library = make(tmp_path, "c, hidden")
    vaddr = work_of(library)
    folder = tmp_path / place if not place.startswith("/") else pathlib.Path(place + str(tmp_path))
    removed = [] if build_id else ["--remove-section=.note.gnu.build-id"]
    try:
        debug = strip(library, folder, *removed)
        assert is_found(run, library, vaddr)
        with open(debug, "ab") as file:  # another one of this name
            file.write(b"x")
        assert not is_found(run, library, vaddr)
        debug.unlink()
        assert not is_found(run, library, vaddr)
    finally:
        if place.startswith("/"):
            shutil.rmtree(folder, ignore_errors=True)


def test_a_debug_file_by_its_link_in_another_root(tmp_path, run):
    """The path that a process has is one in its own root; what is there in ours is not looked at."""
    root = tmp_path / "root"
    (root / "lib").mkdir(parents=True)
    library = make(root / "lib", "c, hidden")
    vaddr = work_of(library)
    debug = strip(library, root / "lib/.debug")
    inside = f"mount --bind {root}/lib /mnt && exec \"$@\""
    prefix = ["unshare", "--mount", "sh", "-c", inside, "sh"]
    assert not os.path.exists("/mnt/.debug")
    assert is_found(run, library, vaddr, prefix=prefix, path="/mnt/liblines.so")
    debug.unlink()
    assert not is_found(run, library, vaddr, prefix=prefix, path="/mnt/liblines.so")


def test_debug_information_that_harms(tmp_path, run):
    """What breaks its reader loses lines and what is inlined, and no names."""
    library = make(tmp_path, "c")
    vaddr = work_of(library)
    dice = random.Random(7)
    (at, size), = [(int(m[1], 16), int(m[2], 16)) for m in re.finditer(r" \.debug_info +PROGBITS +\w+ +(\w+) +(\w+)", sections_of(library))]
    good = library.read_bytes()
    for number in range(20):
        bad = bytearray(good)
        for _ in range(number + 1):
            bad[at + dice.randrange(size)] = dice.randrange(256)
        other = tmp_path / f"liblines{number}.so"
        other.write_bytes(bad)
        (frames,) = ask(*run(other), [vaddr]).values()
        assert frames[-1].name == "work"


CALLS = {  # of the C library's functions: who may be right below, as it is called or inlined
    "rotate": {"mix", "sum_up", "work"},
    "mix": {"sum_up", "compare", "work"},
    "sum_up": {"work"},
    "compare": {"work"},
    "work": {None},
}


@pytest.mark.skipif("--as-old-kernel" in os.environ.get("RECORD", ""), reason="native frames are not there")
def test_inlined_functions_in_a_recording(python, tmp_path, spawn, recorder):
    library = make(tmp_path, "c")
    workload = spawn(python, "inlined.py", library, 0.5)
    recording = recorder("--pid", workload.pid, "-r", "999", "--native")
    workload.go().finish()
    text = recording.wait().convert("out.folded").read_text()
    seen = collections.Counter()
    for line in text.splitlines():
        frames = re.findall(r"(?:^|;)(\w+) \((?:lines\.c:\d+|liblines\.so)(, inlined)?\)", line.rsplit(" ", 1)[0])
        names = [name for name, _ in frames]
        for below, name in zip([None, *names], names):
            assert below in CALLS[name], line
        for name, inlined in frames:
            assert bool(inlined) == (name in ("rotate", "mix", "sum_up"))
            seen[name] += 1
    assert set(seen) == {"rotate", "mix", "sum_up", "compare", "work"}
    functions = recording.json()["functions"]
    assert (functions["mix"]["kind"], functions["mix"]["module"], functions["mix"]["line"]) == ("inlined", "liblines.so", 13)
