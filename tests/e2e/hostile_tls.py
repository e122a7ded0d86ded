# SPDX-License-Identifier: MIT
"""What servers can do to a TLS handshake, with their certificates, and with HTTP/2 behind it."""
import ctypes
import functools
import os
import ssl
import struct
import subprocess
import threading
import time

from hostile import Case, Peer
from pki import DAY, FakeKey, Issuer, Key, extension, integer, oid, pem, seq, tlv

NAMES = ("localhost", "127.0.0.1")
YEAR = 365 * DAY
CLIENT_AUTH = "1.3.6.1.5.5.7.3.2"


# ---- certificates: each a list of DER, the leaf first, and the leaf's key
class Pki:
    def __init__(self, folder):
        self.folder = folder
        self.ec, self.small, self.rsa = Key(folder, "ec"), Key(folder, "rsa", 1024), Key(folder, "rsa")
        self.root = Issuer("hostile test root", self.ec)
        self.stranger = Issuer("somebody else's root", self.ec)
        self.old_root = Issuer("hostile test root, RSA", self.rsa)
        with open(os.path.join(folder, "ca.pem"), "w") as f:
            for issuer in (self.root, self.old_root):
                f.write(pem(issuer.issue(issuer.common, issuer.key, ca=True, end=10 * YEAR)))

    def leaf(self, issuer=None, key=None, names=NAMES, **fields):
        return (issuer or self.root).issue("localhost", key or self.ec, names=names, **fields)

    def under(self, n, **fields):
        """A chain of N intermediates, the root not sent."""
        above, chain = self.root, []
        for i in range(n):
            chain.insert(0, above.issue(f"intermediate {i}", self.ec, ca=True, **fields))
            above = Issuer(f"intermediate {i}", self.ec)
        return [self.leaf(above), *chain]

    def fake(self, n, size, exponent=65537):
        """A leaf and N issuers whose keys are of SIZE bits; each signature costs what it costs to find out that it is none."""
        chain, names = [], [f"giant {i}" for i in range(n)]
        giants = [Issuer(c, FakeKey(size, exponent)) for c in names]
        chain.append(giants[0].issue("localhost", self.ec, names=NAMES))
        for i, giant in enumerate(giants):
            above = giants[i + 1] if i + 1 < n else giant
            chain.append(above.issue(giant.common, giant.key, ca=True))
        return chain


def good(p):
    return [p.leaf()], p.ec


def self_signed(p):
    return [Issuer("localhost", p.ec).issue("localhost", p.ec, names=NAMES)], p.ec


def incomplete(p):
    """It says where its issuer would be found, as every CA's do."""
    where = seq(seq(oid("1.3.6.1.5.5.7.48.2"), tlv(0x86, b"http://ca.example/intermediate.der")))
    return [p.leaf(Issuer("intermediate 0", p.ec), more=[extension("1.3.6.1.5.5.7.1.1", where)])], p.ec


def chain_of_500(p):
    above, middle = Issuer("intermediate", p.ec), p.root.issue("intermediate", p.ec, ca=True)
    return [p.leaf(above)] + [middle] * 500, p.ec


def no_ca(p):
    above = Issuer("no CA", p.ec)
    return [p.leaf(above), p.root.issue("no CA", p.ec)], p.ec


def intermediate_expired(p):
    above = Issuer("old", p.ec)
    return [p.leaf(above), p.root.issue("old", p.ec, ca=True, start=-2 * YEAR, end=-YEAR)], p.ec


def leaf_only(make, key=lambda p: p.ec):
    return lambda p: ([make(p)], key(p))


