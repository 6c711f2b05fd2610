"""Run every benchmark and print its table, with the machine and the command that reproduces it.

Usage: python benchmarks/run.py [AREA ...]; without an area, all of them.
"""

import platform
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if not cpuinfo.exists():
        return platform.processor()
    names = [line.split(":")[1].strip() for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
    return f"{len(names)} x {names[0]}" if names else platform.machine()


def main() -> int:
    wanted = set(sys.argv[1:])
    print(f"{processor()}, {platform.system()} {platform.release()}, Python {platform.python_version()}\n", flush=True)
    failed = 0
    for script in sorted(HERE.glob("bench_*.py")):
        area = script.stem.removeprefix("bench_")
        if wanted and area not in wanted:
            continue
        print(f"## {area}    python benchmarks/run.py {area}", flush=True)
        failed += subprocess.run([sys.executable, str(script)], check=False).returncode != 0
        print(flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
