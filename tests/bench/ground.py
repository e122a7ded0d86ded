# SPDX-License-Identifier: MIT
"""What is measured against, and how: nginx with its certificates on one processor, what CPU time and instructions a
process took, the peers that ours is set beside."""
import ctypes
import http.client
import json
import os
import random
import resource
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, os.environ.get("BUILD", "build"))
PEERS = os.path.join(ROOT, "build/peers/bin")
MORE_PEERS = os.path.join(ROOT, "build/peers-bench/bin")
processors = sorted(os.sched_getaffinity(0))
SERVER, PROBER = processors[0], processors[-1]


def on(processor, argv):
    return ["taskset", "-c", str(processor), *argv]


def wait_for(condition, what, timeout=10.0):
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        if time.monotonic() > deadline:
            sys.exit(f"bench: waited {timeout:g} s for {what}")
        time.sleep(0.01)
    return value


def free_port():
    """Outside of the range that clients' ports are taken from."""
    for port in random.sample(range(15000, 32000), 1000):
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(("0.0.0.0", port))
            except OSError:
                continue
        if port not in given:
            given.add(port)
            return port
    sys.exit("bench: no free port")


given = set()


def answers(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


# ---- certificates, made anew each time: nothing of them is kept


def openssl(*argv, text=None):
    subprocess.run(["openssl", *argv], input=text, text=True, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def new_key(path, kind):
    openssl("genpkey", "-out", path, *(["-algorithm", "RSA", "-pkeyopt", f"rsa_keygen_bits:{kind}"] if isinstance(kind, int)
                                        else ["-algorithm", "EC", "-pkeyopt", f"ec_paramgen_curve:{kind}"]))


def certify(folder, name, kind, issuer=None, authority=False):
    """NAME.key and NAME.pem of a KIND ("P-256", 2048), signed by ISSUER or by itself."""
    at = lambda end, of=name: os.path.join(folder, f"{of}.{end}")
    new_key(at("key"), kind)
    extensions = "basicConstraints=critical,CA:TRUE\n" if authority else "subjectAltName=DNS:localhost,IP:127.0.0.1\n"
    with open(at("ext"), "w") as f:
        f.write(extensions + "subjectKeyIdentifier=hash\n")
    openssl("req", "-new", "-key", at("key"), "-subj", f"/CN={name}", "-out", at("csr"))
    signer = ["-CA", at("pem", issuer), "-CAkey", at("key", issuer), "-CAcreateserial"] if issuer else ["-signkey", at("key")]
    openssl("x509", "-req", "-in", at("csr"), "-days", "30", "-sha256", "-extfile", at("ext"), "-out", at("pem"), *signer)


def join(folder, out, *names):
    with open(os.path.join(folder, out), "w") as f:
        for name in names:
            with open(os.path.join(folder, name + ".pem")) as part:
                f.write(part.read())


# Like Let's Encrypt's: leaf P-256, intermediate P-384, root RSA-4096, which is not sent
CHAINS = {"p256": ("P-256", "P-256", None), "rsa": (2048, 2048, None), "le": ("P-256", "P-384", 4096)}


def make_chain(folder, name):
    leaf, middle, root = CHAINS[name]
    top = f"{name}-ca"
    if root:
        top = f"{name}-root"
        certify(folder, top, root, authority=True)
        certify(folder, f"{name}-middle", middle, issuer=top, authority=True)
    else:
        certify(folder, top, middle, authority=True)
    certify(folder, f"{name}-leaf", leaf, issuer=f"{name}-middle" if root else top)
    join(folder, f"{name}.chain", f"{name}-leaf", *([f"{name}-middle"] if root else []))
    return f"{name}-leaf.key", f"{name}.chain", top


# ---- the servers


class Ground:
    """nginx on the servers' processor, in a folder of its own that goes away with it."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="qb", dir="/tmp")
        self.children = []
        self.http, self.https = free_port(), {}
        roots = []
        servers = f"server {{ listen 0.0.0.0:{self.http} backlog=4096; location / {{ return 200 'hello\\n'; }} }}\n"
        for name in CHAINS:
            key, chain, root = make_chain(self.dir, name)
            roots.append(root)
            port = self.https[name] = free_port()
            servers += (f"server {{ listen 0.0.0.0:{port} ssl backlog=4096; ssl_certificate {chain}; ssl_certificate_key {key};"
                        f" ssl_protocols TLSv1.2 TLSv1.3; location / {{ return 200 'hello\\n'; }}"
                        f" location /wait {{ proxy_pass http://127.0.0.1:{self.silent()}; proxy_read_timeout 600s; }} }}\n")
        join(self.dir, "roots.pem", *roots)
        self.roots = os.path.join(self.dir, "roots.pem")
        with open(os.path.join(self.dir, "nginx.conf"), "w") as f:
            f.write("daemon off; master_process off; pid nginx.pid; error_log stderr crit; worker_rlimit_nofile 20000;\n"
                    "events { worker_connections 9000; }\n"
                    "http { access_log off; " + " ".join(f"{kind}_temp_path tmp-{kind};" for kind in
                    ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")) + "\n" + servers + "}\n")
        self.start(on(SERVER, [os.path.join(PEERS, "nginx"), "-p", self.dir, "-c", "nginx.conf"]), self.http)

    def silent(self):
        """The port of one who takes connections and never says a word."""
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("0.0.0.0", 0))
        s.listen(4096)
        self.children.append(s)
        return s.getsockname()[1]

    def black_hole(self):
        """The port of one whose queue is full: what knocks gets no answer at all."""
        s = socket.socket()
        s.bind(("0.0.0.0", 0))
        s.listen(0)
        port = s.getsockname()[1]
        for _ in range(2):
            full = socket.socket()
            full.setblocking(False)
            full.connect_ex(("127.0.0.1", port))
            self.children.append(full)
        self.children.append(s)
        return port

    def start(self, argv, port, **more):
        child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, **more)
        self.children.append(child)
        wait_for(lambda: child.poll() is not None or answers(port), f"{argv[3]} to listen")
        if child.poll() is not None:
            sys.exit(f"bench: {argv[3]} does not start")
        return child

    def close(self):
        for child in self.children:
            if isinstance(child, subprocess.Popen):
                child.kill()
                child.wait()
            else:
                child.close()
        shutil.rmtree(self.dir)


# ---- what was spent: by the programs of ours they say it themselves; of others we look at it from outside


def program(name, *argv, env=None):
    """One of tests/bench/*.c on the prober's processor: its lines of JSON."""
    out = subprocess.run(on(PROBER, [os.path.join(BUILD, "tests/bench", name), *map(str, argv)]), stdout=subprocess.PIPE,
                         text=True, env={**os.environ, **(env or {})})
    if out.returncode:
        sys.exit(f"bench: {name} {' '.join(map(str, argv))} failed")
    return [json.loads(line) for line in out.stdout.splitlines()]


def tasks_us(pid):
    """CPU time of all threads of PID, to the microsecond."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/schedstat") as f:
            total += int(f.read().split()[0])
    return total / 1000


def rss_kb(pid, key="VmHWM"):
    with open(f"/proc/{pid}/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith(key + ":"))


class Instructions:
    """Counts those of all threads of PID, user and kernel; value() is None where the machine has no counters."""

    NUMBER = {"x86_64": 298, "aarch64": 241}.get(os.uname().machine)

    def __init__(self, pid):
        # struct perf_event_attr: type hardware, its size, config 1 (instructions); bit 1: inherit, bit 6: exclude_hv
        attr = struct.pack("IIQQQQQ", 0, 112, 1, 0, 0, 0, 1 << 1 | 1 << 6).ljust(112, b"\0")
        call = ctypes.CDLL(None, use_errno=True).syscall
        self.fds = [call(self.NUMBER, attr, int(task), -1, -1, 0) for task in os.listdir(f"/proc/{pid}/task")] if self.NUMBER else []

    def value(self):
        if not self.fds or -1 in self.fds:
            return None
        return sum(int.from_bytes(os.read(fd, 8), sys.byteorder) for fd in self.fds)

    def close(self):
        for fd in self.fds:
            if fd != -1:
                os.close(fd)


def child_us():
    u = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (u.ru_utime + u.ru_stime) * 1e6


# ---- peers


class Blackbox:
    """prometheus-blackbox-exporter, asked over HTTP from the servers' processor, two requests at a time."""

    def __init__(self, ground):
        self.port = free_port()
        conf = os.path.join(ground.dir, "blackbox.yml")
        with open(conf, "w") as f:
            json.dump({"modules": {
                "icmp": {"prober": "icmp", "timeout": "5s", "icmp": {"preferred_ip_protocol": "ip4"}},
                "tcp": {"prober": "tcp", "timeout": "5s"},
                "http": {"prober": "http", "timeout": "5s",
                         "http": {"preferred_ip_protocol": "ip4", "tls_config": {"ca_file": ground.roots}}}}}, f)
        self.child = ground.start(on(PROBER, [os.path.join(MORE_PEERS, "prometheus-blackbox-exporter"), f"--config.file={conf}",
                                              f"--web.listen-address=127.0.0.1:{self.port}", "--log.level=error"]), self.port,
                                  stderr=subprocess.DEVNULL)

    def ask(self, path, n, failed):
        os.sched_setaffinity(threading.get_native_id(), {SERVER})
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        for _ in range(n):
            connection.request("GET", path)
            if b"\nprobe_success 1\n" not in connection.getresponse().read():
                failed.append(path)
        connection.close()

    def run(self, module, target, n, at_a_time=2):
        path, failed = f"/probe?module={module}&target={target}", []
        self.ask(path, n // 10 + 1, failed)
        counter, began = Instructions(self.child.pid), tasks_us(self.child.pid)
        threads = [threading.Thread(target=self.ask, args=(path, n // at_a_time, failed)) for _ in range(at_a_time)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        done = n // at_a_time * at_a_time
        found = {"cpu_us": (tasks_us(self.child.pid) - began) / done, "failed": len(failed), "peak_kb": rss_kb(self.child.pid)}
        if counter.value() is not None:
            found["instructions"] = counter.value() / done
        counter.close()
        return found


def plugin(name, *argv, n=20, okay=(0,)):
    """A monitoring plugin: a process for each check."""
    began, failed = child_us(), 0
    for _ in range(n):
        failed += subprocess.run(on(PROBER, [os.path.join(ROOT, "build/peers/root/usr/lib/nagios/plugins", name), *argv]),
                                 stdout=subprocess.DEVNULL).returncode not in okay
    return {"cpu_us": (child_us() - began) / n, "failed": failed}


def fping(n):
    """N pings in all, 1,000 targets, as fast as it goes."""
    targets = "".join(f"127.0.{i >> 8}.{i & 255}\n" for i in range(1, 1001))
    began = child_us()
    out = subprocess.run(on(PROBER, [os.path.join(MORE_PEERS, "fping"), "-q", "-i", "0.01", "-p", "20", "-C", str(n // 1000)]),
                         input=targets, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    lost = sum(line.split(":")[1].split().count("-") for line in out.stderr.splitlines() if ":" in line)
    return {"cpu_us": (child_us() - began) / n, "failed": lost}
