# SPDX-License-Identifier: MIT
"""What name servers, and hosts that are pinged, can do to a check. These need namespaces: port 53, and a network of their own.

A name server's behaviour is told by the first label of the name: a function of the query that returns what is sent, one datagram after
another. Over TCP the same, but for TCP below.
"""
import select
import socket
import struct
import subprocess
import threading
import time

from hostile import SHORT, Case

A, NS, CNAME, AAAA = 1, 2, 5, 28
HERE = "127.0.0.1"


# ---- name servers
def question(query):
    """Where the question ends."""
    at = 12
    while query[at]:
        at += 1 + query[at]
    return at + 5


def name(text):
    return b"".join(bytes([len(label)]) + label.encode() for label in text.split(".")) + b"\0"


def record(kind, data, owner=b"\xc0\x0c", ttl=0, size=None, klass=1):
    return owner + struct.pack(">HHIH", kind, klass, ttl, len(data) if size is None else size) + data


def reply(query, records=(), code=0, flags=0x8180, count=None, asked=None, identity=None):
    asked = query[12:question(query)] if asked is None else asked
    head = struct.pack(">HHHHHH", 1 if asked else 0, len(records) if count is None else count, 0, 0, 0, 0)[:8]
    return (identity or query[:2]) + struct.pack(">H", flags | code) + head + asked + b"".join(records)


def is_a(query):
    end = question(query)
    return query[end - 4:end - 2] == b"\0\1"


def address(query, where=HERE, **more):
    return [record(A, socket.inet_aton(where), **more)] if is_a(query) else []


def good(query):
    return [reply(query, address(query))]


def first_label(query):
    return query[13:13 + query[12]].decode("ascii", "replace").lower()


def chain(query, n):
    """N times another name, then an address."""
    labels = [name(f"c{i}.hostile.test") for i in range(n)]
    owners = [b"\xc0\x0c", *labels]
    return [record(CNAME, label, owner) for owner, label in zip(owners, labels)] + [
        record(A, socket.inet_aton(HERE), owners[-1])][:is_a(query)]


def many(query, n):
    return [reply(query, [record(A, bytes((127, 9, i >> 8, i & 255))) for i in range(n)] if is_a(query) else [])]


BEHAVIOURS = {
    "good": good,
    "nxdomain": lambda q: [reply(q, code=3)],
    "servfail": lambda q: [reply(q, code=2)],
    "refused": lambda q: [reply(q, code=5)],
    "formerr": lambda q: [reply(q, code=1)],
    "notimp": lambda q: [reply(q, code=4)],
    "code15": lambda q: [reply(q, code=15)],
    "silence": lambda q: [],
    "nothing": lambda q: [reply(q)],
    "empty": lambda q: [b""],
    "short": lambda q: [q[:5]],
    "garbage": lambda q: [q[:2] + b"\xff" * 300],
    "echo": lambda q: [q],
    "wrongid": lambda q: [reply(q, address(q), identity=bytes((q[0] ^ 1, q[1])))],
    "wrongname": lambda q: [reply(q, address(q), asked=name("other.test") + q[question(q) - 4:question(q)])],
    "noquestion": lambda q: [reply(q, address(q), asked=b"")],
    "forged": lambda q: [reply(q, address(q, "169.254.169.254"), identity=struct.pack(">H", i)) for i in range(200)] + good(q),
    "thousandfold": lambda q: good(q) * 1000,
    "truncated": lambda q: [reply(q, flags=0x8380)],
    "cnameself": lambda q: [reply(q, [record(CNAME, b"\xc0\x0c")])],
    "cnameloop": lambda q: [reply(q, [record(CNAME, name("b.hostile.test")), record(CNAME, q[12:question(q) - 4], name("b.hostile.test"))])],
    "cnamenowhere": lambda q: [reply(q, [record(CNAME, name("nowhere.hostile.test"))])],
    "chain10": lambda q: [reply(q, chain(q, 10))],
    "chain100": lambda q: [reply(q, chain(q, 100), flags=0x8380)],
    "big": lambda q: [reply(q, flags=0x8380)],
    "pointerloop": lambda q: [reply(q, [record(A, b"\0" * 4, struct.pack(">H", 0xc000 | question(q)))])],
    "pointeroff": lambda q: [reply(q, [record(A, b"\0" * 4, b"\xff\xff")])],
    "longlabel": lambda q: [reply(q, [record(A, b"\0" * 4, b"\x80" + b"x" * 128 + b"\0")])],
    "toomany": lambda q: [reply(q, address(q), count=65535)],
    "toofew": lambda q: [reply(q, address(q) * 3, count=1)],
    "oddsize": lambda q: [reply(q, [record(A if is_a(q) else AAAA, b"\x7f\0\0\1\1")])],
    "sizelie": lambda q: [reply(q, [record(A, b"\x7f\0\0\1", size=60000)])],
    "chaos": lambda q: [reply(q, address(q, klass=3))],
    "wrongtype": lambda q: [reply(q, [record(NS, name("ns.hostile.test"))])],
    "stranger": lambda q: [reply(q, [record(A, socket.inet_aton(HERE), name("other.test"))])],
    "ttl": lambda q: [reply(q, address(q, ttl=0xffffffff))],
    "metadata": lambda q: [reply(q, address(q, "169.254.169.254"))],
    "zero": lambda q: [reply(q, address(q, "0.0.0.0"))],
    "mapped": lambda q: [reply(q, [] if is_a(q) else [record(AAAA, bytes(10) + b"\xff\xff" + socket.inet_aton("169.254.169.254"))])],
    "many": lambda q: many(q, 60),
    "tcphang": lambda q: [reply(q, flags=0x8380)],
    "tcpclose": lambda q: [reply(q, flags=0x8380)],
    "tcpdrip": lambda q: [reply(q, flags=0x8380)],
    "tcpflood": lambda q: [reply(q, flags=0x8380)],
    "tcpgarbage": lambda q: [reply(q, flags=0x8380)],
}


