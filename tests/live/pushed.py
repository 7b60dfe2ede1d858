# SPDX-License-Identifier: MIT
"""What back ends get, read without any code of ours: pprof, and the requests that carry it, as their .proto files have it.

`decode(path, content_type, bytes)` gives a list of Profile; ValueError where a server would refuse the body. The messages of
OpenTelemetry are read by its own classes (tests/requirements-push.txt), all else by the wire format of protobuf.
"""

import base64
import collections
import functools
import gzip
import json
import pathlib
import re
import sys
import zlib

Function = collections.namedtuple("Function", "name system_name file start_line")
Frame = collections.namedtuple("Frame", "function line")
Sample = collections.namedtuple("Sample", "stack values labels times_ns")  # stack: frames, root first


class Profile:
    """`labels`: of the series. `types`: [(type, unit)], as the values of each sample. `strings`: all of the file's."""

    labels = {}
    types = []
    default_type = ""
    period_type = ("", "")
    period = time_ns = duration_ns = 0
    comments = []
    samples = []
    strings = []
    raw = b""

    def value_of(self, sample, kind):
        names = [name for name, _ in self.types]
        if kind not in names and kind == self.period_type[0]:
            return sample.values[names.index("samples")] * self.period
        return sample.values[names.index(kind)]

    def total(self, kind="cpu"):
        return sum(self.value_of(sample, kind) for sample in self.samples)

    def rows(self, kind="cpu", key=lambda function: function.name):
        """{name: (own, total)}. Where there is only a count, times the period."""
        own, total = collections.Counter(), collections.Counter()
        for sample in self.samples:
            value, keys = self.value_of(sample, kind), [key(frame.function) for frame in sample.stack]
            for name in set(keys):
                total[name] += value
            if keys:
                own[keys[-1]] += value
        return {name: (own[name], total[name]) for name in total}


# ---- the wire format of protobuf --------------------------------------------------------------------------------------


def varint(data, at):
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise ValueError("a number that does not end")
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value & (2**64 - 1), at


def fields(data):
    """{number: [value]}; a value is an int or bytes."""
    found, at = collections.defaultdict(list), 0
    while at < len(data):
        key, at = varint(data, at)
        number, kind = key >> 3, key & 7
        if kind == 0:
            value, at = varint(data, at)
        elif kind in (1, 2, 5):
            size, at = varint(data, at) if kind == 2 else (8 if kind == 1 else 4, at)
            if size > len(data) - at:
                raise ValueError("a field longer than the message")
            value, at = data[at : at + size], at + size
            value = value if kind == 2 else int.from_bytes(value, "little")
        else:
            raise ValueError(f"wire type {kind}")
        if not number:
            raise ValueError("field 0")
        found[number].append(value)
    return found


def signed(value):
    return value - 2**64 if value >= 2**63 else value


def numbers(values):
    """Of a repeated field, packed or not."""
    out = []
    for value in values:
        if isinstance(value, int):
            out.append(signed(value))
            continue
        at = 0
        while at < len(value):
            one, at = varint(value, at)
            out.append(signed(one))
    return out


def one(message, number, default=0):
    value = message.get(number, [default])[-1]
    return signed(value) if isinstance(value, int) else value


# ---- pprof (github.com/google/pprof/proto/profile.proto) ---------------------------------------------------------------


def read_pprof(raw, labels=None):
    if raw[:2] == b"\x1f\x8b":
        try:
            raw = gzip.decompress(raw)
        except (OSError, EOFError, zlib.error) as error:
            raise ValueError(f"gzip: {error}") from error
    top, out = fields(raw), Profile()
    strings = [s.decode("utf-8") for s in top[6]]
    if not strings or strings[0]:
        raise ValueError("string 0 is not empty")

    def kind_of(message):
        message = fields(message)
        return strings[one(message, 1)], strings[one(message, 2)]

    try:
        out.labels, out.strings, out.raw = dict(labels or {}), strings, raw
        out.types = [kind_of(m) for m in top[1]]
        out.time_ns, out.duration_ns, out.period = one(top, 9), one(top, 10), one(top, 12)
        out.period_type = kind_of(top[11][-1]) if top[11] else ("", "")
        out.comments = [strings[i] for i in numbers(top[13])]
        out.default_type = strings[one(top, 14)]
        functions = {one(m, 1): Function(strings[one(m, 2)], strings[one(m, 3)], strings[one(m, 4)], one(m, 5)) for m in map(fields, top[5])}
        out.location_ids = [one(fields(m), 1) for m in top[4]]
        out.samples = list(pprof_samples(top, strings, functions))
    except (IndexError, KeyError, TypeError) as error:
        raise ValueError(f"refers to what is not there: {error!r}") from error
    return out


def pprof_samples(top, strings, functions):
    places = {}
    for location in map(fields, top[4]):
        lines = map(fields, location[4])  # the innermost first
        places[one(location, 1)] = [Frame(functions[one(line, 1)], one(line, 2)) for line in lines]
    for sample in map(fields, top[2]):
        stack = tuple(frame for place in numbers(sample[1]) for frame in places[place])[::-1]
        labels = {}
        for label in map(fields, sample[3]):
            labels[strings[one(label, 1)]] = strings[one(label, 2)] if label.get(2) else one(label, 3)
        values = numbers(sample[2])
        if len(values) != len(top[1]):
            raise ValueError("a sample has as many values as there are types")
        yield Sample(stack, values, labels, [])


