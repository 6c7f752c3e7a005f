# SPDX-License-Identifier: MIT
"""peer.py - what no real server does: an HTTP server that behaves badly.

Prints three numbers: the port of that; the port of a socket that never accepts;
one that only a server with SO_REUSEADDR gets.  Ends with its standard input.

    /liar      says that there is more than it sends
    /half      sends half of it, then nothing any more
    /flaky/N/  closes the first N connections that ask for this path
    /busy      has no time for a long time
    /held/F    is not there, but that is not said before there is a file F
"""
import collections
import os
import socket
import sys
import threading
import time

asked = collections.Counter()
lock = threading.Lock()


def listen(backlog):
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    s.listen(backlog)
    return s


def reserve():
    """A port that nobody else is given, nor can connect to."""
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("127.0.0.1", 0))
    return s


def answer(status, body, length=None, more=""):
    return (f"HTTP/1.1 {status}\r\nContent-Length: {length or len(body)}\r\n"
            f"{more}\r\n{body}").encode()


def serve_one(connection, path):
    """False: that was all on this connection."""
    with lock:
        asked[path] += 1
        count = asked[path]
    if path == "/liar":
        connection.sendall(answer("200 OK", "0123456789", 1000))
        return False
    if path == "/half":
        connection.sendall(answer("200 OK", "0123456789", 20))
        connection.recv(1)
        return False
    if path.startswith("/flaky/") and count <= int(path.split("/")[2]):
        return False
    if path.startswith("/held/"):
        while not os.path.exists(path.split("/")[2].split("?")[0]):
            time.sleep(0.02)
        connection.sendall(answer("404 Not Found", ""))
    elif path == "/busy":
        connection.sendall(answer("503 Busy", "", 0, "Retry-After: 3600\r\n"))
    else:
        connection.sendall(answer("200 OK", f"{path} {count}\n"))
    return True


def serve(connection):
    with connection:
        request = b""
        try:
            while data := connection.recv(65536):
                request += data
                if b"\r\n\r\n" not in request:
                    continue
                path = request.split(b" ")[1].decode()
                request = b""
                if not serve_one(connection, path):
                    break
        except OSError:
            pass


def accept(s):
    while True:
        connection, _ = s.accept()
        threading.Thread(target=serve, args=(connection,), daemon=True).start()


bad, silent, free = listen(1000), listen(1000), reserve()
print(bad.getsockname()[1], silent.getsockname()[1], free.getsockname()[1],
      flush=True)
threading.Thread(target=accept, args=(bad,), daemon=True).start()
sys.stdin.read()
