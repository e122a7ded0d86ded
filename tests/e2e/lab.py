# SPDX-License-Identifier: MIT
"""A laboratory of real programs: a coordinator, probes and peers as children in one work folder.

Everything waits for conditions (wait_for), never for time to pass. Whatever a test starts is stopped by Lab.close(),
which also looks at what every test must keep: no sanitizer report, no secret in a log or a command line.
Used by the end-to-end tests and by the demo.
"""
import glob
import http.client
import json
import os
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, os.environ.get("BUILD", "build"))
PEERS = os.path.join(ROOT, "build/peers/bin")
REGIONS = {"tokyo": "ap-northeast-1", "frankfurt": "eu-central-1", "virginia": "us-east-1"}


class Failure(Exception):
    """A check of a test that did not hold; the message says what."""


class Skip(Exception):
    """This machine lacks what the test needs; never counted as passed."""


class Counter:
    """How many things were asserted: a test that asserts nothing has not tested anything."""

    n = 0


def check(condition, what):
    Counter.n += 1
    if not condition:
        raise Failure(what)
    return condition


def equal(found, expected, what):
    Counter.n += 1
    if found != expected:
        raise Failure(f"{what}: expected {expected!r}, found {found!r}")


def wait_for(condition, what, timeout=10.0, asserts=True):
    """Polls CONDITION until it is true and returns its value; fails with WHAT and its last value after TIMEOUT seconds."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            Counter.n += asserts
            return value
        if time.monotonic() >= deadline:
            raise Failure(f"waited {timeout:g} s for {what}; last seen: {value!r}")
        time.sleep(0.02)


def stays(condition, what, seconds):
    """CONDITION has to hold all the time for SECONDS."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        check(condition(), what)
        time.sleep(0.05)


used_ports = set()


def free_port():
    """A TCP port nobody listens on, below the range from which the kernel takes ports for outgoing connections."""
    while True:
        port = random.randrange(15000, 32000)
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in used_ports:
            used_ports.add(port)
            return port


def read(path):
    with open(path, errors="replace") as f:
        return f.read()


def write(path, text, mode=0o644):
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w") as f:
        f.write(text)
    return path


class Child:
    """A program that we started. Its output is one log file over all its starts."""

    ends = (0, -signal.SIGKILL)  # exit codes that are fine at the end of a test

    def __init__(self, lab, name, argv, env=None, prefix=()):
        self.lab, self.name, self.argv, self.prefix = lab, name, list(argv), list(prefix)
        self.env = {**lab.env, **(env or {})}
        self.log = os.path.join(lab.dir, "log", name + ".log")
        self.process = None
        lab.children.append(self)

    def start(self, stdin=subprocess.DEVNULL):
        with open(self.log, "a") as log:
            try:
                self.process = subprocess.Popen(
                    self.prefix + self.argv, env=self.env, stdin=stdin, stdout=log, stderr=log, cwd=self.lab.dir,
                    start_new_session=True,
                )
            except OSError as e:
                raise Failure(f"cannot start {self.name}: {e}") from None
        return self

    @property
    def pid(self):
        return self.process.pid

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        """kill -9, as a crash would."""
        if self.alive():
            self.signal(signal.SIGKILL)
        self.process.wait()

    def freeze(self):
        self.signal(signal.SIGSTOP)

    def thaw(self):
        self.signal(signal.SIGCONT)

    def stop(self, timeout=5.0):
        """SIGTERM; the exit code, or a failure when it takes longer than TIMEOUT seconds."""
        if self.process is None:
            return 0
        if self.alive():
            self.thaw()
            self.signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Failure(f"{self.name} did not end within {timeout:g} s of SIGTERM") from None

    def text(self):
        return read(self.log) if os.path.exists(self.log) else ""


