# SPDX-License-Identifier: MIT
"""What back ends get is what was recorded: a real recording of every type of event, pushed to each of them, decoded, and compared
with our own report; and nothing in it that does not belong there.

Bodies are read by pushed.py; those of OpenTelemetry by its own classes, and index by index.
"""

import collections
import json
import os
import re
import subprocess

import pytest

import backend_stub
import interpreters
import pushed
from programs import PROGRAM, built

SECRET = "hunter2-is-no-password"
BACKENDS = ("pyroscope", "parca", "otlp")
EVENTS = "cpu,offcpu,gil,faults"
TYPES = {"cpu": "nanoseconds", "offcpu": "nanoseconds", "gil": "nanoseconds", "gil_held": "nanoseconds", "faults": "bytes"}
# In the names that back ends have for them.
PROFILE_NAMES = {"cpu": "process_cpu", "offcpu": "off_cpu", "gil": "gil", "gil_held": "gil_held", "faults": "memory"}

WEB = """
import subprocess, sys, threading, time

def spin(seconds):
    end = time.clock_gettime(time.CLOCK_THREAD_CPUTIME_ID) + seconds
    while time.clock_gettime(time.CLOCK_THREAD_CPUTIME_ID) < end:
        sum(i * i for i in range(200))

def deep(n):
    if n:
        deep(n - 1)
    else:
        spin(0.05)

class Pool:
    def work(self):
        for _ in range(20):
            deep(5)
            time.sleep(0.005)
            (lambda: bytearray(1 << 20))()

children = [subprocess.Popen([sys.executable, "mail.py", "--token", sys.argv[2]]) for _ in range(2)]
threads = [threading.Thread(target=Pool().work, name="worker-%d" % i) for i in range(3)]
for thread in threads:
    thread.start()
Pool().work()
for thread in threads:
    thread.join()
for child in children:
    child.wait()
"""
MAIL = """
import time

def encode(text):
    return [ord(c) for c in text] * 50

def deliver():
    end = time.process_time() + 0.4
    while time.process_time() < end:
        encode("x" * 1000)

deliver()
"""


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pushed")
    (folder / "web.py").write_text(WEB)
    (folder / "mail.py").write_text(MAIL)
    python = next((i for i in interpreters.MATRIX if i.minor == (3, 12)), interpreters.MATRIX[-1])
    command = [PROGRAM, "record", "-s", "-r", "499", "--event", EVENTS, "-o", "rec.pybpf", "--"]
    command += [python.path, "web.py", "--password", SECRET]
    done = subprocess.run([str(word) for word in command], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert done.returncode == 0, done.stderr.decode()
    return folder / "rec.pybpf"


def run(*args, expect=0, env=None):
    argv = [str(word) for word in (PROGRAM, *args)]
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", env={**os.environ, **(env or {})})
    assert done.returncode == expect, done.stderr
    return done


def document(path):
    """Our JSON of it."""
    run("convert", "-i", path, "-o", path.with_name("doc.json"))
    return json.loads(path.with_name("doc.json").read_bytes())


def push(stub, path, *options, backends=BACKENDS, expect=0):
    to = [word for name in backends for word in ("--to", stub.url(name))]
    return run("push", path, *to, "--push-timeout", "2min", *options, expect=expect)  # Python reads large bodies slowly


@pytest.fixture(scope="module")
def bodies(recording):
    """{back end: its bodies}"""
    with backend_stub.Stub() as stub:
        push(stub, recording, "--node", "n1", "--label", "env=test")
    found = collections.defaultdict(list)
    for body in stub.bodies:
        found[body.backend].append(body)
    assert set(found) == set(BACKENDS)
    return found


def report(path, kind):
    return json.loads(run("report", path, "--json", "--type", kind, "--idle-waits").stdout)


def own_name(kind):
    """OpenTelemetry's off_cpu."""
    return kind.replace("off_cpu", "offcpu")


def of_type(bodies, kind):
    return [p for body in bodies for p in body.profiles if own_name(p.period_type[0]) == kind]


def sums(profiles, column, key):
    """{key: (own, total)} of all of them; a key counts once for each stack. A wait has no line: it is its caller's own."""
    own, total = collections.Counter(), collections.Counter()
    for profile in profiles:
        for sample in profile.samples:
            keys = [key(frame) for frame in sample.stack if key is not by_line or frame.line]
            for one in set(keys):
                total[one] += sample.values[column]
            for one in keys[-1:]:
                own[one] += sample.values[column]
    return {one: (own[one], total[one]) for one in total}


def by_function(frame):
    return frame.function.name, frame.function.file, frame.function.start_line


def by_line(frame):
    return *by_function(frame), frame.line


def whole(value):
    """Of seconds as our JSON has them, or of a number."""
    return round(value * 1e9) if isinstance(value, float) else value


def wanted(rows, has_lines=False):
    """{key: ((own, total) samples, (own, total) values)} of the rows of a report. Rows of one name are one there."""
    out = {}
    for row in rows:
        name = f"{row['module']}.{row['name']}" if row["module"] and row.get("kind", "python") == "python" else row["name"]
        unit = next(key[len("own_") :] for key in row if key.startswith("own_") and key[4:] not in ("samples", "percent", "percent_error"))
        key = (name, row["file"], row["first_line"]) + ((row["line"],) if has_lines else ())
        assert key not in out
        out[key] = (row["own_samples"], row["samples"]), (whole(row["own_" + unit]), whole(row[unit]))
    return out


# ---- the numbers -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("backend", BACKENDS)
def test_numbers_are_those_of_the_report(bodies, recording, backend, kind):
    """Own and total of every function and every line: samples and values, exactly. OpenTelemetry has one of the two."""
    profiles, ours = of_type(bodies[backend], kind), report(recording, kind)
    assert len(ours["functions"]) > 3
    columns = {"samples": 0, TYPES[kind]: 1}
    if backend == "otlp":
        columns = {"samples" if kind == "cpu" else TYPES[kind]: 0}
    for key, rows in (by_function, wanted(ours["functions"])), (by_line, wanted(ours["lines"], True)):
        for number, column in columns.items():
            got = sums(profiles, column, key)
            which = 0 if number == "samples" else 1
            assert got == {name: row[which] for name, row in rows.items() if key is by_function or name[-1]}


@pytest.mark.parametrize("backend", BACKENDS)
def test_types(bodies, backend):
    found = {own_name(p.period_type[0]): p for body in bodies[backend] for p in body.profiles}
    assert set(found) == set(TYPES)
    for kind, profile in found.items():
        assert profile.period_type[1] == TYPES[kind]
        if backend == "otlp":
            assert profile.types == [("samples", "count")] if kind == "cpu" else [(profile.period_type[0], TYPES[kind])]
        else:
            assert profile.types == [("samples", "count"), (kind, TYPES[kind])] and profile.default_type == kind
        name = {"pyroscope": PROFILE_NAMES[kind], "parca": "pybpfprof", "otlp": None}[backend]
        assert profile.labels.get("__name__") == name
        assert "-" not in "".join(name for name, _ in profile.types)


@pytest.mark.parametrize("backend", BACKENDS)
def test_times_and_periods(bodies, recording, backend):
    doc = document(recording)
    for kind in TYPES:
        row = next(t for t in doc["value_types"] if t["name"] == kind)
        amount = whole(next(row[key] for key in ("time", "amount", "value") if key in row))
        for profile in of_type(bodies[backend], kind):
            assert profile.time_ns == pytest.approx(doc["start"] * 1e9, abs=1000)
            assert profile.duration_ns == whole(doc["duration"])
            if backend == "otlp" and kind == "offcpu":
                assert profile.period == 0  # events of their own lengths
            else:
                assert profile.period == pytest.approx(amount / row["samples"], abs=1)


# ---- whose it is, and what is not said -----------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", BACKENDS)
def test_services(bodies, recording, backend):
    """A series for each service, with the samples of its own processes alone."""
    key, names = ("service.name", ("host.name", "env")) if backend == "otlp" else ("service_name", ("node", "env"))
    cpu = of_type(bodies[backend], "cpu")
    assert sorted(p.labels[key] for p in cpu) == ["mail", "web"]
    for profile in cpu:
        assert [profile.labels[name] for name in names] == ["n1", "test"]
        functions = {frame.function.name.rsplit(".", 1)[-1] for sample in profile.samples for frame in sample.stack}
        assert ("deliver" in functions) == (profile.labels[key] == "mail")
        assert ("deep" in functions) == (profile.labels[key] == "web")
    # not by their pids: what forked may have been sampled, too
    sampled = [p for p in report(recording, "cpu")["processes"] if "mail.py" in p["command"]]
    mail = next(p for p in cpu if p.labels[key] == "mail")
    assert len(sampled) == 2 and sum(s.values[0] for s in mail.samples) == sum(p["samples"] for p in sampled)


@pytest.mark.parametrize("backend", BACKENDS)
def test_nothing_leaks(bodies, recording, backend):
    """The secret is in the recording; no part of a command line, no comment and no label of a sample is in what is sent."""
    assert any(SECRET in p["command"] for p in document(recording)["processes"])
    for body in bodies[backend]:
        for data in (body.raw, body.text, *(p.raw for p in body.profiles)):
            assert SECRET.encode() not in data and b"--password" not in data and b"--token" not in data
        for profile in body.profiles:
            assert profile.comments == []
            assert not any(SECRET in text or "--" in text for text in profile.strings)
            assert all(sample.labels == {} for sample in profile.samples)


@pytest.mark.parametrize("backend", BACKENDS)
def test_thread_names_on_request(recording, backend):
    with backend_stub.Stub() as stub:
        push(stub, recording, "--with-label", "thread_name", backends=[backend])
    found = collections.Counter()
    for profile in of_type(stub.bodies, "cpu"):
        for sample in profile.samples:
            [(key, name)] = sample.labels.items()
            assert key == ("thread.name" if backend == "otlp" else "thread_name")
            found[name] += sample.values[0]
    assert set(found) == {"MainThread", "worker"}
    pool = sum(t["samples"] for t in report(recording, "cpu")["threads"] if t["name"].startswith("worker-"))
    assert found["worker"] == pool


# ---- as the formats want it ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", ("pyroscope", "parca"))
def test_ids_are_dense(bodies, backend):
    for profile in (p for body in bodies[backend] for p in body.profiles):
        top = pushed.fields(profile.raw)
        for number in (3, 4, 5):  # mappings, locations, functions
            ids = [pushed.one(pushed.fields(message), 1) for message in top[number]]
            assert ids == list(range(1, len(ids) + 1)) and ids
        assert len(set(profile.strings)) == len(profile.strings)


def entries(dictionary):
    return {field.name: list(value) for field, value in dictionary.ListFields()}


def check_otlp(data):
    """Every index is in range, entry 0 of each table is empty, nothing is there twice, nothing without use, and no field unknown."""
    request = pushed.otlp_request()()
    request.ParseFromString(data)
    assert request.SerializeToString() and no_unknown(request)
    d = request.dictionary
    used = collections.defaultdict(set)

    def use(table, index, optional=True):
        assert 0 <= index < len(getattr(d, table)) and (index or optional), (table, index)
        used[table].add(index)

    for table, rows in entries(d).items():
        empty = "" if table == "string_table" else type(rows[0])()
        assert rows[0] == empty
        texts = [row if table == "string_table" else row.SerializeToString(deterministic=True) for row in rows]
        assert len(set(texts)) == len(texts), table
    assert {field.name for field in d.DESCRIPTOR.fields} == set(entries(d))
    for row in d.mapping_table[1:]:
        use("string_table", row.filename_strindex, False)
    for row in d.function_table[1:]:
        use("string_table", row.name_strindex, False)
        use("string_table", row.system_name_strindex)
        use("string_table", row.filename_strindex)
    for row in d.location_table[1:]:
        use("mapping_table", row.mapping_index, False)
        assert row.lines
        for line in row.lines:
            use("function_table", line.function_index, False)
    for row in d.attribute_table[1:]:
        use("string_table", row.key_strindex, False)
        assert row.value.string_value
    for row in d.stack_table[1:]:
        assert row.location_indices
        for index in row.location_indices:
            use("location_table", index, False)
    for resource in request.resource_profiles:
        assert resource.HasField("resource") and all(a.key and a.value.string_value for a in resource.resource.attributes)
        for scope in resource.scope_profiles:
            assert scope.scope.name == "pybpfprof" and re.match(r"\d+\.", scope.scope.version)
            for profile in scope.profiles:
                check_profile(profile, use)
    for table, rows in entries(d).items():
        assert used[table] | {0} == set(range(len(rows))), f"{table} has what nothing refers to"
    return request


def check_profile(profile, use):
    assert profile.HasField("sample_type") and profile.HasField("period_type")
    for kind in (profile.sample_type, profile.period_type):
        use("string_table", kind.type_strindex, False)
        use("string_table", kind.unit_strindex, False)
    assert len(profile.profile_id) == 16 and any(profile.profile_id)
    assert profile.time_unix_nano and profile.duration_nano and profile.samples
    for sample in profile.samples:
        use("stack_table", sample.stack_index, False)
        assert sample.link_index == 0 and len(sample.values) == 1 and sample.values[0] > 0 and not sample.timestamps_unix_nano
        for index in sample.attribute_indices:
            use("attribute_table", index, False)
    seen = [(sample.stack_index, *sample.attribute_indices) for sample in profile.samples]
    assert len(set(seen)) == len(seen)


def no_unknown(message):
    from google.protobuf.unknown_fields import UnknownFieldSet

    assert len(UnknownFieldSet(message)) == 0, type(message)
    for field, value in message.ListFields():
        if field.type == field.TYPE_MESSAGE:
            for each in value if field.is_repeated else [value]:
                no_unknown(each)
    return True


def test_otlp_is_valid(bodies):
    ids = set()
    for body in bodies["otlp"]:
        request = check_otlp(body.text)
        ids |= {p.profile_id for r in request.resource_profiles for s in r.scope_profiles for p in s.profiles}
    assert len(ids) == sum(len(body.profiles) for body in bodies["otlp"])
    attributes = {a.key: a.value.string_value for a in request.resource_profiles[0].resource.attributes}
    assert attributes["process.runtime.name"] == "cpython" and re.match(r"3\.\d+", attributes["process.runtime.version"])


def test_parca_labels_are_plain(bodies):
    for body in bodies["parca"]:
        for series in json.loads(body.text)["series"]:
            assert all(label["name"] and label["value"] for label in series["labels"]["labels"])


# ---- hostile names ---------------------------------------------------------------------------------------------------------


def hostile(doc):
    """The same with names that a program could have chosen; long ones where they are seldom, as this is a file of text."""
    odd = "</script>\x1b[31m\n\u202e\x00\ufffe \U0001f40d \\ \" ' %s"
    seen = collections.Counter(name for sample in doc["samples"] for name in sample["stack"])
    renamed = {name: name for name in doc["functions"]}
    for i, (name, _) in enumerate(sorted(seen.items(), key=lambda row: row[1])):
        row = doc["functions"][name]
        if i >= 3 and i % 5:
            continue
        renamed[name] = f"{i}" + ("日" * 33000 if i < 3 else odd)
        row["module"], row["file"] = "", odd * 50
        row.pop("variants", None)
    doc["functions"] = {renamed[name]: row for name, row in doc["functions"].items()}
    for sample in doc["samples"]:
        sample["stack"] = [renamed[name] for name in sample["stack"]]
        sample.pop("which", None)
    for thread in doc["threads"]:
        thread["name"] = odd + thread["name"]
    return doc


@pytest.mark.parametrize("backend", BACKENDS)
def test_hostile_names(recording, tmp_path, backend):
    """Texts are clean UTF-8 and not endless, bodies stay within their limits, and no sample is lost."""
    doc = hostile(document(recording))
    (tmp_path / "hostile.json").write_text(json.dumps(doc))
    with backend_stub.Stub() as stub:
        push(stub, tmp_path / "hostile.json", "--with-label", "thread_name", "--label", os.fsdecode(b"odd=\x1b[31m\xff\xe2\x80\xae"), backends=[backend])
    profiles = [p for body in stub.bodies for p in body.profiles]
    for profile in profiles:
        for text in (*profile.strings, *profile.labels.values()):
            assert len(text.encode()) <= 4096
            assert not re.search("[\x00-\x1f\x7f-\x9f\u202a-\u202e\ufffe\uffff]", text), text
    for body in stub.bodies:
        assert len(body.text) < 4 << 20 and sum(len(p.raw) for p in body.profiles if backend != "otlp") < 2 << 20
        if backend == "otlp":
            check_otlp(body.text)
    counted = [p for p in profiles if p.types[0][0] == "samples"]
    cpu = next(t for t in doc["value_types"] if t["name"] == "cpu")
    assert sum(s.values[0] for p in counted for s in p.samples if p.period_type[0] == "cpu") == cpu["samples"]


def test_a_large_recording_is_split(tmp_path):
    """Many deep stacks: each sample in exactly one of the profiles, none of them too large."""
    run_made = [built("tests/unit/make_files"), "processes=1", "threads=8", "stacks=3000", "depth=900", str(tmp_path / "rec.pybpf")]
    subprocess.run([str(word) for word in run_made], check=True)
    total = report(tmp_path / "rec.pybpf", "cpu")["samples"]
    with backend_stub.Stub() as stub:
        push(stub, tmp_path / "rec.pybpf", "--queue", "4MB")
    for backend in BACKENDS:
        profiles = [p for body in stub.bodies if body.backend == backend for p in body.profiles]
        assert len(profiles) > 1
        assert sum(s.values[0] for p in profiles for s in p.samples) == total
        for profile in profiles:
            assert len(profile.samples) <= 16000 and max(len(s.stack) for s in profile.samples) <= 1000
            assert backend == "otlp" or len(profile.raw) <= 1900000
        # of a series no two have the same time
        times = [(profile.time_ns, profile.labels.get("python", profile.labels.get("process.runtime.version"))) for profile in profiles]
        assert backend == "otlp" or len(set(times)) == len(times)


def test_the_node_is_where_it_was_recorded(recording, tmp_path):
    doc = document(recording)
    doc["host"] = "elsewhere"
    (tmp_path / "doc.json").write_text(json.dumps(doc))
    with backend_stub.Stub() as stub:
        push(stub, tmp_path / "doc.json", backends=["parca"])
        push(stub, tmp_path / "doc.json", "--node", "n2", backends=["parca"])
    assert [{p.labels["node"] for p in body.profiles} for body in stub.bodies] == [{"elsewhere"}, {"n2"}]


# ---- the command -------------------------------------------------------------------------------------------------------------


def test_says_what_was_sent(recording):
    with backend_stub.Stub() as stub:
        done = push(stub, recording, recording)
        assert len(stub.bodies) == 2 * len(BACKENDS)
    lines = done.stderr.splitlines()
    assert len([line for line in lines if re.search(r"sent [\d,]+ samples in 2 requests", line)]) == len(BACKENDS)
    assert done.stdout == ""


def test_says_what_was_refused(recording):
    with backend_stub.Stub() as stub:
        stub.behave([], then=backend_stub.status(400, "profile is too old"))
        done = push(stub, recording, expect=1)
        assert len(stub.requests) == len(BACKENDS)
    said = " ".join(done.stderr.split())
    assert said.count("profile is too old") == len(BACKENDS)
    assert len(re.findall(r"[\d,]+ samples were refused", said)) == len(BACKENDS)


def test_says_what_was_left_out(recording):
    """OTLP's partial success: some profiles of a body, or none and a warning."""
    pushed.otlp_request()
    from opentelemetry.proto.collector.profiles.v1development.profiles_service_pb2 import ExportProfilesServiceResponse as Response

    some, warning = Response(), Response()
    some.partial_success.rejected_profiles, some.partial_success.error_message = 300, "too old\nfor us"
    warning.partial_success.error_message = "soon too old"
    for answer, words, status in (some, "it took all but 300 profiles: too old", 1), (warning, "it took everything, and warns: soon too old", 0):
        with backend_stub.Stub() as stub:
            stub.behave([backend_stub.status(200, raw=answer.SerializeToString())])
            done = push(stub, recording, backends=["otlp"], expect=status)
        said = " ".join(done.stderr.split())
        assert words in said and re.search(r"sent [\d,]+ samples in 1 request", said)
        assert ("it left out 300 profiles of what was sent" in said) == (status == 1)


def test_one_of_two_is_down(recording):
    with backend_stub.Stub() as well, backend_stub.Stub() as down:
        down.refuse()
        to = ["--to", well.url("pyroscope"), "--to", down.url("parca"), "--push-timeout", "1s"]
        done = run("push", recording, *to, expect=1)
        assert len(well.bodies) == 1
    said = " ".join(done.stderr.split())
    assert re.search(r"pyroscope\S+: sent [\d,]+ samples", said) and re.search(r"parca\S+: [\d,]+ samples were not sent", said)


def test_rules(recording):
    with backend_stub.Stub() as stub:
        done = push(stub, recording, "--keep", "service_name=ma*", backends=["pyroscope"])
        assert {p.labels["service_name"] for b in stub.bodies for p in b.profiles} == {"mail"}
        assert "were left out by --keep and --drop" in " ".join(done.stderr.split())
        push(stub, recording, "--drop", "service_name=*", backends=["pyroscope"])
        assert len(stub.bodies) == 1


def test_tokens_are_of_their_destination(recording, tmp_path):
    """One that is given behind a destination goes to no other."""
    for name in "ab":
        (tmp_path / name).write_text(f"token-{name}\n")
    with backend_stub.Stub() as one, backend_stub.Stub() as two:
        a, b = (["--token-file", tmp_path / name] for name in "ab")
        run("push", recording, "--to", one.url("pyroscope"), *a, "--to", two.url("parca"), *b)
        run("push", recording, *a, "--to", one.url("pyroscope"), "--to", two.url("parca"))
        run("push", recording, "--to", one.url("pyroscope"), "--to", two.url("parca"), *b)
    tokens = [[body.headers.get("Authorization") for body in stub.bodies] for stub in (one, two)]
    assert tokens == [["Bearer token-a", "Bearer token-a", None], ["Bearer token-b", "Bearer token-a", "Bearer token-b"]]


def test_a_token_of_the_environment(recording, tmp_path):
    """It is for destinations that have no file."""
    (tmp_path / "a").write_text("token-a\n")
    with backend_stub.Stub() as one, backend_stub.Stub() as two:
        to = ["--to", one.url("pyroscope"), "--token-file", tmp_path / "a", "--to", two.url("parca")]
        run("push", recording, *to, env={"PYBPFPROF_TOKEN": "token-of-all"})
    tokens = [body.headers.get("Authorization") for stub in (one, two) for body in stub.bodies]
    assert tokens == ["Bearer token-a", "Bearer token-of-all"]


@pytest.mark.parametrize(
    "args, words",
    [
        ([], "no recording"),
        (["REC"], "no destination"),
        (["REC", "--to", "http://127.0.0.1:1"], "pyroscope"),
        (["REC", "--to", "nothing+http://127.0.0.1:1"], "pyroscope, parca and otlp"),
        (["REC", "--to", "otlp://x", "--keep", "24h"], "of the files of a daemon"),
        (["REC", "--to", "otlp://x", "--keep", "nonsense"], "container=web-*"),
        (["REC", "--to", "otlp://x", "--queue", "0MB"], "must be more than 0"),
        (["REC", "--to", "otlp://x", "--push-timeout", "soon"], "500ms"),
        (["REC", "--to", "otlp://x", "--with-label", "secret"], "container_id"),
        (["REC", "--to", "otlp://x", "--label", "env"], "--label env"),
        (["REC", "--to", "otlp://x", "--series-max", "many"], "--series-max many"),
    ],
)
def test_mistakes_are_explained(recording, args, words):
    done = run("push", *[recording if word == "REC" else word for word in args], expect=2)
    assert words in " ".join(done.stderr.split())


def test_what_is_no_recording(tmp_path):
    (tmp_path / "x").write_bytes(b"nothing of ours")
    with backend_stub.Stub() as stub:
        push(stub, tmp_path / "x", expect=1)
        assert not stub.requests