CERTIFICATES = {
    "good": good,
    "expired": leaf_only(lambda p: p.leaf(start=-YEAR, end=-DAY)),
    "early": leaf_only(lambda p: p.leaf(start=DAY, end=YEAR)),
    "for 1970": leaf_only(lambda p: p.leaf(start=-time.time(), end=-time.time() + DAY)),
    "until 9999": leaf_only(lambda p: p.leaf(end=253402300799 - time.time())),
    "for 15 more days": leaf_only(lambda p: p.leaf(end=15.5 * DAY)),
    "for 3 more days": leaf_only(lambda p: p.leaf(end=3.5 * DAY)),
    "that ends before it begins": leaf_only(lambda p: p.leaf(start=DAY, end=-DAY)),
    "for another name": leaf_only(lambda p: p.leaf(names=("shop.example", "192.0.2.1"))),
    "for no name": leaf_only(lambda p: p.leaf(names=())),
    "for everything": leaf_only(lambda p: p.leaf(names=("*", "*.*", "*.com"))),
    "with NUL in its name": leaf_only(lambda p: p.leaf(names=("localhost\0.example",))),
    "with 3,000 names": leaf_only(lambda p: p.leaf(names=[f"n{i}.shop.example" for i in range(3000)])),
    "with terminal escapes": leaf_only(lambda p: p.root.issue("\x1b[2J\x1b]0;owned\x07", p.ec, names=("\x1b[31m.example",))),
    "self-signed": self_signed,
    "of an unknown issuer": leaf_only(lambda p: p.leaf(p.stranger)),
    "of an unknown issuer, who is sent": lambda p: ([p.leaf(p.stranger), p.stranger.issue(p.stranger.common, p.ec, ca=True)], p.ec),
    "without its issuer": incomplete,
    "whose issuer is no CA": no_ca,
    "whose issuer has expired": intermediate_expired,
    "signed with SHA-1": leaf_only(lambda p: p.leaf(digest="sha1")),
    "signed with MD5": leaf_only(lambda p: p.leaf(p.old_root, digest="md5")),
    "of RSA-2048": leaf_only(lambda p: p.leaf(key=p.rsa), lambda p: p.rsa),
    "of RSA-1024": leaf_only(lambda p: p.leaf(key=p.small), lambda p: p.small),
    "for clients": leaf_only(lambda p: p.leaf(usage=CLIENT_AUTH)),
    "with an unknown critical extension": leaf_only(lambda p: p.leaf(more=[extension("1.2.3.4", b"?", True)])),
    "with a broken signature": leaf_only(lambda p: p.leaf()[:-8] + b"\0" * 8),
    "in a chain of 3": lambda p: (p.under(2), p.ec),
    "in a chain of 60": lambda p: (p.under(59), p.ec),
    "in a chain of 500": chain_of_500,
    "of 1 MiB": leaf_only(lambda p: p.leaf(more=[extension("1.2.3.4", b"x" * (1 << 20))])),
    "of 70 kB": leaf_only(lambda p: p.leaf(more=[extension("1.2.3.4", b"x" * 70000)])),
    "of 60 kB": leaf_only(lambda p: p.leaf(more=[extension("1.2.3.4", b"x" * 60000)])),
    "twenty times": lambda p: ([p.leaf()] * 20, p.ec),
    "below three RSA-16384": lambda p: (p.fake(3, 16384), p.ec),
    "below nine RSA-16384, exponent 2^63": lambda p: (p.fake(9, 16384, (1 << 63) + 1), p.ec),
}


def prepare(folder):
    """Before anything is served."""
    global pki
    pki = Pki(folder)
    for which in CERTIFICATES:
        files(which)
        context(which)  # while nobody waits for it
    subprocess.run(["openssl", "genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt", "group:ffdhe8192", "-out", os.path.join(folder, "dh.pem")],
                   check=True, capture_output=True)


@functools.cache
def files(which):
    """(chain, key) as files."""
    chain, key = CERTIFICATES[which](pki)
    path = os.path.join(pki.folder, which.replace(" ", "-").replace(",", "").replace("^", "") + ".pem")
    with open(path, "w") as f:
        f.write("".join(map(pem, chain)))
    return path, key.path


def once(function):
    """As functools.cache, in one thread at a time."""
    lock, cached = threading.Lock(), functools.cache(function)

    def locked(*args, **options):
        with lock:
            return cached(*args, **options)
    return locked


