# SPDX-License-Identifier: MIT
"""What servers can do to an HTTP check. Each row: what it does, the reason to end with, how."""
import gzip

from hostile import Case

OK = b"HTTP/1.1 200 OK\r\n"
GIB = 1 << 30


def answer(data):
    """Reads the request, says DATA, closes."""
    def serve(peer):
        peer.request()
        peer.send(data)
    return serve


def answer_and(data, then):
    def serve(peer):
        peer.request()
        peer.send(data)
        then(peer)
    return serve


def hang(peer):
    peer.hang()


def reset(peer):
    peer.reset()


def flood(data):
    return lambda peer: peer.flood(data)


def drip(data):
    return lambda peer: peer.drip(data)


def body(text=b"hello", headers=b"", status=OK):
    return status + headers + b"Content-Length: %d\r\n\r\n" % len(text) + text


def chunked(text):
    return OK + b"Transfer-Encoding: chunked\r\n\r\n" + text


def to(location, status=b"302 Found"):
    return answer(b"HTTP/1.1 " + status + b"\r\nLocation: " + location + b"\r\nContent-Length: 0\r\n\r\n")


def packed(data, encoding=b"gzip"):
    return answer(OK + b"Content-Encoding: " + encoding + b"\r\nContent-Length: %d\r\n\r\n" % len(data) + data)


def bomb(level):
    """LEVEL times packed: a GiB of zeroes at the bottom would take seconds to make, 64 MiB do."""
    data = b"\0" * (64 << 20)
    for _ in range(level):
        data = gzip.compress(data, 9 if level > 1 else 6)
    return data


def bombs(peer):
    peer.request()
    data = bomb(1)
    peer.send(OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(data) + data)


def twice_packed(peer):
    peer.request()
    data = bomb(2)
    peer.send(OK + b"Content-Encoding: gzip, gzip\r\nContent-Length: %d\r\n\r\n" % len(data) + data)


def many_interim(peer):
    peer.request()
    peer.send(b"HTTP/1.1 103 Early Hints\r\nLink: </x.css>\r\n\r\n" * 1000 + body())


def ever_further(peer):
    """A redirect to a longer URL each time: never the same twice."""
    path = peer.request().split()[1]
    peer.send(b"HTTP/1.1 302 Found\r\nLocation: " + path + b"x\r\nContent-Length: 0\r\n\r\n")


def there_and_back(peer):
    other = b"/b" if peer.request().split()[1] == b"/a" else b"/a"
    peer.send(b"HTTP/1.1 302 Found\r\nLocation: " + other + b"\r\nContent-Length: 0\r\n\r\n")


def redirect_then(data, then=None):
    """The first answer is a redirect to /next; what comes for that is DATA."""
    def serve(peer):
        if peer.request().split()[1] != b"/next":
            peer.send(b"HTTP/1.1 302 Found\r\nLocation: /next\r\nContent-Length: 0\r\n\r\n")
            return
        peer.send(data)
        if then:
            then(peer)
    return serve


FOLLOW = {"expect": {"follow": 5}}
PACKED = {"request": {"compression": True}}
BAD, FORBIDDEN = "http.redirect_bad", "dns.forbidden_address"


def redirects(rows):
    return [Case("redirect " + name, reason, to(location), **FOLLOW) for name, location, reason in rows]


