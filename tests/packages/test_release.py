# SPDX-License-Identifier: MIT
"""make release: what it makes, that it says nothing of where it was made, and that its version is said in one place."""

import gzip
import hashlib
import io
import re
import tarfile
import zipfile

from conftest import ROOT, output_of


def test_everything_is_there_with_its_checksum(release, version):
    names = {each.name for each in release.folder.iterdir()}
    shapes = [r"pybpfprof_V_\w+\.deb", r"pybpfprof-V-py3-none-manylinux_2_17_(\w+)\.musllinux_1_1_\1\.whl", r"pybpfprof-V-image-\w+\.tar",
              r"pybpfprof-V-linux-\w+\.tar\.gz", r"pybpfprof-V\.tar\.gz", "SHA256SUMS"]  # fmt: skip
    for shape in shapes:
        assert [n for n in names if re.fullmatch(shape.replace("V", re.escape(version)), n)], (shape, names)
    assert len(names) == len(shapes)
    sums = dict(line.split()[::-1] for line in (release.folder / "SHA256SUMS").read_text().splitlines())
    assert sums == {n: hashlib.sha256((release.folder / n).read_bytes()).hexdigest() for n in names - {"SHA256SUMS"}}


def test_two_releases_are_the_same(releases):
    first, second = ((each.folder / "SHA256SUMS").read_text() for each in releases)
    assert first == second


def test_nothing_says_where_it_was_made(release):
    wheel = zipfile.ZipFile(release.file("*.whl"))
    for data in (release.static.read_bytes(), *(wheel.read(name) for name in wheel.namelist())):
        assert str(ROOT).encode() not in data and str(release.tree).encode() not in data


def test_the_version_is_that_of_the_changelog(release, version):
    heading = re.search(r"^## \[(\d\S*)\] - (\S+)$", (ROOT / "CHANGELOG.md").read_text(), re.M)
    assert heading[1] == version
    assert output_of(release.static, "--version").split()[1] == version
    assert f'"{heading[2]}" "pybpfprof {version}"' in output_of(release.static, "man")


def files_of(tar):
    return {each.name: tar.extractfile(each).read() if each.isfile() else None for each in tar.getmembers()}


def test_each_holds_its_licences(release, version):
    """Ours, and those of the libraries that are linked in, each library by its package."""
    name = f"pybpfprof-{version}"
    archive = files_of(tarfile.open(release.file("*-linux-*.tar.gz")))
    wheel = zipfile.ZipFile(release.file("*.whl"))
    image = files_of(tarfile.open(release.file("*-image-*.tar")))
    layers = [gzip.decompress(data) for data in image.values() if data and data[:2] == b"\x1f\x8b"]
    (layer,) = (files_of(tarfile.open(fileobj=io.BytesIO(each))) for each in layers)
    for read in (lambda n: archive[f"{name}/{n}"], lambda n: wheel.read(f"{name}.dist-info/licenses/{n}"),
                 lambda n: layer[f"usr/share/doc/pybpfprof/{n}"]):  # fmt: skip
        assert read("LICENSE") == (ROOT / "LICENSE").read_bytes()
        said = read("THIRD-PARTY.txt").decode()
        for library, text in (("libc.a", "glibc"), ("libdw.a", "elfutils"), ("libbpf.a", "libbpf"), ("libmbedtls.a", "mbedtls")):
            assert re.search(rf"^ +{re.escape(library)} +{text} ", said, re.M), library
        for licence in ("LGPL-2.1", "LGPL-3", "GPL-3", "Apache-2.0"):
            assert f"======== {licence}\n" in said, licence


def test_the_archive_is_a_prefix(release, version):
    names = set(files_of(tarfile.open(release.file("*-linux-*.tar.gz"))))
    for each in ("bin/pybpfprof", "share/man/man1/pybpfprof.1", "share/bash-completion/completions/pybpfprof", "CHANGELOG.md",
                 "systemd/pybpfprof.service", "kubernetes/daemonset.yaml"):  # fmt: skip
        assert f"pybpfprof-{version}/{each}" in names, each


def test_the_source_builds_what_was_released(release, version):
    """What is released is complete: the other release was made of such a tree, outside of git."""
    source = files_of(tarfile.open(release.file(f"pybpfprof-{version}.tar.gz")))
    there = {n.removeprefix(f"pybpfprof-{version}/") for n, data in source.items() if data is not None}
    tracked = output_of("git", "-c", f"safe.directory={ROOT}", "ls-files", cwd=ROOT).splitlines() if (ROOT / ".git").exists() else ["Makefile"]
    assert {n for n in tracked if (ROOT / n).exists()} <= there