def over_tcp(connection):
    """One connection: as often as it asks."""
    def take(n):
        data = b""
        while len(data) < n:
            more = connection.recv(n - len(data))
            if not more:
                raise ConnectionError
            data += more
        return data

    def say(answer):
        connection.sendall(struct.pack(">H", len(answer)) + answer)

    try:
        while True:
            query = take(struct.unpack(">H", take(2))[0])
            label = first_label(query)
            if label == "tcphang":
                time.sleep(60)
            elif label == "tcpclose":
                return
            elif label == "tcpdrip":
                for byte in struct.pack(">H", 60) + reply(query, address(query)):
                    connection.sendall(bytes([byte]))
                    time.sleep(1)
            elif label == "tcpflood":
                while True:
                    say(reply(query, [record(16, b"\xff" + b"x" * 255)] * 200))
            elif label == "tcpgarbage":
                connection.sendall(b"\xff" * 100000)
            elif label == "big":
                say(many(query, 4000)[0])
            elif label == "chain100":
                say(reply(query, chain(query, 100)))
            elif label == "truncated":
                say(reply(query, flags=0x8380))
            else:
                for answer in BEHAVIOURS.get(label, BEHAVIOURS["nxdomain"])(query):
                    say(answer)
    except OSError:
        pass
    finally:
        connection.close()


def serve_names():
    """Port 53 of this namespace, in threads."""
    udp = socket.socket(type=socket.SOCK_DGRAM)
    udp.bind((HERE, 53))
    tcp = socket.create_server((HERE, 53))

    def datagrams():
        while True:
            query, client = udp.recvfrom(4096)
            for answer in BEHAVIOURS.get(first_label(query), BEHAVIOURS["nxdomain"])(query):
                udp.sendto(answer, client)

    def connections():
        while True:
            threading.Thread(target=over_tcp, args=(tcp.accept()[0],), daemon=True).start()

    for run in (datagrams, connections):
        threading.Thread(target=run, daemon=True).start()


# ---- pings: a host whose kernel is silent, and whose user space is not. The last byte of the address says how.
ECHO, ECHO_REPLY, UNREACHABLE, TIME_EXCEEDED, REDIRECT, QUENCH = 8, 0, 3, 11, 5, 4


def checksum(data):
    total = sum(struct.unpack(f">{(len(data) + 1) // 2}H", data + b"\0" * (len(data) % 2)))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def icmp(kind, code, rest):
    data = struct.pack(">BBH", kind, code, 0) + rest
    return data[:2] + struct.pack(">H", checksum(data)) + data[4:]


def answer(echo):
    return icmp(ECHO_REPLY, 0, echo[4:])


def quoted(packet, n=64):
    """An ICMP error's content: four bytes of nothing, and the head of what it is about."""
    return b"\0" * 4 + packet[:20 + n]


