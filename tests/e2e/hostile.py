# SPDX-License-Identifier: MIT
"""Targets that mean harm: a table of behaviours, each with the reason that a check of it must end with.

A behaviour is a function of one accepted connection (Peer). `hostile.py FOLDER` serves all of them, one port each, until its standard
input ends, and prints {name: port} first. The tables are in hostile_http.py and hostile_tls.py; hostile_names.py has name servers
and pings, which need no port here.
"""
import json
import os
import selectors
import socket
import struct
import sys
import threading
import time

SOON, SHORT = "4s", "400ms"  # a check's timeout: where it is to end by itself, and where it has to wait for it
TIMED_OUT = ("http.timeout", "tls.timeout", "tcp.timeout", "dns.timeout", "l3.no_reply")


class Case:
    """REASON: what the check has to end with (of several, any). TARGET: {} is the port. OPTIONS: members of the monitor. TIMEOUT: by itself
    SHORT where the reason is a time-out, else SOON. ALONE: what it does to the
    resolver's one connection would happen to others, too."""

    def __init__(self, name, reason, serve=None, target="http://127.0.0.1:{}/", timeout=None, backlog=64, port_of=None, alone=False, **options):
        self.name, self.serve, self.target, self.options, self.backlog = name, serve, target, options, backlog
        self.port_of = port_of or name  # whose port
        self.alone = alone
        self.reasons = (reason,) if isinstance(reason, str) else reason
        self.timeout = timeout or (SHORT if any(r in TIMED_OUT for r in self.reasons) else SOON)

    def monitor(self, ports):
        """As monitors.yml has it."""
        return {"type": "http", "name": self.name, "target": self.target.format(ports.get(self.port_of, 0)), "timeout": self.timeout, **self.options}


class Peer:
    """The accepted connection."""

    def __init__(self, connection, folder):
        self.socket, self.folder = connection, folder

    def send(self, data):
        self.socket.sendall(data)

    def receive(self, n=65536):
        return self.socket.recv(n)

    def request(self):
        """Reads the head of a request."""
        data = b""
        while b"\r\n\r\n" not in data:
            more = self.receive()
            if not more:
                raise ConnectionError("no request")
            data += more
        return data

    def drip(self, data, every=1.0):
        for byte in data:
            self.send(bytes([byte]))
            time.sleep(every)

    def flood(self, data):
        """For ever, that is: until the other side has gone."""
        data = memoryview(data * (1 + 262144 // len(data)))
        while True:
            self.send(data)

    def hang(self):
        while self.receive():
            pass

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


def close_softly(connection):
    """What was sent arrives, whatever of the request was not read."""
    try:
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(2)
        while connection.recv(65536):
            pass
    except OSError:
        pass
    connection.close()


def serve_one(case, connection, folder):
    try:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        case.serve(Peer(connection, folder))
    except (OSError, ValueError):  # the check has had enough
        pass
    close_softly(connection)


def cases(namespaces):
    import hostile_http
    import hostile_names
    import hostile_tls
    found = hostile_http.CASES + hostile_tls.CASES + (hostile_names.cases() if namespaces else [])
    names = [c.name for c in found]
    assert len(set(names)) == len(names), [n for n in names if names.count(n) > 1]
    return found


def main():
    import hostile_names
    import hostile_tls
    folder, namespaces = sys.argv[1], os.environ.get("QUORATE_LAB_NAMESPACES") == "1"
    hostile_tls.prepare(folder)
    if namespaces:
        hostile_names.serve_names()
    ports, chosen = {}, selectors.DefaultSelector()
    chosen.register(sys.stdin, selectors.EVENT_READ)
    for case in cases(namespaces):
        if case.serve:
            listener = socket.create_server(("127.0.0.1", 0), backlog=case.backlog)
            ports[case.name] = listener.getsockname()[1]
            if case.serve == "never accepted":
                for _ in range(case.backlog + 1):  # the queue is full: what comes now is left without an answer
                    filler = socket.socket()
                    filler.setblocking(False)
                    filler.connect_ex(listener.getsockname())
                    ports.setdefault("", []).append(filler)
                ports[""].append(listener)
            else:
                chosen.register(listener, selectors.EVENT_READ, case)
    kept = ports.pop("", [])
    print(json.dumps(ports), flush=True)
    while True:
        for key, _ in chosen.select():
            if key.fileobj is sys.stdin:
                del kept
                os._exit(0)
            connection = key.fileobj.accept()[0]
            threading.Thread(target=serve_one, args=(key.data, connection, folder), daemon=True).start()


if __name__ == "__main__":
    main()
