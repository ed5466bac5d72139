#!/usr/bin/env python3
"""A git repository of N small commits in one line, made by git fast-import within seconds.

    deploy_large.py DIR N

Tags: v0 (the first commit), v1 (1,000 before the last), v2 (the last)."""
import subprocess
import sys

BODY = "int step(char *name, int n)\n{{\n\tchar *out = malloc(n);\n\tuse(out);\n\treturn n + {};\n}}\n"


def main():
    where, n = sys.argv[1], int(sys.argv[2])
    subprocess.run(["git", "init", "-q", where], check=True)
    imp = subprocess.Popen(["git", "-C", where, "fast-import", "--quiet", "--depth=5"], stdin=subprocess.PIPE)
    out = []
    for i in range(1, n + 1):
        text, body = f"work {i}", BODY.format(i)
        out.append(f"commit refs/heads/main\nmark :{i}\ncommitter Dev <dev@example.org> {1600000000 + i * 60} +0000\n"
                   f"data {len(text)}\n{text}\n" + (f"from :{i - 1}\n" if i > 1 else "") +
                   f"M 100644 inline src/d{i % 20}/f{i % 200}.c\ndata {len(body)}\n{body}\n")
        for tag, at in (("v0", 1), ("v1", n - 1000), ("v2", n)):
            if i == at:
                out.append(f"reset refs/tags/{tag}\nfrom :{i}\n\n")
        if len(out) > 2000 or i == n:
            imp.stdin.write("".join(out).encode())
            out = []
    imp.stdin.close()
    sys.exit(imp.wait())


main()
