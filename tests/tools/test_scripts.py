# SPDX-License-Identifier: MIT
"""The scripts that guard the repository, tested on trees that break their rules."""

import os
import pathlib
import shutil
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


def check_includes(tree, extra, script=ROOT / "scripts/check-includes.sh"):
    for path, text in {**CLEAN, **extra}.items():
        file = tree / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return subprocess.run(
        [script, tree], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
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
        ("user/os/file.c", '"bpf/abi.h"', "user/os may not include"),
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


@pytest.mark.parametrize(
    "extra, circle",
    [
        (
            {"user/os/a.h": '#include "user/os/b.h"\n', "user/os/b.h": '#include "user/os/a.h"\n'},
            ("user/os/a.h → user/os/b.h → user/os/a.h", "user/os/b.h → user/os/a.h → user/os/b.h"),
        ),
        ({"bpf/abi.h": '#include "bpf/outcomes.h"\n#include "bpf/abi.h"\n'}, ("bpf/abi.h → bpf/abi.h",)),
    ],
)
def test_headers_that_include_each_other_fail(tmp_path, extra, circle):
    result = check_includes(tmp_path, extra)
    assert result.returncode != 0 and "1 violation\n" in result.stdout, result.stdout
    assert any(f"a circle of includes: {one}\n" in result.stdout for one in circle), result.stdout


def test_folders_that_include_each_other_fail(tmp_path):
    """No file includes itself by way of others, and a table that was made wrong allows it."""
    script = tmp_path / "check-includes.sh"
    script.write_text((ROOT / "scripts/check-includes.sh").read_text().replace("\nuser/util\n", "\nuser/util user/os\n"))
    script.chmod(0o755)
    tree = {"user/util/text.c": '#include "user/os/file.h"\n', "user/os/caps.h": '#include "user/util/buf.h"\n'}
    result = check_includes(tmp_path / "tree", tree, script)
    assert result.returncode != 0, result.stdout
    assert "user/util may include user/os, which is above it" in result.stdout, result.stdout
    circles = ("user/os → user/util → user/os", "user/util → user/os → user/util")
    assert any(f"a circle of includes: {one}\n" in result.stdout for one in circles), result.stdout


@pytest.fixture
def shell_scripts(tmp_path):
    (tmp_path / "packaging").mkdir()
    (tmp_path / "packaging/make").write_text("#!/bin/bash\necho \"$1\"\n")
    (tmp_path / "no_script.sh").write_text("echo $1\n")
    return tmp_path


def check_shell(tree, **more):
    return subprocess.run([ROOT / "scripts/check-shell.sh", tree], stdout=subprocess.PIPE, text=True, **more)


@pytest.mark.skipif(not shutil.which("shellcheck"), reason="no shellcheck here")
def test_shell_scripts_are_those_that_say_so(shell_scripts):
    result = check_shell(shell_scripts)
    assert result.returncode == 0 and "1 scripts are clean" in result.stdout, result.stdout
    (shell_scripts / "run").write_text("#!/usr/bin/env bash\nrm -r $1\n")
    result = check_shell(shell_scripts)
    assert result.returncode == 1 and "run line 2" in result.stdout and "SC2086" in result.stdout, result.stdout


def programs(folder, *names):
    """A folder to be the whole PATH."""
    folder.mkdir()
    for name in names:
        (folder / name).symlink_to(shutil.which(name))
    return {"PATH": str(folder)}


def test_without_shellcheck_scripts_are_skipped(shell_scripts):
    result = check_shell(shell_scripts, env=programs(shell_scripts / "bin", "bash", "dirname"))
    assert result.returncode == 77 and "skipped" in result.stdout, result.stdout


def check_format(tree, python):
    """The script in a tree of its own, with what it finds there; its packages are made by `python`."""
    for name in ("check-format.sh", "test-venv.sh"):
        (tree / "scripts").mkdir(exist_ok=True)
        (tree / "scripts" / name).write_text((ROOT / "scripts" / name).read_text())
        (tree / "scripts" / name).chmod(0o755)
    for name in ("user", "bpf", "vmlinux", "tests"):
        (tree / name).mkdir(exist_ok=True)
    (tree / ".clang-format").write_text((ROOT / ".clang-format").read_text())
    (tree / "tests/requirements-lint.txt").write_text((ROOT / "tests/requirements-lint.txt").read_text())
    (tree / "python").write_text(f"#!/bin/bash\n{python}\n")
    (tree / "python").chmod(0o755)
    env = {**os.environ, "BUILD": str(tree / "build"), "PYTHON": str(tree / "python")}
    return lambda *options: subprocess.run(
        [tree / "scripts/check-format.sh", *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env
    )


def test_without_a_package_index_the_format_is_skipped(tmp_path):
    result = check_format(tmp_path, "echo no index >&2; exit 1")()
    assert result.returncode == 77 and "skipped" in result.stdout, result.stdout


def test_the_pinned_formatter_is_the_one_that_judges(tmp_path):
    venv = subprocess.run([ROOT / "scripts/test-venv.sh", "lint"], stdout=subprocess.PIPE, text=True)
    if venv.returncode:
        pytest.skip("no package index")
    run = check_format(tmp_path, f'mkdir -p build && ln -s "{venv.stdout.strip()}" "$3"')
    (tmp_path / "user/a.c").write_text("int main(void)\n{\n\treturn 0;\n}\n")
    assert run().returncode == 0
    (tmp_path / "tests/b.h").write_text("int  f(void) ;\n")
    result = run()
    assert result.returncode == 1 and "b.h:1:" in result.stdout, result.stdout
    assert run("--fix").returncode == 0 and (tmp_path / "tests/b.h").read_text() == "int f(void);\n"
    assert run().returncode == 0


def check_opens(tree, path, line):
    file = tree / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(line + "\n")
    return subprocess.run([ROOT / "scripts/check-opens.sh", tree], stdout=subprocess.PIPE, text=True)


def test_this_repository_opens_through_one_door():
    result = subprocess.run([ROOT / "scripts/check-opens.sh"], stdout=subprocess.PIPE, text=True)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    "line",
    [
        "\tfd = open(path, O_RDONLY);",
        "\tif (!access(path, F_OK))",
        "\tif (!stat (path, &st))",
        "\tf = fopen(path, \"re\");",
        "\treturn syscall(SYS_openat2, dir, path, &how, sizeof(how));",
    ],
)
def test_opening_by_oneself_fails(tmp_path, line):
    result = check_opens(tmp_path, "user/resolve/r.c", line)
    assert result.returncode != 0 and "user/resolve/r.c:1: " in result.stdout, result.stdout


@pytest.mark.parametrize("line", ["\terr = window__open(o, &w);", "\ts->open(path);", " * open(path) would wait", "\tf.stat(x);"])
def test_what_is_only_called_so_passes(tmp_path, line):
    result = check_opens(tmp_path, "user/resolve/r.c", line)
    assert result.returncode == 0, result.stdout


def check_features(tree, old="", new=""):
    for path in ("README.md", "docs/requirements.md", "user/session/features.c", "user/session/variant.h"):
        file = tree / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text((ROOT / path).read_text().replace(old, new) if old else (ROOT / path).read_text())
    return subprocess.run([ROOT / "scripts/check-features.sh", tree], stdout=subprocess.PIPE, text=True)


def test_what_is_used_of_the_kernel_is_listed(tmp_path):
    result = check_features(tmp_path)
    assert result.returncode == 0 and "all 7 features" in result.stdout, result.stdout


@pytest.mark.parametrize(
    "old, new, word",
    [
        ("| BPF ring buffer | 5.8 |", "| BPF ring buffer | 5.9 |", "| BPF ring buffer | 5.8 | nothing works |"),
        ("| perf timers | 2.6.31 | nothing works |\n", "", "| perf timers |"),
        ('#define VARIANT_WORK_SINCE "6.18"', '#define VARIANT_WORK_SINCE "6.19"', "| task work | 6.19 |"),
        ("\t{", "\t {", "no rows found"),
        ("Linux 5.10 or newer", "Linux 5.9 or newer", "Linux 5.10 or newer"),
    ],
)
def test_another_list_than_the_table_fails(tmp_path, old, new, word):
    result = check_features(tmp_path, old, new)
    assert result.returncode != 0 and word in result.stdout, result.stdout


# What a tree needs to say its licences as it should.
LICENSED = {
    "LICENSES/MIT.txt": "MIT License\n",
    "LICENSES/GPL-2.0-only.txt": "GNU General Public License\n",
    "bpf/maps.bpf.c": '/* SPDX-License-Identifier: MIT OR GPL-2.0-only */\nchar LICENSE[] SEC("license") = "Dual MIT/GPL";\n',
    "user/main.c": "/* SPDX-License-Identifier: MIT */\n",
    "scripts/run": "#!/bin/sh\n# SPDX-License-Identifier: MIT\n",
    "tests/counted.py": "one()\ntwo()\nthree()\nfour()\nfive()\n# SPDX-License-Identifier: MIT\n",
}


def check_licenses(tree, extra, *options):
    for path, text in {**LICENSED, **extra}.items():
        file = tree / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return subprocess.run([ROOT / "scripts/check-licenses.sh", *options, tree], stdout=subprocess.PIPE, text=True)


def test_this_repository_says_its_licences():
    result = subprocess.run([ROOT / "scripts/check-licenses.sh"], stdout=subprocess.PIPE, text=True)
    assert result.returncode == 0, result.stdout


def test_licences_at_the_top_or_at_the_end_pass(tmp_path):
    result = check_licenses(tmp_path, {"README.md": "no source\n", "data.json": "{}\n"})
    assert result.returncode == 0 and "4 files" in result.stdout, result.stdout


@pytest.mark.parametrize(
    "path, text, word",
    [
        ("user/a.c", "int a;\n", "user/a.c: has no line"),
        ("user/page.css", "a {}\n", "user/page.css: has no line"),
        ("packaging/build", "#!/usr/bin/env python3\npass\n", "packaging/build: has no line"),
        ("user/late.c", "\n" * 5 + "/* SPDX-License-Identifier: MIT */\nint a;\n", "user/late.c: has no line"),
        ("user/b.h", "/* SPDX-License-Identifier: GPL-3.0-only */\n", "user/b.h: is under GPL-3.0-only"),
        ("bpf/a.h", "/* SPDX-License-Identifier: MIT */\n", "bpf/a.h: is under MIT, where"),
        ("tests/b.bpf.c", "/* SPDX-License-Identifier: MIT */\n", "tests/b.bpf.c: is under MIT, where"),
        ("bpf/maps.bpf.c", "/* SPDX-License-Identifier: MIT OR GPL-2.0-only */\n", "does not tell the kernel"),
        ("LICENSES/MIT.txt", "", "LICENSES/MIT.txt"),
    ],
)
def test_a_licence_that_is_missing_or_another_fails(tmp_path, path, text, word):
    result = check_licenses(tmp_path, {path: text})
    assert result.returncode == 1 and word in result.stdout, result.stdout


def test_missing_licences_are_put_where_they_belong(tmp_path):
    bare = {
        "user/a.c": "int a;\n",
        "bpf/b.bpf.c": "int b;\n",
        "user/page.roff": ".nh\n",
        "scripts/c.sh": "#!/bin/sh\nexit 0\n",
        "user/d.js": "'use strict';\n",
    }
    assert check_licenses(tmp_path, bare, "--fix").returncode == 0
    heads = {path: (tmp_path / path).read_text().removesuffix(text).removesuffix("exit 0\n") for path, text in bare.items()}
    assert heads == {
        "user/a.c": "/* SPDX-License-Identifier: MIT */\n",
        "bpf/b.bpf.c": "/* SPDX-License-Identifier: MIT OR GPL-2.0-only */\n",
        "user/page.roff": '.\\" SPDX-License-Identifier: MIT\n',
        "scripts/c.sh": "#!/bin/sh\n# SPDX-License-Identifier: MIT\n",
        "user/d.js": "// SPDX-License-Identifier: MIT\n",
    }
    assert subprocess.run([ROOT / "scripts/check-licenses.sh", tmp_path], stdout=subprocess.PIPE).returncode == 0
