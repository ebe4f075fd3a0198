"""Measure the speed figures and print one table: ``./dev bench [--quick] [--only NAME] [--seconds N] [--runs N]``."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench import machine
from bench.processes import Failed
from bench.session import Session
from bench.table import Row, show

FIGURES = ("burst", "sustained", "latency", "fanout", "footprint", "page", "growth", "rights", "signin")


def parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench", description="Measure the speed figures; one table at the end.")
    parser.add_argument("--quick", action="store_true", help="shorter samples, one round, a tenth of the stored data")
    parser.add_argument(
        "--only", action="append", choices=FIGURES, default=[], metavar="NAME", help=f"of {', '.join(FIGURES)}"
    )
    parser.add_argument("--seconds", type=_positive, help="of each sample, instead of each figure's own")
    parser.add_argument("--runs", type=_count, help="rounds, instead of each figure's own")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there too")
    return parser.parse_args(argv)


def _positive(value: str) -> float:
    seconds = float(value)
    if not 0 < seconds <= 600:
        raise argparse.ArgumentTypeError("more than 0, at most 600")
    return seconds


def _count(value: str) -> int:
    runs = int(value)
    if not 1 <= runs <= 20:
        raise argparse.ArgumentTypeError("from 1 to 20")
    return runs


def say(text: str) -> None:
    print(text, flush=True)


def scratch() -> Path:
    """Where everything is written: ``BENCH_TMP``, or a folder that the next run finds again."""
    return Path(os.environ.get("BENCH_TMP") or Path(tempfile.gettempdir()) / f"patchbay-bench-{os.getuid()}")


def main(argv: Sequence[str] | None = None) -> int:
    chosen = parse(sys.argv[1:] if argv is None else argv)
    if sys.platform != "linux":
        say("The benchmarks pin processes to cores and read /proc: they need Linux.")
        return 2
    folder = scratch()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    cores = machine.cores()
    os.sched_setaffinity(0, {cores[1]})
    session = Session(folder, chosen.quick, chosen.seconds, chosen.runs, cores, say)
    say(f"Server on core {cores[0]}, load on core {cores[1]}; scratch data in {folder}.")
    rows: list[Row] = []
    began, broken = time.monotonic(), False
    for name in chosen.only or FIGURES:
        at = time.monotonic()
        say(f"\n{name} ...")
        try:
            rows += import_module(f"bench.figures.{name}").measure(session)
        except Failed as error:
            broken = True
            say(f"    {error}")
            rows.append(Row(name, "-", skipped=str(error).splitlines()[0]))
        say(f"    {time.monotonic() - at:.0f} s")
    say("\n" + show(rows))
    for baseline, reason in session.missing.items():
        say(f"  {baseline} was skipped: {reason}")
    say(f"\n{machine.facts()}; {time.monotonic() - began:.0f} s{', quick' if chosen.quick else ''}")
    if chosen.json is not None:
        told = {"machine": machine.facts(), "quick": chosen.quick, "rows": [row.as_json() for row in rows]}
        chosen.json.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    return 1 if broken else 0


if __name__ == "__main__":
    raise SystemExit(main())
