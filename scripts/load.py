#!/usr/bin/env python3
"""Takes the figures of docs/performance.md again, and writes its tables.

    cargo build --release --bins --examples --locked
    scripts/load.py [--seconds 300] [--entries 10000000] [--only NAME,NAME] [--no-write]

Each run has a log of its own, with the number index and two witnesses, in the folder that LOAD names (target/load), on a disk and
not in memory: 15 GB for ten million entries. Everything is removed afterwards. Runs: carriers, numbers, batches, reads, lone, large,
parts (the criterion benches). The tables stand between "<!-- NAME -->" and "<!-- /NAME -->". The raw figures stay in results.json there.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import threading
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
PLACE = pathlib.Path(os.environ.get("LOAD", ROOT / "target/load"))
BIN = ROOT / "target/release"
PAGE = ROOT / "docs/performance.md"
TICKS = os.sysconf("SC_CLK_TCK")


class Log:
    """A log with its witnesses, its processor time and its memory."""

    def __init__(self, name, port):
        self.folder, self.port, self.url = PLACE / name, port, f"http://127.0.0.1:{port}"
        self.witnesses, self.memory, self.server, self.loads = [], [], None, []

    def serve(self, *more):
        self.server = subprocess.Popen(
            [BIN / "tnlog", "serve", "--data", self.folder, "--listen", f"127.0.0.1:{self.port}", *more],
            stdout=subprocess.DEVNULL, stderr=open(self.folder.with_suffix(".log"), "ab"))
        begun = time.monotonic()
        while True:
            try:
                return time.monotonic() - begun, json.load(urllib.request.urlopen(self.url + "/tn/v1/log"))
            except OSError:
                if self.server.poll() is not None:
                    sys.exit(f"the log does not start: {self.folder.with_suffix('.log')}")
                time.sleep(0.02)

    def stop(self):
        self.server.terminate()
        self.server.wait()

    def start(self):
        _, info = self.serve()
        self.stop()
        key = info["checkpoint_key"]
        policy = [f"log {key}"]
        for n in (1, 2):
            secret = self.folder.with_suffix(f".w{n}")
            secret.unlink(missing_ok=True)
            public = subprocess.run([BIN / "tnlog", "keygen", f"witness-{n}.example", "--cosigner", "--out", secret],
                                    check=True, capture_output=True, text=True).stdout.strip()
            address = f"127.0.0.1:{self.port + n}"
            self.witnesses.append(subprocess.Popen(
                [BIN / "examples/witness", address, secret, key, self.folder.with_suffix(f".m{n}")]))
            policy.append(f"witness w{n} {public} http://{address}")
        policy += ["group both all w1 w2", "quorum both", ""]
        (self.folder / "witnesses.txt").write_text("\n".join(policy))
        config = (self.folder / "tnlog.toml").read_text()
        config = config.replace('#= witnesses = ""', 'witnesses = "witnesses.txt"')
        config = re.sub(r"#= (labels_per_\w+_day) = .*", r"\1 = 4000000000", config)
        (self.folder / "tnlog.toml").write_text(config)
        time.sleep(0.5)
        opened, _ = self.serve()
        return opened

    def processor_seconds(self):
        fields = pathlib.Path(f"/proc/{self.server.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def megabytes(self, field):
        status = pathlib.Path(f"/proc/{self.server.pid}/status").read_text()
        return int(re.search(rf"{field}:\s+(\d+)", status)[1]) // 1024

    def sample(self, over):
        while not over.wait(5):
            self.memory.append(self.megabytes("VmRSS"))
            self.loads.append(os.getloadavg()[0])

    def load(self, *arguments):
        over, before = threading.Event(), self.processor_seconds()
        sampler = threading.Thread(target=self.sample, args=(over,))
        sampler.start()
        command = [BIN / "tnlog", "load", "--log", self.url, "--accept-root", self.folder, "--json", *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True)
        over.set()
        sampler.join()
        if not done.stdout:
            sys.exit(done.stderr)
        report = json.loads(done.stdout)
        report["processor_microseconds"] = (self.processor_seconds() - before) / max(1, report["accepted"]) * 1e6
        report["peak_megabytes"], report["megabytes"] = self.megabytes("VmHWM"), self.memory
        report["load_average"] = sum(self.loads) / max(1, len(self.loads))
        report["is_good"] = done.returncode == 0
        return report

    def remove(self):
        self.stop()
        for witness in self.witnesses:
            witness.terminate()
            witness.wait()
        shutil.rmtree(self.folder)
        for suffix in (".w1", ".w2", ".m1", ".m2"):
            self.folder.with_suffix(suffix).unlink(missing_ok=True)


def run(name, *arguments):
    log = Log(name, 18700)
    log.start()
    try:
        return log.load(*arguments)
    finally:
        log.remove()


def large(entries, seconds):
    """A log of many entries: how fast it opens, and whether it is as fast as an empty one."""
    log = Log("large", 18700)
    subprocess.run([BIN / "examples/fill", log.folder, str(entries)], check=True)
    log.start()
    while "tnlog_index_lag_entries 0" not in urllib.request.urlopen(log.url + "/metrics").read().decode():
        time.sleep(1)
    log.stop()
    opened, _ = log.serve()
    try:
        report = log.load("--duration", seconds, "--count", seconds * 9000)
    finally:
        log.remove()
    return report | {"opened_seconds": opened, "entries": entries}


def parts():
    """The medians of the criterion benches, in nanoseconds."""
    for bench in ("submission", "tree", "receipt"):
        subprocess.run(["cargo", "bench", "--locked", "--bench", bench], cwd=ROOT, check=True)
    found = {}
    for file in sorted((ROOT / "target/criterion").glob("**/new/estimates.json")):
        title = json.loads((file.parent / "benchmark.json").read_text())["full_id"]
        found[title] = json.loads(file.read_text())["median"]["point_estimate"]
    return found


def latency(found):
    return " | ".join(f"{found[share]:,.0f} ms" for share in ("p50", "p95", "p99", "max"))


def submissions(results):
    rows = ["| what | entries | rate | p50 | p95 | p99 | max | CPU of the log | peak memory | load average | errors |", "|" + "---|" * 11]
    for name in ("carriers", "numbers", "batches", "reads", "lone", "large"):
        if (r := results.get(name)) is None:
            continue
        errors = sum(r["errors"].values()) + sum((r["reads"] or {"errors": {}})["errors"].values())
        rows.append(f"| {name} | {r['accepted']:,} | {r['rate']:,.0f} /s | {latency(r['latency_milliseconds'])} | "
                    f"{r['processor_microseconds']:.0f} us | {r['peak_megabytes']} MB | {r['load_average']:.1f} | {errors} |")
    return rows


def reads(results):
    rows = ["| read | verified | p50 | p95 | p99 | max |", "|" + "---|" * 6]
    for kind, r in results["reads"]["reads"]["kinds"].items():
        rows.append(f"| {kind} | {r['good']:,} | {latency(r['latency_milliseconds'])} |")
    return rows


def medians(results):
    unit = lambda ns: f"{ns / 1e6:.2f} ms" if ns >= 1e6 else f"{ns / 1e3:.2f} us"
    return ["| part | time |", "|---|---|"] + [f"| {title} | {unit(ns)} |" for title, ns in results["parts"].items()]


def write(name, rows):
    page = PAGE.read_text()
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    if begin not in page or end not in page:
        sys.exit(f"{PAGE} has no place for the table {name}")
    before, after = page.split(begin)[0], page.split(end)[1]
    PAGE.write_text(before + begin + "\n" + "\n".join(rows) + "\n" + end + after)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=300)
    parser.add_argument("--entries", type=int, default=10_000_000)
    parser.add_argument("--only", default="carriers,numbers,batches,reads,lone,large,parts")
    parser.add_argument("--no-write", action="store_true")
    args = parser.parse_args()
    PLACE.mkdir(parents=True, exist_ok=True)
    seconds, file = args.seconds, PLACE / "results.json"
    runs = {
        "carriers": lambda: run("carriers", "--duration", seconds, "--count", seconds * 9000),
        "numbers": lambda: run("numbers", "--names", "numbers", "--duration", seconds, "--count", seconds * 6000),
        "batches": lambda: run("batches", "--batch", 100, "--connections", 32, "--duration", seconds, "--count", seconds * 12000),
        "reads": lambda: run("reads", "--rate", 3000, "--connections", 1024, "--readers", 5000, "--duration", seconds),
        "lone": lambda: run("lone", "--connections", 1, "--rate", 3, "--duration", 20),
        "large": lambda: large(args.entries, min(seconds, 60)),
        "parts": parts,
    }
    results = json.loads(file.read_text()) if file.exists() else {}
    for name in args.only.split(","):
        results[name] = runs[name]()
        file.write_text(json.dumps(results, indent=1))
        print(name, json.dumps({k: v for k, v in results[name].items() if k != "megabytes"}), flush=True)
    if not args.no_write:
        write("submissions", submissions(results))
        if "reads" in results:
            write("reads", reads(results))
        if "parts" in results:
            write("parts", medians(results))
    bad = [name for name in args.only.split(",") if not results[name].get("is_good", True)]
    if bad:
        sys.exit("errors, or entries that are missing: " + ", ".join(bad))


if __name__ == "__main__":
    main()