# ---- the requests of each back end --------------------------------------------------------------------------------------

NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*\Z")


def check_labels(pairs):
    """As those servers do."""
    labels = dict(pairs)
    if len(labels) != len(pairs):
        raise ValueError("the same label twice")
    if not labels.get("__name__"):
        raise ValueError("no metric name label (__name__)")
    if len(labels) > 30:
        raise ValueError(f"profile series has {len(labels)} label names; limit 30")
    for name, value in pairs:
        if not NAME.match(name) or not value or len(value.encode()) > 2048:
            raise ValueError(f"label {name!r} = {value!r} is not valid")
    return labels


def read_pyroscope(data):
    """push.v1.PushRequest: RawProfileSeries { LabelPair labels = 1; RawSample { bytes raw_profile = 1; string ID = 2 } samples = 2 }."""
    profiles = []
    for series in map(fields, fields(data)[1]):
        pairs = [(one(p, 1, b"").decode(), one(p, 2, b"").decode()) for p in map(fields, series[1])]
        labels = check_labels(pairs)
        profiles += [read_pprof(one(sample, 1, b""), labels) for sample in map(fields, series[2])]
    if not profiles:
        raise ValueError("no profiles")
    return profiles


def read_parca(data):
    """The same in JSON, with base64."""
    profiles = []
    for series in json.loads(data)["series"]:
        labels = check_labels([(label["name"], label["value"]) for label in series["labels"]["labels"]])
        for sample in series["samples"]:
            profile = read_pprof(base64.b64decode(sample["raw_profile"], validate=True), labels)
            if profile.location_ids != list(range(1, len(profile.location_ids) + 1)):
                raise ValueError("locations are not numbered from 1")
            profiles.append(profile)
    if not profiles:
        raise ValueError("no profiles")
    return profiles


@functools.lru_cache
def otlp_request():
    """Its class. Raises ImportError (with what to do) where the packages cannot be had."""
    try:
        from opentelemetry.proto.collector.profiles.v1development import profiles_service_pb2
    except ImportError:
        from programs import prepared

        done = prepared("test-venv.sh", "push")
        if done.returncode:
            raise ImportError("tests/requirements-push.txt cannot be installed: " + done.stderr.decode(errors="replace")[-300:]) from None
        sys.path += map(str, pathlib.Path(done.stdout.decode().strip()).glob("lib/python3*/site-packages"))
        from opentelemetry.proto.collector.profiles.v1development import profiles_service_pb2
    return profiles_service_pb2.ExportProfilesServiceRequest


def attribute_value(value):
    return getattr(value, value.WhichOneof("value") or "string_value")


def read_otlp(data):
    request = otlp_request()()
    try:
        request.ParseFromString(data)
    except Exception as error:  # a class of google's that is not there before its import
        raise ValueError(str(error)) from error
    try:
        return [
            otlp_profile(request.dictionary, profile, {a.key: attribute_value(a.value) for a in resource.resource.attributes}, data)
            for resource in request.resource_profiles
            for scope in resource.scope_profiles
            for profile in scope.profiles
        ]
    except IndexError as error:
        raise ValueError(f"refers to what is not there: {error}") from error


def otlp_profile(tables, profile, labels, raw):
    out, strings = Profile(), list(tables.string_table)
    if not strings or strings[0]:
        raise ValueError("string 0 is not empty")

    def attributes(indices):
        rows = [tables.attribute_table[i] for i in indices]
        return {strings[row.key_strindex]: attribute_value(row.value) for row in rows}

    def function(row):
        return Function(strings[row.name_strindex], strings[row.system_name_strindex], strings[row.filename_strindex], row.start_line)

    def stack(index):
        places = [tables.location_table[i] for i in tables.stack_table[index].location_indices]
        return tuple(Frame(function(tables.function_table[line.function_index]), line.line) for place in places for line in place.lines)[::-1]

    kind, period = profile.sample_type, profile.period_type
    out.labels, out.strings, out.raw = labels, strings, raw
    out.types = [(strings[kind.type_strindex], strings[kind.unit_strindex])]
    out.default_type, out.period_type = out.types[0][0], (strings[period.type_strindex], strings[period.unit_strindex])
    out.time_ns, out.duration_ns, out.period = profile.time_unix_nano, profile.duration_nano, profile.period
    out.samples = []
    for sample in profile.samples:
        # Without values each time stands for one.
        values = [sum(sample.values) if sample.values else len(sample.timestamps_unix_nano)]
        out.samples.append(Sample(stack(sample.stack_index), values, attributes(sample.attribute_indices), list(sample.timestamps_unix_nano)))
    return out


# path: (name of the back end, content types, takes gzip, decoder)
PATHS = {
    "/push.v1.PusherService/Push": ("pyroscope", ("application/proto",), True, read_pyroscope),
    "/api/profiles/writeraw": ("parca", ("application/json",), False, read_parca),
    "/v1development/profiles": ("otlp", ("application/x-protobuf",), True, read_otlp),
}


def split_path(path):
    """(the URL's own prefix, row of PATHS)."""
    for end, row in PATHS.items():
        if path.endswith(end):
            return path[: -len(end)], row
    return path, None