@once
def context(which, protocols=(), versions=None, ciphers="DEFAULT:@SECLEVEL=0", client=False, tickets=2):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    c.set_ciphers(ciphers)
    if versions:
        c.minimum_version, c.maximum_version = versions
    c.load_cert_chain(*files(which))
    if protocols:
        c.set_alpn_protocols(list(protocols))
    if client:
        c.verify_mode = ssl.CERT_REQUIRED
        c.load_verify_locations(os.path.join(pki.folder, "ca.pem"))
    c.num_tickets = tickets
    return c


# ---- handshakes
def page(peer):
    peer.request()
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")


def tls(which="good", then=page, **options):
    def serve(peer):
        with context(which, **options).wrap_socket(peer.socket, server_side=True) as secured:
            then(Peer(secured, peer.folder))
            try:
                secured.settimeout(1)
                secured.unwrap()
            except (OSError, ValueError):
                pass
    return serve


def hello(then):
    """Reads the client's hello, then THEN."""
    def serve(peer):
        peer.receive()
        then(peer)
    return serve


def record(kind, data, version=0x0303):
    return struct.pack(">BHH", kind, version, len(data)) + data


def flood(data):
    return hello(lambda peer: peer.flood(data))


def says(data, hang=False):
    return hello(lambda peer: (peer.send(data), hang and peer.hang()))


def slow_handshake(peer):
    """A proper handshake, its bytes one by one."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    secured = context("good").wrap_bio(incoming, outgoing, server_side=True)
    while True:
        try:
            secured.do_handshake()
            return
        except ssl.SSLWantReadError:
            peer.drip(outgoing.read())
            incoming.write(peer.receive())


def stops_after(records):
    """The first RECORDS of the server's side of a handshake, then an end."""
    def serve(peer):
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        secured = context("good").wrap_bio(incoming, outgoing, server_side=True)
        incoming.write(peer.receive())
        try:
            secured.do_handshake()
        except ssl.SSLWantReadError:
            pass
        data = outgoing.read()
        for _ in range(records):
            size = 5 + int.from_bytes(data[3:5], "big")
            peer.send(data[:size])
            data = data[size:]
    return serve


def without_goodbye(peer):
    """The answer without a length, and an end that TLS does not know of: the body may have been cut."""
    with context("good").wrap_socket(peer.socket, server_side=True) as secured:
        Peer(secured, peer.folder).request()
        secured.sendall(b"HTTP/1.1 200 OK\r\n\r\nhalf of it")
        os.close(secured.detach())


STAPLED, CALLBACK = 71, ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)


def stapled(staple):
    """OpenSSL by hand: Python's ssl has no OCSP."""
    def serve(peer):
        lib, crypto = ctypes.CDLL("libssl.so.3"), ctypes.CDLL("libcrypto.so.3")
        for function in (lib.TLS_server_method, lib.SSL_CTX_new, lib.SSL_new, crypto.CRYPTO_malloc):
            function.restype = ctypes.c_void_p

        def add(connection, _):
            data = crypto.CRYPTO_malloc(ctypes.c_size_t(len(staple)), b"", 0)
            ctypes.memmove(data, staple, len(staple))
            lib.SSL_ctrl(ctypes.c_void_p(connection), STAPLED, ctypes.c_long(len(staple)), ctypes.c_void_p(data))
            return 0

        kept, (chain, key) = CALLBACK(add), files("good")
        c = ctypes.c_void_p(lib.SSL_CTX_new(ctypes.c_void_p(lib.TLS_server_method())))
        lib.SSL_CTX_use_certificate_chain_file(c, chain.encode())
        lib.SSL_CTX_use_PrivateKey_file(c, key.encode(), 1)
        lib.SSL_CTX_callback_ctrl(c, 63, kept)
        s = ctypes.c_void_p(lib.SSL_new(c))
        lib.SSL_set_fd(s, peer.socket.fileno())
        buffer = ctypes.create_string_buffer(4096)
        if lib.SSL_accept(s) == 1 and lib.SSL_read(s, buffer, 4096) > 0:
            answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
            lib.SSL_write(s, answer, len(answer))
            lib.SSL_shutdown(s)
        lib.SSL_free(s)
        lib.SSL_CTX_free(c)
    return serve