CASES = [
    Case("has nothing wrong", "ok", answer(body())),
    # ---- connections
    Case("refuses", "tcp.refused", target="http://127.0.0.1:1/"),
    Case("leaves connections in the queue", "tcp.timeout", "never accepted", backlog=1),
    Case("accepts and hangs", "http.timeout", hang),
    Case("resets at once", "tcp.reset", reset),
    Case("closes at once", "http.no_response", lambda peer: None),
    Case("closes after the request", "http.no_response", answer(b"")),
    Case("resets after the request", "tcp.reset", answer_and(b"", reset)),
    Case("resets in the status line", "tcp.reset", answer_and(b"HTTP/1.1 2", reset)),
    Case("resets in the headers", "tcp.reset", answer_and(OK + b"Server: x\r\nX: ", reset)),
    Case("resets in the body", "tcp.reset", answer_and(OK + b"Content-Length: 100\r\n\r\nhal", reset)),
    Case("resets in a chunk", "tcp.reset", answer_and(chunked(b"64\r\nhal"), reset)),
    Case("closes in the status line", "http.no_response", answer(b"HTTP/1.1 2")),
    Case("closes in the headers", "tcp.closed_early", answer(OK + b"Server: x\r\nX: ")),
    Case("closes in the body", "tcp.closed_early", answer(OK + b"Content-Length: 100\r\n\r\nhal")),
    Case("closes in a chunk", "tcp.closed_early", answer(chunked(b"64\r\nhal"))),
    Case("closes before the last chunk", "tcp.closed_early", answer(chunked(b"3\r\nhal\r\n"))),
    Case("answers before it is asked", ("ok", "tcp.reset"), lambda peer: peer.send(body())),
    Case("closes its half and hangs", "http.no_response", lambda peer: (peer.socket.shutdown(1), peer.hang())),
    # ---- slow
    Case("says the status line at 1 B/s", "http.timeout", answer_and(b"", drip(OK))),
    Case("says headers at 1 B/s", "http.timeout", answer_and(OK, drip(b"Server: slow\r\n"))),
    Case("says the body at 1 B/s", "http.timeout", answer_and(OK + b"Content-Length: 100\r\n\r\n", drip(b"x" * 100))),
    Case("says chunks at 1 B/s", "http.timeout", answer_and(chunked(b""), drip(b"1\r\nx\r\n" * 100))),
    Case("hangs in the status line", "http.timeout", answer_and(b"HTTP/1.1 2", hang)),
    Case("hangs in the headers", "http.timeout", answer_and(OK + b"Server: x\r\n", hang)),
    Case("hangs in the body", "http.timeout", answer_and(OK + b"Content-Length: 100\r\n\r\nhal", hang)),
    Case("hangs before the last chunk", "http.timeout", answer_and(chunked(b"3\r\nhal\r\n"), hang)),
    Case("hangs after a redirect", "http.timeout", redirect_then(b"", hang), **FOLLOW),
    # ---- large
    Case("sends 10 GiB", "http.too_large", answer_and(OK + b"Content-Length: %d\r\n\r\n" % (10 * GIB), flood(b"x" * 65536))),
    Case("sends 10 GiB without a length", "http.too_large", answer_and(OK + b"\r\n", flood(b"x" * 65536))),
    Case("sends 10 GiB to a HEAD", "ok", answer_and(OK + b"Content-Length: %d\r\n\r\n" % (10 * GIB), flood(b"x" * 65536)),
         request={"method": "HEAD"}),
    Case("sends endless chunks", "http.too_large", answer_and(chunked(b""), flood(b"1000\r\n" + b"x" * 4096 + b"\r\n"))),
    Case("sends endless chunks of a byte", "http.too_large", answer_and(chunked(b""), flood(b"1\r\nx\r\n"))),
    Case("sends an endless chunk extension", "http.too_large", answer_and(chunked(b"1;x="), flood(b"x" * 65536))),
    Case("sends endless zeroes as a chunk's size", "http.malformed", answer_and(chunked(b""), flood(b"0" * 65536))),
    Case("sends endless trailers", "http.too_large", answer_and(chunked(b"1\r\nx\r\n0\r\n"), flood(b"X: y\r\n"))),
    Case("sends one endless trailer", "http.malformed", answer_and(chunked(b"1\r\nx\r\n0\r\nX: "), flood(b"y" * 65536))),
    Case("sends an endless status line", "http.too_large", answer_and(b"HTTP/1.1 200 ", flood(b"O" * 65536))),
    Case("sends 100,000 headers", "http.too_large", answer(OK + b"X: y\r\n" * 100000 + b"\r\n")),
    Case("sends a header of 100 kB", "http.too_large", answer(OK + b"X: " + b"y" * 100000 + b"\r\nContent-Length: 0\r\n\r\n")),
    Case("sends endless headers", "http.too_large", answer_and(OK, flood(b"X: y\r\n"))),
    Case("sends one endless header", "http.too_large", answer_and(OK + b"X: ", flood(b"y" * 65536))),
    Case("sends 1,000 interim answers", "http.too_large", many_interim),
    Case("sends endless interim answers", "http.too_large", answer_and(b"", flood(b"HTTP/1.1 100 Continue\r\n\r\n"))),
    Case("sends 20,000 cookies", "http.too_large", answer(OK + b"Set-Cookie: a=b\r\n" * 20000 + b"\r\n")),
    Case("folds a header a thousand times", "http.too_large", answer(body(headers=b"X: y\r\n" + b" z\r\n" * 1000))),
    # ---- packed
    Case("sends a gzip bomb", "http.too_large", bombs, **PACKED),
    Case("sends a gzip bomb, packed twice", "http.too_large", twice_packed, **PACKED),
    Case("packs a hundred times", "http.malformed", packed(gzip.compress(b"x"), b", ".join([b"gzip"] * 100)), **PACKED),
    Case("sends garbage as gzip", "http.malformed", packed(b"no gzip at all"), **PACKED),
    Case("sends half a gzip", "ok", packed(gzip.compress(b"x" * 100000)[:50]), **PACKED),
    Case("sends a gzip head with an endless name", "http.too_large", answer_and(
        OK + b"Content-Encoding: gzip\r\n\r\n\x1f\x8b\x08\x08\0\0\0\0\0\x03", flood(b"n" * 65536)), **PACKED),
    Case("sends garbage as deflate", "http.malformed", packed(b"\xff" * 100, b"deflate"), **PACKED),
    Case("sends brotli, unasked", "ok", packed(b"\x0b\x02\x80hello\x03", b"br"), **PACKED),
    Case("sends an unknown encoding", "http.malformed", packed(b"hello", b"rot13"), **PACKED),
    Case("appends to a gzip", "http.malformed", packed(gzip.compress(b"x") + b"garbage"), **PACKED),
    # ---- lengths
    Case("says a negative length", "http.malformed", answer(OK + b"Content-Length: -1\r\n\r\nhello")),
    Case("says a length of 2^63", "http.too_large", answer(OK + b"Content-Length: 9223372036854775808\r\n\r\nhello")),
    Case("says a length of 2^63 - 1", "http.too_large", answer(OK + b"Content-Length: 9223372036854775807\r\n\r\nhello")),
    Case("says a length of 2^64 + 5", "http.too_large", answer(OK + b"Content-Length: 18446744073709551621\r\n\r\nhello")),
    Case("says a length in letters", "http.malformed", answer(OK + b"Content-Length: five\r\n\r\nhello")),
    Case("says two lengths", "tcp.closed_early", answer(OK + b"Content-Length: 5\r\nContent-Length: 50\r\n\r\nhello")),
    Case("says less than it sends", "ok", answer(OK + b"Content-Length: 2\r\n\r\nhello, and much more")),
    Case("says less than it sends, endlessly", "ok", answer_and(OK + b"Content-Length: 2\r\n\r\n", flood(b"x" * 65536))),
    Case("says a length and chunks", "ok", answer(OK + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")),
    Case("says a chunk of -1", "http.malformed", answer(chunked(b"-1\r\nx\r\n0\r\n\r\n"))),
    Case("says a chunk of 2^64", "http.malformed", answer(chunked(b"10000000000000000\r\nx\r\n0\r\n\r\n"))),
    Case("says a chunk of 2^63 - 1", "tcp.closed_early", answer(chunked(b"7fffffffffffffff\r\nx\r\n0\r\n\r\n"))),
    Case("says a chunk in letters", "http.malformed", answer(chunked(b"two\r\nhello\r\n0\r\n\r\n"))),
    Case("sends more than the chunk's size", "http.malformed", answer(chunked(b"2\r\nhello\r\n0\r\n\r\n"))),
    # ---- no HTTP
    Case("speaks HTTP/0.9", "http.malformed", answer(b"<html>hello</html>\n")),
    Case("speaks SSH", "http.malformed", answer(b"SSH-2.0-OpenSSH_9.2\r\n")),
    Case("speaks SMTP and hangs", "http.malformed", lambda peer: (peer.send(b"220 mail ESMTP\r\n"), peer.hang())),
    Case("speaks TLS", "http.malformed", answer(b"\x15\x03\x03\0\2\2\x50")),
    Case("sends zeroes", "http.malformed", answer(b"\0" * 1000)),
    Case("sends zeroes for ever", "http.malformed", answer_and(b"", flood(b"\0" * 65536))),
    Case("sends blank lines for ever", "http.malformed", answer_and(b"", flood(b"\r\n" * 1000))),
    Case("speaks HTTP/3.0", "http.malformed", answer(b"HTTP/3.0 200 OK\r\n\r\n")),
    Case("speaks HTTP/1.9", "http.malformed", answer(b"HTTP/1.9 200 OK\r\nContent-Length: 0\r\n\r\n")),
    Case("speaks HTTP/2 unasked", "http.malformed", answer(b"\0\0\0\4\0\0\0\0\0")),
    Case("speaks RTSP", "http.malformed", answer(b"RTSP/1.0 200 OK\r\n\r\n")),
    Case("speaks ICY", "http.malformed", answer(b"ICY 200 OK\r\n\r\nmusic")),
    # ---- odd status codes
    Case("says status 000", "http.malformed", answer(body(status=b"HTTP/1.1 000 Nothing\r\n"))),
    Case("says status 099", "http.malformed", answer(body(status=b"HTTP/1.1 099 Nothing\r\n"))),
    Case("says status 600", "http.status", answer(body(status=b"HTTP/1.1 600 Beyond\r\n"))),
    Case("says status 999", "http.status", answer(body(status=b"HTTP/1.1 999 Request denied\r\n"))),
    Case("says status 2000", "http.malformed", answer(body(status=b"HTTP/1.1 2000 Lots\r\n"))),
    Case("says status 20", "http.malformed", answer(body(status=b"HTTP/1.1 20 Little\r\n"))),
    Case("says status -200", "http.malformed", answer(body(status=b"HTTP/1.1 -200 OK\r\n"))),
    Case("says status 2OO", "http.malformed", answer(body(status=b"HTTP/1.1 2OO OK\r\n"))),
    Case("says no status", "http.malformed", answer(body(status=b"HTTP/1.1 \r\n"))),
    Case("says 204 with a body", "ok", answer(body(status=b"HTTP/1.1 204 No Content\r\n"))),
    Case("says 304 to nobody's condition", "ok", answer(body(status=b"HTTP/1.1 304 Not Modified\r\n"))),
    Case("says 101, unasked", "http.status", answer(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nhello")),
    Case("says 100 and nothing more", "http.timeout", answer_and(b"HTTP/1.1 100 Continue\r\n\r\n", hang)),
    Case("says 100 and closes", "http.no_response", answer(b"HTTP/1.1 100 Continue\r\n\r\n")),
    Case("says 301 to nowhere", "ok", answer(body(status=b"HTTP/1.1 301 Moved\r\n"))),
    Case("says 301 to nowhere, followed", "http.status", answer(body(status=b"HTTP/1.1 301 Moved\r\n")), **FOLLOW),
    Case("says 401 with an odd challenge", "http.status", answer(
        b"HTTP/1.1 401 No\r\nWWW-Authenticate: " + b"Basic realm=\"" * 500 + b"\r\nContent-Length: 0\r\n\r\n")),
    Case("says 407", "http.status", answer(b"HTTP/1.1 407 No\r\nProxy-Authenticate: NTLM TlRM\r\nContent-Length: 0\r\n\r\n")),
    Case("says 429, come back in a year", "http.status", answer(body(status=b"HTTP/1.1 429 No\r\nRetry-After: 31536000\r\n"))),
    # ---- bytes
    Case("puts NUL into the status line", "http.malformed", answer(body(status=b"HTTP/1.1 200 O\0K\r\n"))),
    Case("puts NUL into a header", "http.malformed", answer(body(headers=b"X: a\0b\r\n"))),
    Case("puts NUL into a header's name", "http.malformed", answer(body(headers=b"X\0Y: ab\r\n"))),
    Case("puts NUL into the body", "ok", answer(body(b"a\0needle")), expect={"body_contains": "needle"}),
    Case("puts NUL into the body, unfound", "content.missing", answer(body(b"a\0b\0c" * 1000)), expect={"body_contains": "needle"}),
    Case("sends no UTF-8", "content.missing", answer(body(bytes(range(256)) * 10)), expect={"body_contains": "needle"}),
    Case("sends terminal escapes", "http.status", answer(body(b"\x1b]0;owned\x07\x1b[2J", status=b"HTTP/1.1 500 \x1b[31mred\r\n"))),
    Case("ends lines with LF", "ok", answer(b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello")),
    Case("ends lines with CR", "http.no_response", answer(b"HTTP/1.1 200 OK\rContent-Length: 5\r\rhello")),
    Case("has a header without a colon", "http.malformed", answer(body(headers=b"nonsense\r\n"))),
    Case("has a trailer without a colon", "http.malformed", answer(chunked(b"1\r\nx\r\n0\r\nnonsense\r\n\r\n"))),
    Case("has a header without a name", "ok", answer(body(headers=b": x\r\n"))),
    Case("says Transfer-Encoding twice", "ok", answer(
        OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")),
    Case("says an unknown Transfer-Encoding", "http.malformed", answer(OK + b"Transfer-Encoding: rot13\r\n\r\nhello")),
    Case("has a needle across pieces", "ok", answer_and(OK + b"Content-Length: 6\r\n\r\n", lambda p: p.drip(b"needle", 0.02)),
         expect={"body_contains": "needle"}),
    Case("nearly has the needle, for ever", "http.too_large", answer_and(OK + b"\r\n", flood(b"needl")), expect={"body_contains": "needle"}),
    # ---- redirects
    Case("redirects to itself", "http.redirect_loop", to(b"/"), **FOLLOW),
    Case("redirects to itself, check of redirects", "http.redirect_loop", to(b"/"), type="redirect"),
    Case("redirects there and back", "http.redirect_loop", there_and_back, **FOLLOW),
    Case("redirects ever further", "http.too_many_redirects", ever_further, **FOLLOW),
    Case("redirects ever further, 20 hops", "http.too_many_redirects", ever_further, type="redirect", expect={"max_hops": 20}),
    Case("redirects, and sends 10 GiB", "http.too_large", answer_and(
        b"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", flood(b"x" * 65536)), **FOLLOW),
    Case("redirects, then resets", "tcp.reset", redirect_then(b"", reset), **FOLLOW),
    Case("redirects with two locations", "http.redirect_loop", to(b"/\r\nLocation: http://127.0.0.1:1/"), **FOLLOW),
    Case("redirects to a location of 60 kB", BAD, to(b"/" + b"x" * 60000), **FOLLOW),
    Case("redirects with every code", "http.redirect_loop", to(b"/", b"308 Permanent Redirect"), **FOLLOW),
    *redirects([
        ("to file:", b"file:///etc/passwd", BAD), ("to gopher:", b"gopher://127.0.0.1:25/_HELO", BAD),
        ("to data:", b"data:text/plain,hello", BAD), ("to javascript:", b"javascript:alert(1)", BAD),
        ("to ftp:", b"ftp://127.0.0.1/", BAD), ("to ldap:", b"ldap://127.0.0.1/", BAD), ("to dict:", b"dict://127.0.0.1:11211/stat", BAD),
        ("to metadata", b"http://169.254.169.254/latest/meta-data/", FORBIDDEN),
        ("to metadata, decimal", b"http://2852039166/", FORBIDDEN), ("to metadata, hexadecimal", b"http://0xa9fea9fe/", FORBIDDEN),
        ("to metadata, octal", b"http://0251.0376.0251.0376/", FORBIDDEN),
        ("to metadata, mapped", b"http://[::ffff:169.254.169.254]/", FORBIDDEN), ("to metadata, mapped hexadecimal", b"http://[::ffff:a9fe:a9fe]/", FORBIDDEN),
        ("to metadata, NAT64", b"http://[64:ff9b::a9fe:a9fe]/", FORBIDDEN), ("to metadata, 6to4", b"http://[2002:a9fe:a9fe::]/", FORBIDDEN),
        ("to metadata by IPv6", b"http://[fd00:ec2::254]/", FORBIDDEN), ("to metadata of others", b"http://100.100.100.200/", FORBIDDEN),
        ("to metadata with a user", b"http://example.com@169.254.169.254/", FORBIDDEN),
        ("to metadata in disguise", b"http://127.0.0.1\\@169.254.169.254/", FORBIDDEN), ("to a port, disguised as metadata", b"http://169.254.169.254\\@127.0.0.1:1/", "tcp.refused"),
        ("to metadata, percent-encoded", b"http://%31%36%39.254.169.254/", FORBIDDEN),
        ("to metadata, full width", "http://１６９.254.169.254/".encode(), FORBIDDEN),
        ("to this host, IPv6", b"http://[::1]/", FORBIDDEN), ("to no address", b"http://0.0.0.0/", FORBIDDEN), ("to [::]", b"http://[::]/", FORBIDDEN),
        ("to private addresses", b"http://10.0.0.1/", FORBIDDEN), ("to multicast", b"http://224.0.0.1/", FORBIDDEN),
        ("to broadcast", b"http://255.255.255.255/", FORBIDDEN), ("to a zone", b"http://[fe80::1%25eth0]/", FORBIDDEN),
        ("to a host of 1,000 characters", b"http://" + b"a" * 1000 + b".example/", BAD),
        ("to a host of 250 labels", b"http://" + b"a." * 250 + b"example/", BAD),
        ("to a host with a space", b"http://a b.example/", BAD), ("to a host with a NUL", b"http://a%00b.example/", BAD),
        ("to a host with a line break", b"http://a%0d%0ab.example/", BAD),
        ("to an empty host", b"http://?x", BAD), ("to an open bracket", b"http://[::1/", BAD),
        ("to port 0", b"http://127.0.0.1:0/", "tcp.refused"),
        ("to port 99999", b"http://127.0.0.1:99999/", BAD), ("to port -1", b"http://127.0.0.1:-1/", BAD),
        ("to a location with a tab", b"http://127.0.0.1:1/a\tb", BAD),
        ("to nothing", b"", BAD),
        ("to a fragment", b"#x", "http.redirect_loop"), ("to //", b"//", BAD),
        ("to no UTF-8", b"/\xff\xfe\x80", "http.redirect_loop"),
        ("with the headers' end inside", b"/x\r\n\r\nHTTP/1.1 200 OK\r\n", "http.redirect_loop"),
    ]),
]
