#!/usr/bin/env python3
"""A git repository with a history of N commits, made by git fast-import: C files that grow, shrink, are renamed
and merged, an allocation without release now and then, a library bump, a big data file.

    deploy_make.py DIR N [SEED]

Tags: v0 (the beginning), v1 (N commits later)."""
import random
import subprocess
import sys

REASONS = ["\tchar *reply = malloc(n);\n\tif (!reply)\n\t\treturn -1;\n\tuse(reply);\n",
           "\tchar *copy = strdup(name);\n\tif (bad(copy))\n\t\treturn -1;\n\tfree(copy);\n",
           "\tint k = n * 3;\n\tif (k > 7)\n\t\tlog_it(k);\n", "\tEncode(&out, n);\n\tuse(out);\n"]


def function(rng, serial):
    return f"int step_{serial}(char *name, int n)\n{{\n\tchar *out = NULL;\n{rng.choice(REASONS)}\treturn n + {serial};\n}}\n\n"


def main():
    where, n = sys.argv[1], int(sys.argv[2])
    rng = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 1)
    files = {f"src/part{i // 20}/file{i}.c": [function(rng, i * 1000 + k) for k in range(15)] for i in range(120)}
    subprocess.run(["git", "init", "-q", where], check=True)
    imp = subprocess.Popen(["git", "-C", where, "fast-import", "--quiet"], stdin=subprocess.PIPE)
    out = imp.stdin.write

    def data(text):
        raw = text.encode()
        out(b"data %d\n%s\n" % (len(raw), raw))

    def commit(mark, subject, changed, parent=None, other=None, gone=()):
        out(b"commit refs/heads/main\nmark :%d\n" % mark)
        when = 1700000000 + mark * 600
        out(b"author Dev %d <dev%d@example.org> %d +0000\n" % (mark % 17, mark % 17, when - 5000))
        out(b"committer Dev <dev@example.org> %d +0000\n" % when)
        data(subject)
        if parent:
            out(b"from :%d\n" % parent)
        if other:
            out(b"merge :%d\n" % other)
        for was, now in gone:
            out(f"R {was} {now}\n".encode())
        for path in changed:
            out(f"M 100644 inline {path}\n".encode())
            data("".join(files[path]))

    mark, serial, side = 1, 10000000, None
    files["go.mod"] = ["module x\n\nrequire example.org/lib v1.0.0\n"]
    commit(mark, "the beginning", files)
    out(b"reset refs/tags/v0\nfrom :1\n\n")
    while mark <= n:
        parent, mark = mark, mark + 1
        changed, gone = set(), []
        sources = [p for p in files if p.endswith(".c")]
        for path in rng.sample(sources, rng.choice([1, 1, 1, 2, 2, 3, 5])):
            body, serial = files[path], serial + 1
            what = rng.random()
            if what < 0.55 or len(body) < 6:
                body.insert(rng.randrange(len(body) + 1), function(rng, serial))
            elif what < 0.75:
                del body[rng.randrange(len(body))]
            else:
                at = rng.randrange(len(body))
                lines = body[at].splitlines(True)
                lines.insert(3, rng.choice(REASONS))
                body[at] = "".join(lines)
            changed.add(path)
        if rng.random() < 0.01:
            files["go.mod"] = [f"module x\n\nrequire example.org/lib v1.{mark}.0\n"]
            changed.add("go.mod")
        if rng.random() < 0.01:
            was = rng.choice(sources)
            if was not in changed:
                now = f"src/moved/file{mark}.c"
                files[now] = files.pop(was)
                gone.append((was, now))
        other = None
        if rng.random() < 0.05 and side is None:
            # a branch of one commit that touches a file of its own, merged soon after
            path = f"src/side/side{mark}.c"
            files[path] = [function(rng, serial)]
            side = (mark, path)
            commit(mark, f"side work {mark}", [path], parent)
            files_of_side = files.pop(path)
            mark += 1
            commit(mark, f"work {mark}", changed, parent, None, gone)
            mark += 1
            files[path] = files_of_side
            commit(mark, f"merge side {side[0]}", [path], mark - 1, side[0])
            side = None
            continue
        commit(mark, f"work {mark}", changed, parent, other, gone)
    out(b"reset refs/tags/v1\nfrom :%d\n\n" % mark)
    imp.stdin.close()
    if imp.wait() != 0:
        sys.exit("git fast-import failed")


main()