def big_group(peer):
    """Diffie-Hellman in a group of 8,192 bits: costs the client some hundred milliseconds."""
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    c.set_ciphers("DHE:@SECLEVEL=0")
    c.maximum_version = ssl.TLSVersion.TLSv1_2
    c.load_cert_chain(*files("of RSA-2048"))
    c.load_dh_params(os.path.join(pki.folder, "dh.pem"))
    with c.wrap_socket(peer.socket, server_side=True) as secured:
        page(Peer(secured, peer.folder))


# ---- HTTP/2
def frame(kind, payload=b"", flags=0, stream=0):
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + struct.pack(">I", stream) + payload


DATA, HEADERS, RESET, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION = 0, 1, 3, 4, 5, 6, 7, 8, 9
END_STREAM, END_HEADERS = 1, 4
STATUS_200 = b"\x88"


def h2(*frames, then=None):
    """Settings, and after the request FRAMES."""
    def serve(peer):
        peer.send(frame(SETTINGS))
        seen = b""
        while frame(HEADERS)[3:4] not in [seen[i + 3:i + 4] for i in frames_of(seen)]:
            more = peer.receive()
            if not more:
                return
            seen += more
        for f in frames:
            peer.send(f)
        if then:
            then(peer)
        peer.socket.settimeout(2)
        peer.hang()
    return tls(then=serve, protocols=("h2",))


def frames_of(data):
    """Where frames begin, after the client's preface of 24 bytes."""
    at = 24
    while at + 9 <= len(data):
        yield at
        at += 9 + int.from_bytes(data[at:at + 3], "big")


def h2_flood(data, first=b""):
    return h2(first, then=lambda peer: peer.flood(data))


OLD = (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1)
ONLY_12 = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2)
HTTPS = "https://localhost:{}/"


def with_certificates(rows):
    return [Case("has a certificate " + which, reason, tls(which), HTTPS, **options) for which, reason, options in rows]


