# SPDX-License-Identifier: MIT
"""The link by hand, as proto/README.md has it: for tests that say what no honest probe would."""
import json
import socket
import ssl
import struct
import uuid


def body_of(message):
    return message if isinstance(message, bytes) else json.dumps(message, separators=(",", ":")).encode()


class Wire:
    """One stream. PORT is that of link.report or link.orders; with DOOR it is the door's, and PROBE, TOKEN, STREAM its preface."""

    def __init__(self, port, host="127.0.0.1", door=False, probe=None, token=None, stream="report", timeout=10):
        self.socket = socket.create_connection((host, port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.head, self.id, self.input = b"", 0x80000000, b""
        if not door:
            self.socket.sendall(b"\0SP\0\0\x30\0\0")
            self.read(8)
            return
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_alpn_protocols(["quorate/1"])
        self.socket = context.wrap_socket(self.socket)
        self.head = b"\x01"  # the framing of ipc://
        self.socket.sendall(body_of({"type": "preface", "version": 1, "stream": stream, "probe": probe, "token": token}) + b"\n")
        while b"\n" not in self.input:
            self.more()
        line, _, self.input = self.input.partition(b"\n")
        self.answer = json.loads(line)

    def more(self):
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionError("closed by the coordinator")
        self.input += data

    def read(self, n):
        while len(self.input) < n:
            self.more()
        out, self.input = self.input[:n], self.input[n:]
        return out

    def frame(self, message):
        body = body_of(message)
        self.id = 0x80000000 | (self.id + 1) & 0x7fffffff
        return self.head + struct.pack(">QI", len(body) + 4, self.id) + body

    def send(self, message):
        self.socket.sendall(self.frame(message))

    def receive(self):
        """The next reply, whichever request it is for."""
        self.read(len(self.head))
        size = struct.unpack(">Q", self.read(8))[0]
        return json.loads(self.read(size)[4:])

    def ask(self, message):
        """Its reply: those to earlier requests are thrown away."""
        self.send(message)
        while True:
            self.read(len(self.head))
            size = struct.unpack(">Q", self.read(8))[0]
            reply = self.read(size)
            if struct.unpack(">I", reply[:4])[0] == self.id:
                return json.loads(reply[4:])

    def hello(self, probe, token, boot=None):
        """The session, or a failure."""
        self.boot = boot or str(uuid.uuid4())
        answer = self.ask({"type": "hello", "version": 1, "probe": probe, "token": token, "boot": self.boot,
                           "capabilities": {"ipv4": True, "icmp": True, "types": ["ping", "tcp", "http", "redirect"],
                                            "allow": ["127.0.0.0/8"], "min_interval_ms": 1000}})
        if answer["type"] != "welcome":
            raise ConnectionError(f"{answer}")
        self.session = answer["session"]
        return self.session

    def close(self):
        self.socket.close()


def result(monitor, sequence, verdict="up", **more):
    return {"monitor": monitor, "monitor_revision": 1, "assignment": 1, "sequence": sequence, "verdict": verdict,
            "started_at": "2026-11-21T18:30:49.310Z", "duration_ms": 3, "age_ms": 0, **more}
