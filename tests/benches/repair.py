#!/usr/bin/env python3
"""Repairs: how much they lose, and what the plan costs on an intact file.

  cargo build --release
  python3 tests/benches/repair.py [--check-aof redis-check-aof] [FILE.aof FILE.rdb]

Rows: one damaged byte in the middle of a log of 1,000 commands (redis-check-aof --fix beside it); 1,000 random damages to
framing bytes of a log of 10,000 commands, one at a time; 1,000 random single-byte damages to an RDB of 10,000 keys with
a checksum, made by --redis (redis-server), and whether the plan speaks of the keys and values that were not there; and of
the files named, the plan against verify, runs alternating, minimum and median. Options: --redisk PATH (default
target/release/redisk), --runs N (5), --damages N (1000), --seed N. Nothing is asserted: figures are for eyes.
"""
import argparse
import base64
import collections
import json
import os
import random
import shutil
import socket
import statistics
import subprocess
import tempfile
import time


def command(*words):
    words = [w if isinstance(w, bytes) else str(w).encode() for w in words]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(w), w) for w in words)


def log(n, chance):
    out = [command("SELECT", 0)]
    while len(out) < n:
        k, text = chance.randrange(10**6), "x" * chance.randrange(1, 60)
        out.append(chance.choice([
            lambda: command("SET", f"key:{k}", text),
            lambda: command("HSET", f"user:{k}", "name", text, "age", k % 99),
            lambda: command("RPUSH", f"list:{k % 50}", k, text),
            lambda: command("DEL", f"user:{k}"),
            lambda: command("INCRBY", f"counter:{k % 10}", k),
            lambda: command("SET", f"bin:{k}", k.to_bytes(8, "little") * 5),
            lambda: command("PEXPIREAT", f"user:{k}", 1893456000000),
        ])())
    return out


def framing(one):
    """Offsets of the bytes that frame a command: its lines, the CRLFs behind its arguments, its name."""
    at, places, first = one.index(b"\r\n") + 2, [], True
    places += range(at)
    while at < len(one):
        end = one.index(b"\r\n", at)
        body, n = end + 2, int(one[at + 1:end])
        places += range(at, body)
        if first:
            places += range(body, body + n)
        places += [body + n, body + n + 1]
        at, first = body + n + 2, False
    return places


def parse(data):
    """The commands of a sound log."""
    at = 0
    while at < len(data):
        start, end = at, data.index(b"\r\n", at)
        argc, at = int(data[at + 1:end]), end + 2
        for _ in range(argc):
            end = data.index(b"\r\n", at)
            at = end + 2 + int(data[at + 1:end]) + 2
        yield data[start:at]


def repair(args, path, *more):
    """The repaired bytes and the plan, or None twice."""
    out = path + ".out"
    for old in os.listdir(os.path.dirname(path)):
        if ".out" in old:
            os.remove(os.path.join(os.path.dirname(path), old))
    ran = subprocess.run([args.redisk, "repair", path, "--out", out, "--json", *more], capture_output=True)
    return (open(out, "rb").read(), json.loads(ran.stdout)) if ran.returncode == 0 else (None, None)