OTHER = "10.77.1.99"
# name -> (what is sent back: function of the whole packet -> [(from, ICMP)], the expected reason); None: from the one that was asked
PINGS = {
    "answers": (lambda p: [(None, answer(p[20:]))], "ok"),
    "is silent": (lambda p: [], "l3.no_reply"),
    "answers everything ten times": (lambda p: [(None, answer(p[20:]))] * 10, "ok"),
    "answers with another payload": (lambda p: [(None, icmp(ECHO_REPLY, 0, p[24:28] + b"x" * len(p[28:])))], "l3.no_reply"),
    "answers with one bit changed": (lambda p: [(None, icmp(ECHO_REPLY, 0, p[24:30] + bytes([p[30] ^ 1]) + p[31:]))], "l3.no_reply"),
    "answers without a payload": (lambda p: [(None, icmp(ECHO_REPLY, 0, p[24:28]))], "l3.no_reply"),
    "answers half of it": (lambda p: [(None, icmp(ECHO_REPLY, 0, p[24:28 + 10]))], "l3.no_reply"),
    "answers with 8 kB": (lambda p: [(None, icmp(ECHO_REPLY, 0, p[24:] + b"x" * 8000))], ("ok", "l3.no_reply")),
    "answers with another number": (lambda p: [(None, icmp(ECHO_REPLY, 0, p[24:26] + bytes([p[26] ^ 1]) + p[27:]))], "l3.no_reply"),
    "answers with another id": (lambda p: [(None, icmp(ECHO_REPLY, 0, bytes([p[24] ^ 1]) + p[25:]))], "l3.no_reply"),
    "answers as somebody else": (lambda p: [(OTHER, answer(p[20:]))], "l3.no_reply"),
    "answers as somebody else, then itself": (lambda p: [(OTHER, answer(p[20:])), (None, answer(p[20:]))], "ok"),
    "answers with a wrong checksum": (lambda p: [(None, b"\0\0\xde\xad" + p[24:])], ("l3.no_reply", "ok")),
    "answers with a timestamp reply": (lambda p: [(None, icmp(14, 0, p[24:]))], "l3.no_reply"),
    "answers with an echo": (lambda p: [(None, icmp(ECHO, 0, p[24:]))], "l3.no_reply"),
    "answers with too short a message": (lambda p: [(None, b"\0\0\xff\xff")], "l3.no_reply"),
    "answers with 200 of somebody's": (lambda p: [(None, icmp(ECHO_REPLY, 0, struct.pack(">HH", i, i) + b"x" * 56)) for i in range(200)] +
                                       [(None, answer(p[20:]))], "ok"),
    "says host unreachable": (lambda p: [(None, icmp(UNREACHABLE, 1, quoted(p)))], "l3.host_unreachable"),
    "says host unreachable, as somebody else": (lambda p: [(OTHER, icmp(UNREACHABLE, 1, quoted(p)))], "l3.host_unreachable"),
    "says prohibited": (lambda p: [(None, icmp(UNREACHABLE, 13, quoted(p)))], "l3.prohibited"),
    "says an unreachable that there is not": (lambda p: [(None, icmp(UNREACHABLE, 200, quoted(p)))], "l3.no_reply"),
    "says unreachable of another ping": (lambda p: [(None, icmp(UNREACHABLE, 1, quoted(p[:26] + b"\xff\xff" + p[28:])))], "l3.no_reply"),
    "says unreachable of another host": (lambda p: [(None, icmp(UNREACHABLE, 1, quoted(p[:16] + b"\x0a\x4d\1\x63" + p[20:])))], "l3.no_reply"),
    "says unreachable, of a cut packet": (lambda p: [(None, icmp(UNREACHABLE, 1, quoted(p)[:20]))], "l3.no_reply"),
    "says unreachable and answers": (lambda p: [(None, answer(p[20:])), (None, icmp(UNREACHABLE, 1, quoted(p)))], ("ok", "l3.host_unreachable")),
    "says time exceeded": (lambda p: [(None, icmp(TIME_EXCEEDED, 0, quoted(p)))], ("l3.no_route", "l3.ttl_exceeded", "l3.host_unreachable")),
    "says quench": (lambda p: [(None, icmp(QUENCH, 0, quoted(p)))], ("l3.no_reply", "l3.host_unreachable")),
    "redirects": (lambda p: [(None, icmp(REDIRECT, 1, socket.inet_aton(OTHER) + p[:28]))], "l3.no_reply"),
}


