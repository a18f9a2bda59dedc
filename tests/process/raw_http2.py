"""HTTP/2 frames by hand (RFC 9113): a client that keeps no rule it does not want to."""

import socket
import struct
import time

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = (
    0, 1, 3, 4, 6, 7, 8, 9)
END_STREAM, ACK, END_HEADERS = 0x1, 0x1, 0x4
MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE, MAX_HEADER_LIST_SIZE = 3, 4, 6
REFUSED_STREAM, ENHANCE_YOUR_CALM = 7, 11

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
FRAME_BYTES_MAX = 16384
SEND_SECONDS_MAX = 30


def literal(text):
    """A string, not compressed (RFC 7541, 5.2)."""
    if isinstance(text, str):
        text = text.encode()
    length = len(text)
    if length < 127:
        return bytes([length]) + text
    out, length = b"\x7f", length - 127
    while length > 127:
        out += bytes([length & 127 | 128])
        length >>= 7
    return out + bytes([length]) + text


def header_block(fields):
    """Header fields, none of them indexed."""
    return b"".join(b"\x00" + literal(name) + literal(value) for name, value in fields)


def grpc_headers(method, more=()):
    return [(":method", "POST"), (":scheme", "http"), (":path", method),
            (":authority", "localhost"), ("te", "trailers"),
            ("content-type", "application/grpc"), *more]


def grpc_message(content, compressed=False):
    return struct.pack(">BI", compressed, len(content)) + content


class Connection:
    """One connection; nothing is sent or read but by a call."""

    def __init__(self, address, settings=(), greet=True):
        host, _, port = address.rpartition(":")
        self.socket = socket.create_connection((host, int(port)), timeout=SEND_SECONDS_MAX)
        self.received = b""
        self.next_stream = 1
        self.closed = False
        if greet:
            self.socket.sendall(PREFACE)
            self.send(SETTINGS, 0, 0, b"".join(struct.pack(">HI", *each) for each in settings))

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, kind, flags, stream, payload=b""):
        self.socket.sendall(struct.pack(">I", len(payload))[1:] +
                            struct.pack(">BBI", kind, flags, stream) + payload)

    def open_stream(self, fields):
        """Sends headers, in as many frames as they take. Returns the stream."""
        stream, self.next_stream = self.next_stream, self.next_stream + 2
        block = header_block(fields)
        pieces = [block[i:i + FRAME_BYTES_MAX]
                  for i in range(0, len(block), FRAME_BYTES_MAX)]
        for i, piece in enumerate(pieces):
            self.send(HEADERS if i == 0 else CONTINUATION,
                      END_HEADERS if i == len(pieces) - 1 else 0, stream, piece)
        return stream

    def send_data(self, stream, content, end=False):
        for i in range(0, len(content), FRAME_BYTES_MAX):
            last = i + FRAME_BYTES_MAX >= len(content)
            self.send(DATA, END_STREAM if end and last else 0, stream,
                      content[i:i + FRAME_BYTES_MAX])

    def read_frame(self, seconds):
        """(kind, flags, stream, payload), or None when time is over or the
        connection has ended (then `closed` is true)."""
        deadline = time.monotonic() + seconds
        while True:
            if len(self.received) >= 9:
                size = int.from_bytes(self.received[:3], "big")
                if len(self.received) >= 9 + size:
                    kind, flags, stream = struct.unpack(">BBI", self.received[3:9])
                    payload = self.received[9:9 + size]
                    self.received = self.received[9 + size:]
                    return kind, flags, stream, payload
            left = deadline - time.monotonic()
            if left < 0:
                return None
            try:
                self.socket.settimeout(max(left, 0.001))
                piece = self.socket.recv(65536)
            except TimeoutError:
                return None
            except ConnectionError:
                piece = b""
            finally:
                self.socket.settimeout(SEND_SECONDS_MAX)
            if not piece:
                self.closed = True
                return None
            self.received += piece

    def frames(self, seconds):
        """What comes until time is over or the connection ends; settings and
        pings are acknowledged."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            frame = self.read_frame(left)
            if frame is None:
                return
            kind, flags, _, payload = frame
            if kind in (SETTINGS, PING) and not flags & ACK:
                try:
                    self.send(kind, ACK, 0, payload if kind == PING else b"")
                except ConnectionError:
                    pass  # closed by the other side; what it said is still read
            yield frame

    def await_end_of(self, stream, seconds=30):
        """The bytes of the headers and trailers of `stream` until it ends, or
        the error code that it was reset with."""
        headers = b""
        for kind, flags, of, payload in self.frames(seconds):
            if kind == GOAWAY:
                raise ConnectionError(f"GOAWAY {payload!r}")
            if of != stream:
                continue
            if kind == RST_STREAM:
                return int.from_bytes(payload, "big")
            if kind == HEADERS:
                headers += payload
            if flags & END_STREAM and kind in (HEADERS, DATA):
                return headers
        raise TimeoutError(f"stream {stream} does not end")

    def await_goaway(self, seconds=30):
        """The error code and text of GOAWAY."""
        for kind, _, _, payload in self.frames(seconds):
            if kind == GOAWAY:
                return int.from_bytes(payload[4:8], "big"), payload[8:]
        raise TimeoutError("no GOAWAY")


def grpc_status(headers):
    """The status that stands in trailers, which the server writes as a literal
    the first time on a connection."""
    at = headers.find(b"grpc-status")
    if at < 0:
        raise ValueError(f"no grpc-status in {headers!r}")
    at += len(b"grpc-status")
    return int(headers[at + 1:at + 1 + headers[at]])