def logs(args, chance, folder):
    path = os.path.join(folder, "log.aof")
    whole = log(1000, chance)
    data = bytearray(b"".join(whole))
    # The number of words of the command in the middle.
    data[len(b"".join(whole[: len(whole) // 2])) + 1] = ord("9")
    open(path, "wb").write(data)
    kept = sum(1 for _ in parse(repair(args, path)[0]))
    print(f"1 byte in the middle of {len(whole)} commands: {len(whole) - kept} lost", end="")
    if args.check_aof:
        subprocess.run([args.check_aof, "--fix", path], input=b"y\n", capture_output=True)
        print(f"; {os.path.basename(args.check_aof)} --fix leaves {os.path.getsize(path)} of {len(data)} bytes", end="")
    print()
    whole = log(10000, chance)
    data, lost, new, worst, failed = b"".join(whole), 0, 0, 0, 0
    offsets = [0]
    for one in whole:
        offsets.append(offsets[-1] + len(one))
    for _ in range(args.damages):
        n = chance.randrange(len(whole))
        place = offsets[n] + chance.choice(framing(whole[n]))
        bad = bytearray(data)
        bad[place] ^= chance.randrange(1, 256)
        open(path, "wb").write(bad)
        repaired, _ = repair(args, path)
        if repaired is None:
            failed += 1
            continue
        left = collections.Counter(parse(repaired))
        before = collections.Counter(whole)
        gone = sum((before - left).values())
        lost, worst = lost + gone, max(worst, gone)
        # What the log did not hold before it was damaged: a letter of a name that makes another name.
        new += sum(1 for one in left - before if one not in bytes(bad))
    print(f"{args.damages} damages to framing bytes of {len(whole)} commands: {lost / max(args.damages - failed, 1):.3f} lost on average, "
          f"{worst} at most, {new} in the output that the input does not hold byte for byte, {failed} not repaired")


def server(args, folder):
    path = os.path.join(folder, "s")
    child = subprocess.Popen([args.redis, "--port", "0", "--unixsocket", path, "--dir", folder, "--save", ""],
                             stdout=subprocess.DEVNULL)
    with socket.socket(socket.AF_UNIX) as s:
        for _ in range(500):
            try:
                s.connect(path)
                break
            except OSError:
                time.sleep(0.02)
        chance = random.Random(args.seed)
        for n in range(10000):
            text = "".join(chance.choice("abcdefgh ") for _ in range(chance.randrange(5, 200)))
            one = chance.choice([
                ("SET", f"string:{n}", text), ("HSET", f"hash:{n}", "a", text, "b", n), ("SADD", f"set:{n}", text, n),
                ("RPUSH", f"list:{n}", text, n, text), ("ZADD", f"zset:{n}", n, text), ("SADD", f"ints:{n}", n, n + 7),
                ("SET", f"number:{n}", n),
            ])
            s.sendall(command(*one))
            s.recv(100)
        s.sendall(command("SAVE"))
        s.recv(100)
    child.kill()
    child.wait()
    return os.path.join(folder, "dump.rdb")


def keys(args, path):
    out = subprocess.run([args.redisk, "dump", "--data-only", "--binary", "base64", path], capture_output=True).stdout
    found = {}
    for line in out.splitlines():
        one = json.loads(line)
        name = base64.b64decode(one["key"]).decode("latin-1")
        found[name] = json.dumps([one["db"], one["value"], one.get("expire_ms")])
    return found


def explained(plan, name):
    """How a key that was not there, or not so, is spoken of: by its name, or by the note on the checksum."""
    file = plan["files"][0]
    whys = [d["why"] for d in file["doubtful"]]
    quoted = json.dumps(name)[1:-1]
    if any(f'"{quoted}"' in why or f'"{name}"' in why for why in whys):
        return "named"
    if any(key["key"] == name for patch in file["patches"] for key in patch["keys"]):
        return "named"
    return "checksum" if any("checksum" in why for why in whys) else "silent"


def rdbs(args, chance, folder):
    if not shutil.which(args.redis):
        print(f"no {args.redis}: the row of RDB files is left out")
        return
    data = open(server(args, folder), "rb").read()
    path = os.path.join(folder, "bad.rdb")
    open(path, "wb").write(data)
    before, good, worst, failed = keys(args, path), 0, 1.0, 0
    names, values = collections.Counter(), collections.Counter()
    for _ in range(args.damages):
        bad = bytearray(data)
        bad[chance.randrange(9, len(data))] ^= chance.randrange(1, 256)
        open(path, "wb").write(bad)
        repaired, plan = repair(args, path, "--accept-checksum")
        if repaired is None:
            failed += 1
            continue
        after = keys(args, path + ".out")
        share = sum(1 for k, v in after.items() if before.get(k) == v) / len(before)
        good, worst = good + (share >= 0.99), min(worst, share)
        for name, value in after.items():
            if before.get(name) != value:
                (values if name in before else names)[explained(plan, name)] += 1
    print(f"{args.damages} damages to an RDB of {len(before)} keys: at least 99 % recovered in {good / args.damages:.1%}, "
          f"{worst:.2%} at worst, {failed} not repaired")
    for what, count in (("names", names), ("values", values)):
        print(f"  {what} that were not there: {count.total()}; listed as doubtful or lost {count['named']}, "
              f"explained by the note on the checksum alone {count['checksum']}, unspoken of {count['silent']}")


def speed(args, path):
    times = collections.defaultdict(list)
    for _ in range(args.runs):
        for what in ("verify", "repair"):
            start = time.monotonic()
            subprocess.run([args.redisk, what, path], stdout=subprocess.DEVNULL)
            times[what].append(time.monotonic() - start)
    say = {w: f"{min(t):.2f} s (median {statistics.median(t):.2f})" for w, t in times.items()}
    ratio = min(times["repair"]) / min(times["verify"])
    print(f"{os.path.basename(path)}: plan {say['repair']}, verify {say['verify']}: {ratio:.2f} times")


def main():
    p = argparse.ArgumentParser()
    p.add_argument("files", nargs="*")
    p.add_argument("--redisk", default="target/release/redisk")
    p.add_argument("--redis", default="redis-server")
    p.add_argument("--check-aof")
    p.add_argument("--runs", type=int, default=5)
    p.add_argument("--damages", type=int, default=1000)
    p.add_argument("--seed", type=int, default=1)
    args = p.parse_args()
    chance = random.Random(args.seed)
    with tempfile.TemporaryDirectory() as folder:
        logs(args, chance, folder)
    with tempfile.TemporaryDirectory() as folder:
        rdbs(args, chance, folder)
    for path in args.files:
        speed(args, path)


main()
