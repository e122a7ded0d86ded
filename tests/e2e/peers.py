# SPDX-License-Identifier: MIT
"""The world around the programs: webhook receiver, event stream follower, nginx, certificates, networks that can be cut."""
import base64
import ctypes
import hashlib
import hmac
import http.client
import http.server
import json
import os
import pwd
import random
import secrets
import select
import shutil
import signal
import socket
import subprocess
import threading
import time

from lab import PEERS, Child, Failure, Skip, free_port, wait_for, write


class Delivery:
    def __init__(self, headers, body, answered):
        self.at = time.monotonic()
        self.id, self.body, self.answered = headers.get("webhook-id"), body, answered
        self.json = json.loads(body)
        self.type, self.alert = self.json.get("type"), self.json.get("data", {})

    def __repr__(self):
        return f"<{self.type} {self.alert.get('kind')} {self.alert.get('case')} {self.id} -> {self.answered}>"


class Receiver:
    """A webhook's other end. Checks every signature (Standard Webhooks 1.0.0); `answer` is the status it gives."""

    def __init__(self, lab, name="ops", start=True, address="127.0.0.1"):
        self.port, self.name, self.address = free_port(), name, address
        key = secrets.token_bytes(32)
        self.key, self.secret = key, lab.secret("whsec_" + base64.b64encode(key).decode())
        self.url = f"http://{address}:{self.port}/hook/{name}"
        self.answer = 200
        self.deliveries, self.problems = [], []
        self.server = None
        lab.closers.append(self.stop)
        if start:
            self.start()

    @property
    def channel(self):
        return {"name": self.name, "webhook": self.url, "secret": self.secret}

    def verify(self, headers, body):
        stamp = headers.get("webhook-timestamp", "")
        signed = f"{headers.get('webhook-id')}.{stamp}.".encode() + body
        want = "v1," + base64.b64encode(hmac.new(self.key, signed, hashlib.sha256).digest()).decode()
        if not any(hmac.compare_digest(want, s) for s in headers.get("webhook-signature", "").split()):
            return "wrong signature"
        if not stamp.isdigit() or abs(time.time() - int(stamp)) > 300:
            return f"timestamp {stamp!r} is not now"
        if len(body) > 20000:
            return f"body of {len(body)} bytes; Standard Webhooks says below 20 kB"
        return None

    def start(self):
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                problem = receiver.verify(self.headers, body)
                if problem:
                    receiver.problems.append(problem)
                receiver.deliveries.append(Delivery(self.headers, body, receiver.answer))
                self.send_response(receiver.answer)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            allow_reuse_address = True
            daemon_threads = True

        self.server = Server((self.address, self.port), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def stop(self):
        if self.server:
            self.server.shutdown()
            self.server.server_close()
            self.server = None

    def messages(self, **match):
        """What was accepted, each id once, in order of its first acceptance; MATCH: fields of the alert (or type=…)."""
        seen, out = set(), []
        for d in self.deliveries:
            if d.answered // 100 == 2 and d.id not in seen:
                seen.add(d.id)
                if all((d.type if k == "type" else d.alert.get(k)) == v for k, v in match.items()):
                    out.append(d)
        return out

    def wait(self, what, timeout=20, count=1, **match):
        """The COUNT-th message that matches."""
        wait_for(lambda: len(self.messages(**match)) >= count or None, f"{what} at the webhook receiver", timeout)
        return self.messages(**match)[count - 1]


class Stream:
    """Follows /api/v1/alerts/stream in a thread; events are (id, type, object)."""

    def __init__(self, coordinator, last_id=None):
        self.events, self.error, self.opened = [], None, threading.Event()
        self.connection = http.client.HTTPConnection("127.0.0.1", coordinator.port, timeout=60)
        headers = {"Authorization": "Bearer " + coordinator.api.key, "Accept": "text/event-stream"}
        if last_id is not None:
            headers["Last-Event-ID"] = str(last_id)
        self.connection.request("GET", "/api/v1/alerts/stream", headers=headers)
        self.response = self.connection.getresponse()
        if self.response.status != 200:
            raise Failure(f"stream: {self.response.status} {self.response.read()!r}")
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        fields = {}
        try:
            for raw in self.response:
                line = raw.decode().rstrip("\r\n")
                if line == "":
                    if "data" in fields:
                        self.events.append((int(fields["id"]), fields.get("event", "message"), json.loads(fields["data"])))
                    fields = {}
                elif not line.startswith(":"):
                    name, _, value = line.partition(":")
                    value = value[1:] if value.startswith(" ") else value
                    fields[name] = fields[name] + "\n" + value if name == "data" and name in fields else value
        except (OSError, http.client.HTTPException, ValueError, AttributeError) as e:
            self.error = e

    def wait(self, what, condition, timeout=20):
        return wait_for(lambda: [e for e in list(self.events) if condition(e)], f"{what} on the stream", timeout)[0]

    def close(self):
        sock = self.connection.sock or getattr(getattr(self.response.fp, "raw", None), "_sock", None)
        if sock:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.connection.close()


# ---- certificates
def certificates(lab, days=90):
    """Makes a CA and a server certificate for localhost and the laboratory's addresses: (ca, certificate, key)."""
    folder = lab.file("tls")
    ca, ca_key, cert, key = (os.path.join(folder, n) for n in ("ca.pem", "ca.key", "server.pem", "server.key"))
    if not os.path.exists(cert):
        os.makedirs(folder, exist_ok=True)
        ext = write(os.path.join(folder, "ext"), "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:10.77.0.1\nbasicConstraints=CA:FALSE\n")
        ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        for argv in (
            ["req", "-x509", *ec, "-keyout", ca_key, "-out", ca, "-days", str(days), "-subj", "/CN=quorate laboratory CA"],
            ["req", *ec, "-keyout", key, "-out", folder + "/csr", "-subj", "/CN=localhost"],
            ["x509", "-req", "-in", folder + "/csr", "-CA", ca, "-CAkey", ca_key, "-CAcreateserial", "-out", cert, "-days", str(days),
             "-extfile", ext],
        ):
            done = subprocess.run(["openssl", *argv], capture_output=True, text=True)
            if done.returncode:
                raise Failure(f"openssl {argv[0]}: {done.stderr}")
    return ca, cert, key


class Nginx(Child):
    """Debian's nginx in the foreground. SERVERS are server blocks; "listen" lines name the addresses."""

    def __init__(self, lab, name, servers, prefix=()):
        folder = lab.file(name)
        os.makedirs(folder, exist_ok=True)
        temp = "".join(f"  {kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        user = "user root;\n" if os.geteuid() == 0 else ""
        conf = write(os.path.join(folder, "nginx.conf"), (
            f"{user}daemon off;\npid {folder}/pid;\nerror_log stderr warn;\nworker_processes 1;\nevents {{}}\n"
            f"http {{\n  access_log off;\n  server_tokens off;\n  default_type text/html;\n{temp}{''.join(servers)}}}\n"))
        program = os.path.join(PEERS, "nginx")
        if not os.path.exists(program):
            raise Failure("build/peers/bin/nginx is missing: run sh tests/peers.sh")
        super().__init__(lab, name, [program, "-e", "stderr", "-p", folder, "-c", conf], prefix=prefix)
        self.addresses = []

    def start(self, *addresses):
        """Until every (host, port) of ADDRESSES answers (the ones of the first start are remembered)."""
        self.addresses = addresses or self.addresses
        super().start()
        for address in self.addresses:
            wait_for(lambda: not self.alive() or port_open(*address), f"{self.name} at {address}", asserts=False)
        if not self.alive():
            raise Failure(f"nginx ended at its start: {self.text()[-2000:]}")
        return self


def server(listen, body, tls=None):
    """An nginx server block; TLS is (certificate, key)."""
    crypto = f"    ssl_certificate {tls[0]};\n    ssl_certificate_key {tls[1]};\n" if tls else ""
    return f"  server {{\n    listen {listen}{' ssl' if tls else ''};\n{crypto}    {body}\n  }}\n"


class Squid(Child):
    """Debian's squid in the foreground: lets CONNECT pass to PORTS for USER with PASSWORD, nothing else. AUTH is basic or digest."""

    def __init__(self, lab, ports, user, password, name="squid", auth="basic"):
        folder = lab.file(name)
        os.makedirs(folder, exist_ok=True)
        root = os.path.join(os.path.dirname(PEERS), "root")
        program = os.path.join(PEERS, "squid")
        if not os.path.exists(program):
            raise Failure("build/peers/bin/squid is missing: run sh tests/peers.sh")
        try:
            account = pwd.getpwnam("proxy")
            os.chown(folder, account.pw_uid, account.pw_gid)
        except (KeyError, OSError):
            raise Skip("squid needs to become another user (proxy), which it cannot here") from None
        os.chmod(lab.dir, 0o711)  # on the way to its folder; where the repository is, that user need not be let in
        shutil.copytree(os.path.join(root, "usr/share/squid"), folder + "/share", ignore=shutil.ignore_patterns("errors"))
        shutil.copytree(os.path.join(root, "usr/share/squid-langpack/templates"), folder + "/share/errors/templates")
        for helper in ("basic_ncsa_auth", "digest_file_auth", "unlinkd"):
            shutil.copy(os.path.join(root, "usr/lib/squid", helper), folder)
        hash = subprocess.run(["openssl", "passwd", "-apr1", "-stdin"], input=password, capture_output=True, text=True).stdout.strip()
        users = write(folder + "/users", f"{user}:{hash}\n" if auth == "basic" else f"{user}:{password}\n")
        helper = {"basic": "basic_ncsa_auth", "digest": "digest_file_auth"}[auth]
        self.port = free_port()
        conf = write(folder + "/squid.conf", f"""
http_port 10.77.0.1:{self.port}
pid_filename {folder}/pid
cache_log stdio:/dev/stderr
access_log stdio:{folder}/access.log
mime_table {folder}/share/mime.conf
icon_directory {folder}/share/icons
error_directory {folder}/share/errors/templates
coredump_dir {folder}
pinger_enable off
dns_nameservers 10.77.0.1
unlinkd_program {folder}/unlinkd
cache deny all
shutdown_lifetime 0 seconds
auth_param {auth} program {folder}/{helper} {users}
auth_param {auth} realm laboratory
acl known proxy_auth REQUIRED
acl ours port {' '.join(map(str, ports))}
acl connect method CONNECT
http_access deny !connect
http_access deny !ours
http_access deny !known
http_access allow known
""")
        super().__init__(lab, name, [program, "-N", "-f", conf])
        self.access_log = folder + "/access.log"

    def start(self):
        super().start()
        wait_for(lambda: not self.alive() or port_open("10.77.0.1", self.port), "squid", asserts=False)
        if not self.alive():
            raise Failure(f"squid ended at its start: {self.text()[-2000:]}")
        return self


def port_open(host, port):
    try:
        socket.create_connection((host, port), timeout=1).close()
        return True
    except OSError:
        return False


class Site:
    """The usual target: one nginx with an http page that tests switch off and on."""

    def __init__(self, lab, name="site", address="127.0.0.1"):
        self.port = free_port()
        self.url = f"http://{address}:{self.port}/"
        self.nginx = Nginx(lab, name, [server(f"{address}:{self.port}", 'location / { return 200 "welcome to the shop\\n"; }')])
        self.where = (address, self.port)
        self.up()

    def up(self):
        self.nginx.start(self.where)

    def down(self):
        self.nginx.stop()


# ---- networks
libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000


def in_namespace(pid, function):
    """Calls FUNCTION in a thread inside PID's network namespace; sockets made there stay there."""
    result = []

    def run():
        fd = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY)
        try:
            if libc.setns(fd, CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")
            result.append(function())
        except OSError as e:
            result.append(e)
        finally:
            os.close(fd)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if isinstance(result[0], Exception):
        raise result[0]
    return result[0]


def run(*argv):
    done = subprocess.run(argv, capture_output=True, text=True)
    if done.returncode:
        raise Failure(f"{' '.join(argv)}: {done.stderr.strip()}")
    return done.stdout


class Taker:
    """Takes every connection at the address and ends it."""

    def __init__(self, lab, address):
        self.socket = socket.create_server((address, 0))
        self.port = self.socket.getsockname()[1]
        self.where = f"{address}:{self.port}"
        lab.closers.append(self.close)
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        try:
            while True:
                self.socket.accept()[0].close()
        except OSError:
            pass

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()


class Network:
    """Network namespaces on a star: this one is 10.77.0.1 on every wire, site I's end is 10.77.I.2. Nothing has a name outside
    of the test's own namespace, and all of it is gone with the processes that hold it."""

    def __init__(self, lab):
        if os.environ.get("QUORATE_LAB_NAMESPACES") != "1":
            raise Skip("needs network namespaces (root, or unprivileged user namespaces)")
        self.lab, self.n = lab, 0
        run("ip", "address", "add", "10.77.0.1/32", "dev", "lo")

    def site(self, name):
        self.n += 1
        return NetworkSite(self.lab, name, self.n)


class NetworkSite:
    def __init__(self, lab, name, number):
        self.name, self.wire, self.address = name, f"w{number}", f"10.77.{number}.2"
        self.holder = Child(lab, name + "-namespace", ["unshare", "-n", "sleep", "infinity"]).start()
        self.holder.ends = (-signal.SIGTERM,)
        own = os.readlink("/proc/self/ns/net")
        wait_for(lambda: os.readlink(f"/proc/{self.holder.pid}/ns/net") != own, "a network namespace", asserts=False)
        self.prefix = ["nsenter", "-t", str(self.holder.pid), "-n", "--"]
        run("ip", "link", "add", self.wire, "type", "veth", "peer", "name", "eth0", "netns", str(self.holder.pid))
        run("ip", "address", "add", f"10.77.{number}.1/24", "dev", self.wire)
        run("ip", "link", "set", self.wire, "up")
        self.run("ip", "link", "set", "lo", "up")
        self.run("ip", "address", "add", f"10.77.{number}.2/24", "dev", "eth0")
        self.run("ip", "link", "set", "eth0", "up")
        self.run("ip", "route", "add", "default", "via", f"10.77.{number}.1")

    def run(self, *argv):
        return run(*self.prefix, *argv)

    def firewall(self, rule):
        """Adds RULE to what the site sends; the first call makes the table."""
        self.run("nft", "add table inet lab; add chain inet lab out { type filter hook output priority 0; }")
        self.run("nft", "add rule inet lab out " + rule)

    def heal(self):
        self.run("nft", "flush ruleset")

    def unplug(self):
        run("ip", "link", "set", self.wire, "down")

    def plug(self):
        run("ip", "link", "set", self.wire, "up")


class Names:
    """A name server on ADDRESS, in the test's own namespaces: every name has that address, over IPv4 only."""

    def __init__(self, lab, address):
        self.address = socket.inet_aton(address)
        self.socket = socket.socket(type=socket.SOCK_DGRAM)
        self.socket.bind((address, 53))
        lab.closers.append(self.socket.close)
        run("mount", "--bind", write(lab.file("resolv.conf"), f"nameserver {address}\n"), "/etc/resolv.conf")
        lab.closers.append(lambda: run("umount", "/etc/resolv.conf"))
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            try:
                query, client = self.socket.recvfrom(512)
                self.socket.sendto(self._answer(query), client)
            except OSError:
                return

    def _answer(self, query):
        end = query.index(0, 12) + 5  # the name, its type and class
        is_a = query[end - 4:end - 2] == b"\0\1"
        record = b"\xc0\x0c\0\1\0\1\0\0\0\0\0\4" + self.address if is_a else b""
        return query[:2] + b"\x84\0\0\1" + bytes((0, is_a)) + b"\0\0\0\0" + query[12:end] + record


class Tamper:
    """Forwards TCP connections to PORT here and harms each at a place of its own: `harm` is None, "flip" (one bit of a byte between
    the FIRST and the LAST, in either direction) or "cut" (there)."""

    def __init__(self, lab, target, address="127.0.0.1"):
        self.target, self.harm, self.first, self.last = target, None, 0, 5000
        self.harmed = 0  # connections
        self.ended = 0  # of these, those that both ends have left since
        self.random = random.Random(1)
        self.listener = socket.create_server((address, 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        lab.closers.append(self.listener.close)
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            try:
                near = self.listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self._carry, args=(near,), daemon=True).start()

    def _carry(self, near):
        try:
            far = socket.create_connection(("127.0.0.1", self.target), timeout=1)
        except OSError:
            near.close()
            return
        far.settimeout(None)
        place, victim, count, harmed = self.random.randrange(self.first, self.last), self.random.choice((near, far)), 0, False
        pairs = {near: far, far: near}
        try:
            while True:
                for s in select.select(list(pairs), [], [])[0]:
                    data = bytearray(s.recv(65536))
                    if not data:
                        return
                    if self.harm and not harmed and s is victim and count + len(data) > place:
                        harmed = True
                        self.harmed += 1
                        at = max(0, place - count)
                        if self.harm == "cut":
                            pairs[s].sendall(data[:at])
                            return
                        data[at] ^= 1 << self.random.randrange(8)
                    count += len(data) if s is victim else 0
                    pairs[s].sendall(data)
        except OSError:
            pass
        finally:
            self.ended += harmed
            near.close()
            far.close()


class Relay:
    """Forwards TCP from a port (inside SITE when given) to PORT here, until it is cut: then bytes of both directions vanish, as
    on a wire that was pulled; nobody is told."""

    def __init__(self, lab, port, site=None):
        self.target, self.is_cut, self.pairs = port, False, {}
        self.port = free_port()
        bind = lambda: socket.create_server(("127.0.0.1", self.port), backlog=64)
        self.listener = in_namespace(site.holder.pid, bind) if site else bind()
        self.url = f"tcp://127.0.0.1:{self.port}"
        self.closed = False
        lab.closers.append(self.close)
        threading.Thread(target=self._run, daemon=True).start()

    def cut(self):
        self.is_cut = True

    def heal(self):
        """As after a reboot of the router: what was open is reset, new connections pass."""
        for s in list(self.pairs):
            self._drop(s)
        self.is_cut = False

    def close(self):
        self.closed = True
        self.listener.close()

    def _drop(self, s):
        other = self.pairs.pop(s, None)
        for x in (s, other):
            if x:
                self.pairs.pop(x, None)
                x.close()

    def _run(self):
        while not self.closed:
            watch = [] if self.is_cut else [s for s in [self.listener, *self.pairs] if s.fileno() >= 0]
            try:
                ready, _, _ = select.select(watch, [], [], 0.02)
            except (OSError, ValueError):
                continue
            for s in ready:
                try:
                    if s is self.listener:
                        near = s.accept()[0]
                        try:
                            far = socket.create_connection(("127.0.0.1", self.target), timeout=1)
                        except OSError:
                            near.close()
                            continue
                        self.pairs[near], self.pairs[far] = far, near
                        continue
                    data = s.recv(65536)
                    if data:
                        self.pairs[s].sendall(data)
                    else:
                        self._drop(s)
                except (OSError, KeyError):
                    self._drop(s)
