# SPDX-License-Identifier: MIT
"""urls.py - fetching: tpfetch beside curl -Z and Python clients, same server.

    python3 tests/bench/io/urls.py TPFETCH

Starts nginx on the loopback interface, measures all clients in turn, round after
round, prints medians, and stops it.  Environment: BENCH_ROUNDS (5).
Needs nginx with its echo module (libnginx-mod-http-echo) and curl.
"""
import asyncio
import concurrent.futures
import glob
import http.client
import os
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse

DELAY = 0.1
HOSTS = [f"127.0.0.{i}" for i in range(1, 5)]  # each has ports of its own
MANY = 10000

CONFIG = """
load_module {module};
daemon off;
master_process off;
pid nginx.pid;
error_log error.log;
worker_rlimit_nofile {files};
events {{ worker_connections {files}; multi_accept on; }}
http {{
    access_log off;
    keepalive_timeout 75s;
    keepalive_requests 1000000;
    client_body_temp_path tmp1;
    proxy_temp_path tmp2;
    fastcgi_temp_path tmp3;
    uwsgi_temp_path tmp4;
    scgi_temp_path tmp5;
    server {{
        {listen}
        location /now {{ return 200 "{body}"; }}
        location /delayed {{ echo_sleep {delay}; echo "{body}"; }}
        location /second {{ echo_sleep 1; echo "{body}"; }}
    }}
}}
"""


# ---- Clients in Python, as this program's own other modes ---------------------

async def get(parts):
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port,
                                                   limit=4096)
    writer.write(f"GET {parts.path}?{parts.query} HTTP/1.1\r\n"
                 f"Host: {parts.netloc}\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    return answer.startswith(b"HTTP/1.1 200")


async def gather(urls):
    return await asyncio.gather(*map(get, map(urllib.parse.urlsplit, urls)))


def fetch(url):
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port)
    connection.request("GET", f"{parts.path}?{parts.query}")
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status == 200


def client(mode, path):
    with open(path, encoding="ascii") as f:
        urls = f.read().split()
    if mode == "asyncio":
        good = asyncio.run(gather(urls))
    else:
        with concurrent.futures.ThreadPoolExecutor(len(urls)) as pool:
            good = list(pool.map(fetch, urls))
    return 0 if all(good) else 1


# ---- Measuring ----------------------------------------------------------------