def serve_pings(site, in_namespace, lab):
    """SITE answers for 10.77.1.100 and what follows; call it in the test's process."""
    for i, _ in enumerate(PINGS):
        site.run("ip", "address", "add", f"10.77.1.{100 + i}/32", "dev", "eth0")
    for key, value in (("ipv4.icmp_echo_ignore_all", 1), ("ipv4.conf.all.rp_filter", 0), ("ipv4.conf.all.accept_redirects", 1)):
        site.run("sysctl", "-qw", f"net.{key}={value}")
    for s in ("all", "default"):
        subprocess.run(["sysctl", "-qw", f"net.ipv4.conf.{s}.rp_filter=0"], check=True)
    near = in_namespace(site.holder.pid, lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP))
    far = in_namespace(site.holder.pid, lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW))
    behaviours = [b for b, _ in PINGS.values()]

    def run():
        while True:
            try:
                if not select.select([near], [], [], 0.2)[0]:
                    continue
                packet = near.recv(65536)
            except (OSError, ValueError):  # the end
                return
            number = packet[19] - 100
            if packet[20] != ECHO or not 0 <= number < len(behaviours):
                continue
            for source, data in behaviours[number](packet):
                source = socket.inet_aton(source) if source else packet[16:20]
                head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(data), 0, 0, 64, 1, 0) + source + packet[12:16]
                try:
                    far.sendto(head + data, (socket.inet_ntoa(packet[12:16]), 0))
                except OSError:  # larger than the wire takes
                    pass

    threading.Thread(target=run, daemon=True).start()
    lab.closers.append(near.close)


# ---- the table
HTTP = "http://%s.hostile.test:{}/"
OF_LOOKUPS = [  # behaviour, reason of an http check whose name is looked up, reason of a dns check that asks this server
    ("good", "ok", "ok"), ("nxdomain", "dns.nxdomain", "dns.nxdomain"), ("servfail", "dns.servfail", "dns.servfail"),
    ("refused", "dns.refused", "dns.refused"), ("formerr", "dns.bad_response", "dns.rcode"), ("notimp", "dns.rcode", "dns.rcode"),
    ("code15", "dns.no_address", "dns.rcode"), ("silence", "dns.timeout", "dns.timeout"), ("nothing", "dns.no_address", "dns.no_record"),
    ("empty", "dns.timeout", "dns.bad_response"), ("short", "dns.timeout", "dns.bad_response"), ("garbage", "dns.timeout", "dns.bad_response"),
    ("echo", "dns.no_address", "dns.bad_response"), ("wrongid", "dns.timeout", "dns.bad_response"), ("wrongname", "dns.timeout", "dns.bad_response"),
    ("noquestion", "dns.timeout", "dns.bad_response"), ("forged", "ok", "ok"), ("thousandfold", "ok", "ok"),
    ("truncated", "dns.no_address", "dns.bad_response"), ("cnameself", "dns.no_address", None), ("cnameloop", "dns.no_address", None),
    ("cnamenowhere", "dns.no_address", None), ("chain10", "ok", "ok"), ("chain100", "ok", None),
    ("big", "tcp.refused", "ok"), ("many", "tcp.refused", "ok"), ("pointerloop", "dns.bad_response", "dns.bad_response"),
    ("pointeroff", "dns.bad_response", "dns.bad_response"), ("longlabel", "dns.bad_response", "dns.bad_response"),
    ("toomany", "dns.bad_response", "dns.bad_response"), ("toofew", "dns.bad_response", "dns.bad_response"), ("oddsize", "dns.no_address", "dns.bad_response"),
    ("sizelie", "dns.bad_response", "dns.bad_response"), ("chaos", "dns.no_address", None), ("wrongtype", "dns.no_address", None),
    ("stranger", "dns.no_address", None), ("ttl", "ok", "ok"), ("metadata", "dns.forbidden_address", None), ("zero", "dns.forbidden_address", None),
    ("mapped", "dns.forbidden_address", None), ("tcphang", "dns.timeout", "dns.truncated"), ("tcpclose", "dns.timeout", "dns.truncated"),
    ("tcpdrip", "dns.timeout", "dns.truncated"), ("tcpflood", "dns.timeout", None), ("tcpgarbage", "dns.timeout", "dns.bad_response"),
]


def cases():
    found = []
    for label, of_http, of_dns in OF_LOOKUPS:
        found.append(Case(f"names: {label}", of_http, target=HTTP % label, port_of="has nothing wrong", alone=label.startswith("tcp")))
        if of_dns:
            found.append(Case(f"dns: {label}", of_dns, target=f"{label}.hostile.test", type="dns", request={"server": HERE},
                              timeout=None if of_dns == "ok" else SHORT))
    for i, (what, (_, reason)) in enumerate(PINGS.items()):
        wait = "ok" if reason == "ok" else "l3.no_reply"
        found.append(Case(f"ping: {what}", reason, target=f"10.77.1.{100 + i}", type="ping", timeout=SHORT if wait != "ok" else None,
                          request={"packets": 3, "packet_interval": "20ms"}))
    return found

