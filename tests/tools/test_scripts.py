"""The scripts that guard the repository, tested on trees that break their rules."""

import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]

# A tree that keeps every rule: what the violations below are added to.
CLEAN = {
    "bpf/abi.h": '#include <linux/types.h>\n#include "bpf/outcomes.h"\n',
    "bpf/outcomes.h": "",
    "bpf/sample.bpf.c": '#include "vmlinux/vmlinux.h"\n#include <bpf/bpf_helpers.h>\n#include "bpf/abi.h"\n',
    "vmlinux/vmlinux.h": "",
    "user/main.c": '#include "user/cmd/cmd.h"\n',
    "user/cmd/cmd.h": "",
    "user/cmd/record.c": '#include "user/session/session.h"\n#include "user/format/format.h"\n',
    "user/session/session.h": '#include "bpf/abi.h"\n',
    "user/session/session.c": '#include "pybpfprof.skel.h"\n#include <bpf/libbpf.h>\n',
    "user/format/format.h": '#include "user/profile/profile.h"\n#include <zlib.h>\n',
    "user/profile/profile.h": '#include "user/util/buf.h"\n',
    "user/symbol/elf.h": "#include <gelf.h>\n",
    "user/os/file.h": "",
    "user/os/caps.c": "#include <sys/capability.h>\n",
    "user/python/layout.h": '#include "bpf/abi.h"\n',
    "user/util/buf.h": "#include <stddef.h>\n",
}


def check_includes(tree, extra):
    for path, text in {**CLEAN, **extra}.items():
        file = tree / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return subprocess.run(
        [ROOT / "scripts/check-includes.sh", tree], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def test_includes_of_this_repository():
    result = subprocess.run([ROOT / "scripts/check-includes.sh"], stdout=subprocess.PIPE, text=True)
    assert result.returncode == 0, result.stdout


def test_includes_clean_tree_passes(tmp_path):
    result = check_includes(tmp_path, {})
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    "path, include, word",
    [
        ("user/util/text.c", '"user/profile/profile.h"', "user/util may not include"),
        ("user/profile/view.c", '"user/format/format.h"', "user/profile may not include"),
        ("user/format/svg.c", '"user/os/file.h"', "user/format may not include"),
        ("user/format/json.c", '"bpf/abi.h"', "user/format may not include"),
        ("user/format/json.c", '"user/cmd/cmd.h"', "user/format may not include"),
        ("user/symbol/elf.c", '"bpf/abi.h"', "user/symbol may not include"),
        ("user/symbol/a.c", '"user/python/layout.h"', "user/symbol may not include"),
        ("user/source/cpu.c", '"user/session/session.h"', "user/source may not include"),
        ("user/target/t.c", '"pybpfprof.skel.h"', "user/target may not include"),
        ("user/resolve/r.c", '"user/session/session.h"', "user/resolve may not include"),
        ("user/session/s.c", '"user/format/format.h"', "user/session may not include"),
        ("user/session/s.c", '"user/symbol/elf.h"', "user/session may not include"),
        ("bpf/walk.bpf.c", '"user/util/buf.h"', "bpf may not include"),
        ("bpf/abi.h", '"vmlinux/vmlinux.h"', "bpf/abi.h may not include"),
        ("bpf/abi.h", "<stdint.h>", "the contract may include only"),
        ("user/os/caps.h", "<bpf/libbpf.h>", "belongs to"),
        ("user/cmd/top.c", "<libelf.h>", "belongs to"),
        ("user/resolve/r.c", "<zlib.h>", "belongs to"),
        ("user/resolve/r.c", "<yajl/yajl_parse.h>", "belongs to"),
        ("user/session/s.c", "<sys/capability.h>", "belongs to"),
        ("user/util/text.c", '"../profile/profile.h"', "not written from the root"),
        ("user/util/text.c", '"buf.h"', "does not exist"),
        ("user/novel/n.c", '"user/util/buf.h"', "no row"),
    ],
)
def test_includes_violation_fails(tmp_path, path, include, word):
    result = check_includes(tmp_path, {path: f"  #  include {include}\n"})
    assert result.returncode != 0
    assert f"{path}:1: " in result.stdout and word in result.stdout, result.stdout