def measure(command):
    """Seconds, seconds of CPU, peak memory in MB."""
    begin = time.monotonic()
    # pylint: disable=consider-using-with
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - begin
    if status != 0:
        sys.exit(f"urls.py: {' '.join(command[:6])}: status {status:#x}")
    return (seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def compare(rounds, commands):
    """Medians of each, measured in turn."""
    names = list(commands)
    seen = {name: [] for name in names}
    for n in range(rounds):
        for name in names[n % len(names):] + names[:n % len(names)]:
            seen[name].append(measure(commands[name]))
    return {name: [statistics.median(column) for column in zip(*seen[name])]
            for name in names}


def table(title, result, requests):
    print(f"\n{title}\n{'':34}{'s':>8}{'requests/s':>12}{'CPU s':>8}{'MB':>8}")
    for name, (seconds, cpu, memory) in result.items():
        print(f"{name:34}{seconds:8.3f}{requests[name] / seconds:12.0f}"
              f"{cpu:8.2f}{memory:8.1f}")


class Server:
    def __init__(self, work, files):
        module = glob.glob("/usr/lib*/nginx/modules/ngx_http_echo_module.so")
        nginx = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
        if not module or not nginx or not shutil.which("curl"):
            print("skipped: URLs (nginx, its echo module, curl)")
            sys.exit(0)
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        with open(f"{work}/nginx.conf", "w", encoding="ascii") as f:
            f.write(CONFIG.format(
                module=module[0], files=files, delay=DELAY, body="x" * 1000,
                listen="\n".join(f"listen {host}:{self.port} backlog=16384;"
                                 for host in HOSTS)))
        self.process = subprocess.Popen(
            [nginx, "-p", work, "-c", "nginx.conf"],
            stderr=subprocess.DEVNULL)
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                break
            except OSError:
                if self.process.poll() is not None:
                    sys.exit("urls.py: nginx ends at once")
                time.sleep(0.02)

    def list(self, work, path, count):
        """A file of URLs, and the same for curl -K."""
        name = f"{work}/{path}-{count}"
        with open(name, "w", encoding="ascii") as f, \
                open(f"{name}.curl", "w", encoding="ascii") as k:
            for i in range(count):
                host = HOSTS[i % len(HOSTS)]
                url = f"http://{host}:{self.port}/{path}?{i}"
                f.write(f"{url}\n")
                k.write(f"url = {url}\noutput = /dev/null\n")
        return name


def run(tpfetch):
    if not os.path.exists(tpfetch):
        print("skipped: URLs (libcurl4-gnutls-dev)")
        return
    rounds = int(os.environ.get("BENCH_ROUNDS", "5"))
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    many = min(MANY, hard - 200)
    engines = [name for name in ("blocking", "multi")
               if subprocess.run([tpfetch, f"--engine={name}", "--version"],
                                 stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL,
                                 check=False).returncode == 0]
    with tempfile.TemporaryDirectory() as work:
        server = Server(work, many + 1000)
        try:
            delayed(rounds, tpfetch, engines, server, work)
            concurrent_many(rounds, tpfetch, engines, server, work, many)
        finally:
            server.process.terminate()
            server.process.wait()


def curl(name, jobs):
    return ["curl", "-s", "-Z", "--parallel-max", str(jobs), "-K",
            f"{name}.curl"]


def own(tpfetch, engine, name, jobs):
    return [tpfetch, f"--engine={engine}", f"--files-from={name}", "-j",
            str(jobs)]


def delayed(rounds, tpfetch, engines, server, work):
    count = 1000
    name = server.list(work, "delayed", count)
    now = server.list(work, "now", count)
    commands = {f"tpfetch --engine={engine} -j 1000":
                own(tpfetch, engine, name, 1000) for engine in engines}
    first = list(commands)
    commands["curl -Z --parallel-max 300"] = curl(name, 300)
    for mode in ("asyncio", "threads"):
        commands[f"Python, {mode}"] = [sys.executable, __file__,
                                       f"--{mode}", name]
    commands["curl -Z, without the delay"] = curl(now, 300)
    result = compare(rounds, commands)
    table(f"{count} URLs, each {DELAY * 1000:.0f} ms late, medians of {rounds}",
          result, dict.fromkeys(result, count))
    cost = result["curl -Z, without the delay"][0]
    for own_name in first:
        seconds = result[own_name][0]
        print(f"{own_name}: {seconds / (DELAY + cost):.2f} times one delay "
              f"and curl's own cost ({DELAY + cost:.3f} s)")
        for ratio in ratios(result, own_name):
            print(f"    {ratio}")


def ratios(result, name):
    for other, figures in result.items():
        if other != name and not other.startswith("tpfetch") and \
                "without" not in other:
            yield f"{result[name][0] / figures[0]:.2f} times {other}"


def concurrent_many(rounds, tpfetch, engines, server, work, many):
    if "multi" not in engines:
        print("\nno libtaskpar-io: --engine=multi is not measured")
        return
    second = server.list(work, "second", 3 * many)
    few = server.list(work, "second", 900)
    now = server.list(work, "now", 3 * many)
    label = f"tpfetch --engine=multi -j {many}"
    commands = {label: own(tpfetch, "multi", second, many),
                "curl -Z --parallel-max 300": curl(few, 300)}
    result = compare(rounds, commands)
    table(f"keep-alive, each request 1 s late: {3 * many} URLs, {many} at a "
          "time; curl 900, 300 at a time", result,
          {label: 3 * many, "curl -Z --parallel-max 300": 900})
    commands = {label: own(tpfetch, "multi", now, many),
                "tpfetch --engine=multi -j 300": own(tpfetch, "multi", now, 300),
                "tpfetch --engine=blocking -j 300":
                own(tpfetch, "blocking", now, 300),
                "curl -Z --parallel-max 300": curl(now, 300)}
    result = compare(rounds, commands)
    table(f"keep-alive, at once: {3 * many} URLs", result,
          dict.fromkeys(result, 3 * many))


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] in ("--asyncio", "--threads"):
        sys.exit(client(sys.argv[1][2:], sys.argv[2]))
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    run(os.path.abspath(sys.argv[1]))
