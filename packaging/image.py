#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""An OCI image of the static binary in an archive, without a builder: one layer. The same input gives the same file.

    packaging/image.py BINARY VERSION FOLDER LICENCE…
"""

import gzip
import hashlib
import io
import json
import pathlib
import sys
import tarfile
import time

from binary import machine_of, release_seconds, release_time

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
# Those of the package, not of this machine's bundle: an organisation's own may be in that.
AUTHORITIES = pathlib.Path("/usr/share/ca-certificates/mozilla")
# Capabilities of other users than 0 are no more than a bound, in Kubernetes.
USERS = b"root:x:0:0:root:/:/sbin/nologin\n"
JSON = "application/vnd.oci.image.%s.v1+json"


def archive(files):
    """A tar of {path: (mode, bytes)}; bytes None is a directory."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for path, (mode, data) in files.items():
            entry = tarfile.TarInfo(path)
            entry.mode, entry.mtime, entry.size = mode, release_seconds(), len(data or b"")
            entry.type = tarfile.DIRTYPE if data is None else tarfile.REGTYPE
            tar.addfile(entry, io.BytesIO(data or b""))
    return out.getvalue()


def with_folders(files):
    """Each folder before what is in it."""
    folders = {str(parent) for path in files for parent in pathlib.PurePath(path).parents} - {"."}
    return {each: (0o755, None) for each in sorted(folders) if each not in files} | files


def authorities():
    found = sorted(AUTHORITIES.glob("*.crt"))
    if not found:
        raise SystemExit(f"{AUTHORITIES}: no certificates (scripts/install-deps.sh --packages installs them)")
    return b"".join(each.read_bytes() for each in found)


def layer_of(binary, licences):
    return archive(with_folders({
        "usr/bin/pybpfprof": (0o755, binary.read_bytes()),
        "etc/ssl/certs/ca-certificates.crt": (0o644, authorities()),
        "etc/passwd": (0o644, USERS),
        "etc/group": (0o644, b"root:x:0:\n"),
        "tmp": (0o1777, None),
        **{f"usr/share/doc/pybpfprof/{each.name}": (0o644, each.read_bytes()) for each in licences},
    }))  # fmt: skip


def write_image(binary, version, folder, licences):
    blobs = {}

    def blob(media_type, data):
        digest = hashlib.sha256(data).hexdigest()
        blobs[f"blobs/sha256/{digest}"] = (0o644, data)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}

    def blob_of(kind, value):
        return blob(JSON % kind, json.dumps(value, sort_keys=True).encode())

    machine = machine_of(binary)
    layer = layer_of(binary, licences)
    config = {
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", release_time()),
        "architecture": ARCHITECTURES[machine],
        "os": "linux",
        "config": {
            "Entrypoint": ["/usr/bin/pybpfprof"],
            "Cmd": ["daemon"],
            "Env": ["PATH=/usr/bin"],
            "Labels": {
                "org.opencontainers.image.title": "pybpfprof",
                "org.opencontainers.image.version": version,
                "org.opencontainers.image.licenses": "MIT",
            },
        },
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()]},
    }
    packed = blob("application/vnd.oci.image.layer.v1.tar+gzip", gzip.compress(layer, 9, mtime=0))
    manifest = {"schemaVersion": 2, "mediaType": JSON % "manifest", "config": blob_of("config", config), "layers": [packed]}
    name = f"localhost/pybpfprof:{version}"
    entry = blob_of("manifest", manifest) | {
        "annotations": {"org.opencontainers.image.ref.name": name, "io.containerd.image.name": name}
    }
    index = {"schemaVersion": 2, "mediaType": JSON % "index", "manifests": [entry]}
    top = {"oci-layout": (0o644, b'{"imageLayoutVersion": "1.0.0"}'), "index.json": (0o644, json.dumps(index).encode())}
    path = folder / f"pybpfprof-{version}-image-{ARCHITECTURES[machine]}.tar"
    path.write_bytes(archive(with_folders(top | blobs)))
    return path


if __name__ == "__main__":
    program, number, out, *texts = sys.argv[1:]
    print(write_image(pathlib.Path(program), number, pathlib.Path(out), [pathlib.Path(each) for each in texts]))