class Response:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.status} {self.body[:400]!r}>"


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Api:
    """The REST API as a client sees it."""

    def __init__(self, port=None, key=None, socket_path=None):
        self.port, self.key, self.socket_path = port, key, socket_path

    def call(self, method, path, body=None, raw=None, headers=None, key="own", timeout=10):
        """BODY goes as JSON, RAW as it is. KEY "own": the client's, None: none. Never raises for a status."""
        data = raw if raw is not None else None if body is None else json.dumps(body).encode()
        key = self.key if key == "own" else key
        send = {"Content-Type": "application/json"} if data is not None else {}
        if key:
            send["Authorization"] = "Bearer " + key
        connection = UnixConnection(self.socket_path, timeout) if self.socket_path else http.client.HTTPConnection(
            "127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path, body=data, headers={**send, **(headers or {})})
            answer = connection.getresponse()
            return Response(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def get(self, path, **options):
        return self.call("GET", path, **options)

    def must(self, method, path, body=None, **options):
        """The JSON of a request that has to succeed."""
        answer = self.call(method, path, body, **options)
        if answer.status // 100 != 2:
            raise Failure(f"{method} {path}: {answer.status} {answer.body.decode(errors='replace')}")
        return answer.json if answer.body else None

    def items(self, path):
        """All items of a list, page by page."""
        items, cursor = [], None
        while True:
            sep = "&" if "?" in path else "?"
            page = self.must("GET", path if cursor is None else f"{path}{sep}cursor={cursor}")
            items += page["items"]
            cursor = page["next_cursor"]
            if not cursor:
                return items

    def answers(self):
        try:
            return self.call("GET", "/healthz", key=None, timeout=2).status == 200
        except OSError:
            return False
        except http.client.HTTPException:
            return False


class Coordinator(Child):
    def __init__(self, lab, channels=(), prefix=(), name="coordinator", **conf):
        self.dir = os.path.join(lab.dir, name)
        os.makedirs(self.dir, mode=0o700, exist_ok=True)
        self.path = os.path.join(lab.dir, name + ".yml")
        self.port, self.report_port, self.orders_port = free_port(), free_port(), free_port()
        self.conf = {
            "store": "sqlite:" + os.path.join(self.dir, "store"), "state_dir": self.dir,
            "link": {"report": f"tcp://127.0.0.1:{self.report_port}", "orders": f"tcp://127.0.0.1:{self.orders_port}"},
            "api": {"listen": f"127.0.0.1:{self.port}", "socket": os.path.join(self.dir, "api.sock")},
            "url": f"http://127.0.0.1:{self.port}", "channels": list(channels), "per_target": 100000, **conf,
        }
        self.configure()
        super().__init__(lab, name, [os.path.join(BUILD, "quorate-coordinator"), "-c", self.path], prefix=prefix)
        self.api = Api(self.port)

    def configure(self, **changes):
        self.conf.update(changes)
        write(self.path, json.dumps(self.conf, indent=1) + "\n", 0o600)

    def start(self, timeout=10):
        super().start()
        def up():
            if not self.alive():
                raise Failure(f"the coordinator ended at its start with {self.process.returncode}:\n{self.text()[-3000:]}")
            return self.api.answers()
        wait_for(up, "the coordinator's /healthz", timeout, asserts=False)
        self.api.key = read(os.path.join(self.dir, "admin.key")).strip()
        self.lab.secret(self.api.key)
        return self

    def databases(self):
        return sorted(glob.glob(self.dir + "/**/*.db", recursive=True) + glob.glob(self.dir + "/**/*.sqlite*", recursive=True))

    def check_integrity(self):
        """While it does not run: every database file is whole."""
        found = [p for p in self.databases() if not p.endswith(("-wal", "-shm"))]
        check(found, f"no database below {self.dir}: {os.listdir(self.dir)}")
        for path in found:
            with sqlite3.connect(path) as db:
                equal(db.execute("PRAGMA integrity_check").fetchall(), [("ok",)], f"integrity of {os.path.basename(path)}")
            db.close()

    def alerts(self, **match):
        """All alerts, open or not, of which the fields in MATCH are as given."""
        return [a for a in self.api.items("/api/v1/alerts?state=any") if all(a.get(k) == v for k, v in match.items())]

    def explain(self, monitor):
        return self.api.must("GET", f"/api/v1/monitors/{monitor}/explain")

    def state(self, monitor):
        return self.api.must("GET", f"/api/v1/monitors/{monitor}")["state"]

    def status(self):
        return self.api.must("GET", "/api/v1/status")


class Probe(Child):
    def __init__(self, lab, name, token, link, prefix=(), env=None, **conf):
        self.dir = os.path.join(lab.dir, name)
        os.makedirs(self.dir, mode=0o700, exist_ok=True)
        self.token_file = write(os.path.join(self.dir, "token"), token + "\n", 0o600)
        self.path = os.path.join(self.dir, "probe.yml")
        self.conf = {
            "name": name, "link": link, "token_file": self.token_file, "state_dir": self.dir,
            "allow": ["127.0.0.0/8", "10.77.0.0/16"], "min_interval": "1s", "per_destination": 1000, "per_second": 1000, **conf,
        }
        write(self.path, json.dumps(self.conf, indent=1) + "\n")
        super().__init__(lab, name, [os.path.join(BUILD, "quorate-probe"), "-c", self.path], env=env, prefix=prefix)


class Lab:
    """One work folder and all that runs in it. Use as a context manager."""

    def __init__(self, folder=None, keep=False):
        self.dir = folder or os.environ.get("QUORATE_LAB_DIR") or tempfile.mkdtemp(prefix="quorate-", dir="/tmp")
        self.keep = keep
        self.children, self.closers, self.secrets = [], [], set()
        for sub in ("log", "sanitizer"):
            os.makedirs(os.path.join(self.dir, sub), exist_ok=True)
        report = os.path.join(self.dir, "sanitizer", "report")
        self.env = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": self.dir, "LANG": "C.UTF-8", "RUNTIME_DIRECTORY": self.dir,
            "ASAN_OPTIONS": f"log_path={report}:exitcode=77", "LSAN_OPTIONS": f"log_path={report}:exitcode=77",
            "UBSAN_OPTIONS": f"log_path={report}:print_stacktrace=1:halt_on_error=1",
        }

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        self.close(failed=kind is not None)

    def secret(self, text):
        self.secrets.add(text)
        return text

    def file(self, *parts):
        return os.path.join(self.dir, *parts)

    # ---- the system
    def coordinator(self, **options):
        return Coordinator(self, **options)

    def regions(self, coordinator, names=REGIONS.values()):
        for name in names:
            coordinator.api.must("POST", "/api/v1/regions", {"name": name})

    def probe(self, coordinator, name, region, /, link=None, **options):
        """Registers and makes a probe; it is not started."""
        made = coordinator.api.must("POST", "/api/v1/probes", {"name": name, "region": region})
        link = link or coordinator.conf["link"]
        return Probe(self, name, self.secret(made["token"]), link, **options)

    def trio(self, coordinator, /, suffix="1", **options):
        """Three probes in three regions, running and connected."""
        self.regions(coordinator)
        probes = [self.probe(coordinator, f"{city}-{suffix}", region, **options).start() for city, region in REGIONS.items()]
        self.wait_connected(coordinator, *probes)
        return probes

    def wait_connected(self, coordinator, *probes, timeout=10):
        names = {p.name for p in probes}
        wait_for(lambda: names <= {p["name"] for p in coordinator.api.items("/api/v1/probes") if p["standing"] == "voting"},
                 f"{', '.join(sorted(names))} to be connected", timeout)

    def monitor(self, coordinator, name, type, target, **more):
        """Registers a fast monitor; its id."""
        seats = {"seats": 3} if len(coordinator.api.items("/api/v1/probes")) >= 3 else {}  # as many as there are
        body = {"name": name, "type": type, "target": target, "interval": "1s", "timeout": "1s",
                "quorum": {**seats, "rounds": 2, "gap": "500ms"}, "alert": {"flapping": {"changes": 0}}, **more}  # many outages in a minute
        return coordinator.api.must("POST", "/api/v1/monitors", body)["id"]

    def wait_state(self, coordinator, monitor, state, timeout=20):
        wait_for(lambda: coordinator.state(monitor) == state or None, f"monitor {monitor} to be {state}", timeout)

    def wait_settled(self, coordinator, timeout=40):
        """Until the coordinator opens and closes alerts again after its start."""
        wait_for(lambda: coordinator.status()["hold"] is False, "the end of the hold after the coordinator's start", timeout)

    def cli(self, coordinator, *argv, timeout=20, **options):
        """Runs `quorate ARGV`: its CompletedProcess."""
        env = {**self.env, "QUORATE_URL": f"http://127.0.0.1:{coordinator.port}", "QUORATE_API_KEY": coordinator.api.key}
        return subprocess.run([os.path.join(BUILD, "quorate"), *argv], env=env, capture_output=True, text=True, timeout=timeout,
                              cwd=ROOT, **options)

    # ---- the end
    def sanitizer_reports(self):
        return [read(p) for p in sorted(glob.glob(self.file("sanitizer", "*")))]

    def leaks(self):
        """Secrets seen where others could read them: in a log or on a command line."""
        found = []
        for path in glob.glob(self.file("log", "*")):
            text = read(path)
            found += [f"a secret ({s[:6]}…) is in {os.path.basename(path)}" for s in self.secrets if s in text]
        for child in self.children:
            if child.alive():
                line = read(f"/proc/{child.pid}/cmdline")
                found += [f"a secret ({s[:6]}…) is on {child.name}'s command line" for s in self.secrets if s in line]
        return found

    def preserve(self):
        """Copies the work folder (without sockets) to where the next run does not look; the copy's path."""
        kept = os.path.join(ROOT, "build/e2e-failed", os.path.basename(self.dir))
        special = lambda folder, names: [n for n in names if not os.path.isfile(os.path.join(folder, n)) and
                                         not os.path.isdir(os.path.join(folder, n))]
        try:
            shutil.copytree(self.dir, kept, ignore=special)
        except OSError as e:
            return f"lost ({e})"
        return os.path.relpath(kept, ROOT)

    def close(self, failed=False):
        problems = self.leaks()
        for closer in reversed(self.closers):
            closer()
        for child in reversed(self.children):
            try:
                code = child.stop() if child.process else 0
                if child.process and code not in child.ends:
                    problems.append(f"{child.name} ended with {code}")
            except Failure as e:
                problems.append(str(e))
        problems = self.sanitizer_reports() + problems
        if (failed or problems) and not self.keep:
            print(f"    logs: {self.preserve()}")
        if not self.keep:
            shutil.rmtree(self.dir, ignore_errors=True)
        if problems and not failed:
            raise Failure("; ".join(problems))
        for problem in problems:
            print("    also:", problem)