WANTS_CERTIFICATE = ("tls.client_certificate", "tcp.reset")  # TLS 1.3 says so when the handshake is done
NO_FRAMES = ("http.no_response", "http.protocol")  # curl's word for frames that are against the rules: an empty reply
H2_ANSWER = frame(HEADERS, STATUS_200, END_HEADERS, 1)
CASES = [Case(name, reason, serve, HTTPS, "1s" if reason == "http.timeout" else None, **options) for name, reason, serve, options in [  # after a handshake
    # ---- handshakes
    ("TLS: accepts and hangs", "tls.timeout", lambda peer: peer.hang(), {}),
    ("TLS: closes at once", "tls.closed_early", lambda peer: None, {}),
    ("TLS: resets at once", "tcp.reset", lambda peer: peer.reset(), {}),
    ("TLS: closes after the hello", "tls.closed_early", hello(lambda peer: None), {}),
    ("TLS: resets after the hello", "tcp.reset", hello(lambda peer: peer.reset()), {}),
    ("TLS: closes after its hello", "tls.closed_early", stops_after(1), {}),
    ("TLS: closes after its certificate", "tls.closed_early", stops_after(3), {}),
    ("TLS: shakes hands at 1 B/s", "tls.timeout", slow_handshake, {}),
    ("TLS: hangs after the handshake", "http.timeout", tls(then=lambda peer: peer.hang()), {}),
    ("TLS: closes after the handshake", "http.no_response", tls(then=lambda peer: None), {}),
    ("TLS: closes after the request", "http.no_response", tls(then=lambda peer: peer.request()), {}),
    ("TLS: ends without a goodbye", "ok", without_goodbye, {}),
    ("TLS: says the body at 1 B/s", "http.timeout", tls(then=lambda p: (p.request(), p.send(b"HTTP/1.1 200 OK\r\n\r\n"), p.drip(b"x" * 99))), {}),
    ("TLS: sends 10 GiB", "http.too_large", tls(then=lambda p: (p.request(), p.send(b"HTTP/1.1 200 OK\r\n\r\n"), p.flood(b"x" * 65536))), {}),
    ("TLS: answers in plain HTTP", "tls.not_tls", says(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"), {}),
    ("TLS: says SSH first", "tls.not_tls", lambda peer: (peer.send(b"SSH-2.0-OpenSSH_9.2\r\n"), peer.hang()), {}),
    ("TLS: says garbage", "tls.not_tls", says(b"\xff" * 1000), {}),
    ("TLS: says garbage for ever", "tls.not_tls", flood(b"\xff" * 1000), {}),
    ("TLS: says zeroes", "tls.not_tls", says(b"\0" * 1000), {}),
    ("TLS: sends a fatal alert", "tls.alert", says(record(21, b"\2\x28")), {}),
    ("TLS: knows no such name", "tls.alert", says(record(21, b"\2\x70")), {}),
    ("TLS: has an internal error", "tls.alert", says(record(21, b"\2\x50")), {}),
    ("TLS: sends an alert that there is not", "tls.alert", says(record(21, b"\2\xee")), {}),
    ("TLS: sends warnings for ever", "tls.handshake", flood(record(21, b"\1\x70")), {}),
    ("TLS: sends empty records for ever", "tls.handshake", flood(record(22, b"")), {}),
    ("TLS: sends a record of 64 KiB", "tls.not_tls", says(struct.pack(">BHH", 22, 0x303, 0xffff) + b"\2" * 65535), {}),
    ("TLS: sends a handshake of 16 MiB", "tls.handshake", flood(record(22, b"\2\xff\xff\xff" + b"x" * 16000)), {}),
    ("TLS: speaks a version that there is not", "tls.old_version", says(record(22, b"\2\0\0\x26\x09\x09" + b"r" * 32 + b"\0\x13\x01\0")), {}),
    ("TLS: chooses a cipher that was not offered", "tls.handshake", says(record(22, b"\2\0\0\x26\x03\x03" + b"r" * 32 + b"\0\0\x01\0")), {}),
    ("TLS: says a hello of SSL 3", "tls.old_version", says(record(22, b"\2\0\0\x26\x03\0" + b"r" * 32 + b"\0\0\x2f\0", 0x300)), {}),
    ("TLS: says a hello of SSL 2", "tls.not_tls", says(b"\x80\x0b\4\0\1\0\2\0\0\0\0\0\0"), {}),
    ("TLS: sends application data at once", "tls.handshake", says(record(23, b"x" * 100)), {}),
    ("TLS: sends old versions only", "tls.old_version", tls(versions=OLD), {}),
    ("TLS: sends TLS 1.2 only", "ok", tls(versions=ONLY_12), {}),
    ("TLS: has no encryption", "tls.alert", tls(versions=ONLY_12, ciphers="eNULL:@SECLEVEL=0"), {}),
    ("TLS: uses a group of 8,192 bits", "tls.alert", big_group, {}),
    ("TLS: demands a client certificate", WANTS_CERTIFICATE, tls(client=True), {}),
    ("TLS: demands a client certificate, TLS 1.2", WANTS_CERTIFICATE, tls(client=True, versions=ONLY_12), {}),
    ("TLS: sends 10,000 tickets", "ok", tls(tickets=10000), {}),
    ("TLS: staples garbage", "ok", stapled(b"garbage" * 100), {}),
    ("TLS: staples 60 kB", "ok", stapled(b"\x30" * 60000), {}),
    ("TLS: staples a status of nothing", "ok", stapled(seq(tlv(0x0A, b"\6"))), {}),
    ("TLS: staples an answer that is none", "ok", stapled(seq(tlv(0x0A, b"\0"), tlv(0xA0, seq(oid("1.3.6.1.5.5.7.48.1.1"), tlv(4, seq(integer(7))))))), {}),
    # ---- HTTP/2
    ("HTTP/2: chosen, then HTTP/1.1 spoken", NO_FRAMES, tls(then=page, protocols=("h2",)), {}),
    ("HTTP/2: answers", "ok", h2(frame(HEADERS, STATUS_200, END_HEADERS | END_STREAM, 1)), {}),
    ("HTTP/2: hangs after its settings", "http.timeout", h2(), {}),
    ("HTTP/2: hangs before its settings", "http.timeout", tls(then=lambda peer: peer.hang(), protocols=("h2",)), {}),
    ("HTTP/2: hangs in the body", "http.timeout", h2(H2_ANSWER, frame(DATA, b"half", 0, 1)), {}),
    ("HTTP/2: goes away", "http.protocol", h2(frame(GOAWAY, b"\0" * 8)), {}),
    ("HTTP/2: goes away in anger", "http.protocol", h2(frame(GOAWAY, b"\0\0\0\0\0\0\0\x0b" + b"calm" * 100)), {}),
    ("HTTP/2: resets the stream", "http.protocol", h2(frame(RESET, b"\0\0\0\2", 0, 1)), {}),
    ("HTTP/2: resets the stream in the body", "http.protocol", h2(H2_ANSWER, frame(DATA, b"half", 0, 1), frame(RESET, b"\0\0\0\2", 0, 1)), {}),
    ("HTTP/2: closes in the body", "tcp.closed_early", h2(H2_ANSWER, frame(DATA, b"half", 0, 1), then=lambda peer: peer.socket.shutdown(2)), {}),
    ("HTTP/2: sends a frame of 16 MiB", NO_FRAMES, h2(b"\xff\xff\xff\0\0\0\0\0\1" + b"x" * 60000), {}),
    ("HTTP/2: sends data before headers", NO_FRAMES, h2(frame(DATA, b"x", END_STREAM, 1)), {}),
    ("HTTP/2: sends data for another stream", NO_FRAMES, h2(frame(DATA, b"x", 0, 99)), {}),
    ("HTTP/2: sends a header that is no HPACK", NO_FRAMES, h2(frame(HEADERS, b"\xff" * 20, END_HEADERS | END_STREAM, 1)), {}),
    ("HTTP/2: sends no status", "http.protocol", h2(frame(HEADERS, b"\0\1x\1y", END_HEADERS | END_STREAM, 1)), {}),
    ("HTTP/2: sends headers for ever", "http.protocol", h2_flood(frame(CONTINUATION, b"\0\1x\x7fy" + b"y" * 126, 0, 1), frame(HEADERS, STATUS_200, 0, 1)), {}),
    ("HTTP/2: sends empty continuations for ever", "http.protocol", h2_flood(frame(CONTINUATION, b"", 0, 1), frame(HEADERS, STATUS_200, 0, 1)), {}),
    ("HTTP/2: sends a HPACK bomb", NO_FRAMES, h2(frame(
        HEADERS, STATUS_200 + b"\x40\1x\x7f\xf1\x1e" + b"y" * 4080 + b"\xbe" * 11000, END_HEADERS | END_STREAM, 1)), {}),
    ("HTTP/2: sends settings for ever", "http.protocol", h2_flood(frame(SETTINGS)), {}),
    ("HTTP/2: sends pings for ever", "http.too_large", h2_flood(frame(PING, b"x" * 8)), {}),
    ("HTTP/2: sends window updates for ever", "http.too_large", h2_flood(frame(WINDOW, b"\0\0\0\1")), {}),
    ("HTTP/2: sends empty data for ever", "http.too_large", h2_flood(frame(DATA, b"", 0, 1), H2_ANSWER), {}),
    ("HTTP/2: sends padding for ever", "http.too_large", h2_flood(frame(DATA, b"\xff" + b"\0" * 255, 8, 1), H2_ANSWER), {}),
    ("HTTP/2: sends unknown frames for ever", "http.too_large", h2_flood(frame(200, b"x" * 1000)), {}),
    ("HTTP/2: sends 10 GiB", "http.too_large", h2_flood(frame(DATA, b"x" * 16000, 0, 1), H2_ANSWER), {}),
    ("HTTP/2: pushes", "http.timeout", h2(frame(PUSH, b"\0\0\0\2" + STATUS_200, END_HEADERS, 1)), {}),
    ("HTTP/2: sends 1,000 interim answers", NO_FRAMES, h2(frame(HEADERS, b"\x08\3103", END_HEADERS, 1) * 1000), {}),
]] + with_certificates([
    ("good", "ok", {}),
    ("expired", "tls.expired", {}), ("early", "tls.not_yet_valid", {}), ("for 1970", "tls.expired", {}), ("until 9999", "ok", {}),
    ("for 15 more days", "tls.expires_soon", {}), ("for 3 more days", "tls.expires_soon", {}),
    ("that ends before it begins", "tls.expired", {}),
    ("for another name", "tls.wrong_name", {}), ("for no name", "ok", {}), ("for everything", "tls.wrong_name", {}),
    ("with NUL in its name", "tls.wrong_name", {}), ("with 3,000 names", "tls.wrong_name", {}), ("with terminal escapes", "tls.wrong_name", {}),
    ("self-signed", "tls.self_signed", {}), ("of an unknown issuer", "tls.unknown_issuer", {}),
    ("of an unknown issuer, who is sent", "tls.unknown_issuer", {}),
    ("without its issuer", "tls.incomplete_chain", {}), ("whose issuer is no CA", "tls.untrusted", {}), ("whose issuer has expired", "tls.expired", {}),
    ("signed with SHA-1", "tls.weak", {}), ("signed with MD5", "tls.weak", {}), ("of RSA-1024", "tls.weak", {}),
    ("for clients", "tls.untrusted", {}), ("with an unknown critical extension", "tls.untrusted", {}), ("with a broken signature", "tls.untrusted", {}),
    ("in a chain of 3", "ok", {}), ("in a chain of 60", "tls.unknown_issuer", {}), ("in a chain of 500", "tls.handshake", {}),
    ("of 1 MiB", "tls.handshake", {}), ("of 60 kB", "ok", {}), ("of 70 kB", "tls.handshake", {}), ("twenty times", "ok", {}),
    ("below three RSA-16384", "tls.untrusted", {}),
    ("below nine RSA-16384, exponent 2^63", "tls.untrusted", {}),
]) + [
    Case("has an expired certificate, unverified", "tls.expires_soon", tls("expired"), HTTPS, request={"verify": False}),
    Case("has a chain of 500, unverified", "tls.handshake", tls("in a chain of 500"), HTTPS, request={"verify": False}),
    Case("has nine RSA-16384, unverified", "ok", tls("below nine RSA-16384, exponent 2^63"), HTTPS, request={"verify": False}),
    Case("redirects from https to http", "http.redirect_downgrade",
         tls(then=lambda p: (p.request(), p.send(b"HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"))), HTTPS, expect={"follow": 5}),
]

# ---- the same, to checks that want no more than TLS. Servers that wait for a request see an end.
AS_TLS = {"http.no_response": "ok", "http.timeout": "ok", "http.malformed": "ok", "http.protocol": "ok", "http.too_large": "ok", "http.redirect_downgrade": "ok"}


def as_tls(case):
    return Case("tls check: " + case.name, tuple(AS_TLS.get(r, r) for r in case.reasons), target="localhost:{}", port_of=case.name, type="tls", **{
        k: v for k, v in case.options.items() if k == "request"})


CASES += [as_tls(case) for case in CASES if not case.name.startswith("HTTP/2")]
TCP = "127.0.0.1:{}"
CASES += [Case(f"tcp check: {name}", reason, target=TCP, port_of=port_of, type="tcp", **options) for name, reason, port_of, options in [
    ("leaves connections in the queue", "tcp.timeout", "leaves connections in the queue", {}),
    ("resets at once", "ok", "resets at once", {}),
    ("closes at once", "ok", "closes at once", {}),
    ("sends zeroes for ever", "ok", "sends zeroes for ever", {}),
    ("is open, and must not be", "tcp.open", "accepts and hangs", {"expect": {"port": "closed"}}),
    ("leaves connections in the queue, and must be closed", "ok", "leaves connections in the queue", {"expect": {"port": "closed"}, "timeout": "400ms"}),
]]
