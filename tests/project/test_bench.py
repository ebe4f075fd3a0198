"""The benchmarks' own arithmetic: what is asked for, what a webhook is, and what the table says. Nothing is timed."""

from __future__ import annotations

import hmac
import importlib
import json
import socket
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    sys.path.append(str(ROOT))

from bench import payloads, run, streams, wire  # noqa: E402
from bench.table import Row, Sample, median_of, number, percentile, ratio, show  # noqa: E402


def test_all_figures_are_measured_unless_some_are_named() -> None:
    everything = run.parse([])
    assert (everything.quick, everything.only, everything.seconds, everything.runs) == (False, [], None, None)
    some = run.parse(["--quick", "--only", "burst", "--only", "page", "--seconds", "2.5", "--runs", "3"])
    assert (some.quick, some.only, some.seconds, some.runs) == (True, ["burst", "page"], 2.5, 3)
    assert run.parse(["--json", "out.json"]).json == Path("out.json")


@pytest.mark.parametrize(
    "args", [["--only", "nothing"], ["--seconds", "0"], ["--seconds", "9999"], ["--runs", "0"], ["--runs", "x"], ["y"]]
)
def test_what_cannot_be_measured_is_refused(args: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run.parse(args)
    assert ended.value.code == 2
    assert "usage: ./dev bench" in capsys.readouterr().err


def test_every_figure_has_a_module_that_measures() -> None:
    pytest.importorskip("patchbay.storage.sqlite.store")
    for name in run.FIGURES:
        module = importlib.import_module(f"bench.figures.{name}")
        assert name == module.NAME
        assert callable(module.measure)
    files = {path.stem for path in (ROOT / "bench" / "figures").glob("*.py")} - {"__init__"}
    assert files == set(run.FIGURES)


def test_a_ratio_is_the_median_of_the_ratios_of_each_round() -> None:
    # the second round was slow for both: its own ratio is as good as any
    ours = [Sample(work=600, cpu_s=1, seconds=2), Sample(300, 1, 2), Sample(700, 1, 2)]
    bare = [Sample(work=1000, cpu_s=1, seconds=1), Sample(500, 1, 1), Sample(1000, 1, 1)]
    assert ratio(ours, bare) == pytest.approx(0.6)
    assert ratio(ours, bare, "per_s") == pytest.approx(0.3)
    assert ratio(ours[:1], bare) == pytest.approx(0.6)  # rounds that do not pair: median against median


def test_work_is_counted_per_second_of_the_servers_cpu() -> None:
    sample = Sample(work=1000, cpu_s=0.5, seconds=2.0, more={"p50_ms": 3.0})
    assert (sample.per_cpu_s, sample.per_s, sample.us) == (2000, 500, 500)
    assert median_of([sample, Sample(1000, 0.5, 2.0, more={"p50_ms": 5.0})], "p50_ms") == 4.0


@pytest.mark.parametrize(
    ("value", "target", "better", "verdict"),
    [
        (0.60, 0.60, "higher", "met"),
        (0.59, 0.60, "higher", "MISSED"),
        (8.0, 8.0, "lower", "met"),
        (8.1, 8.0, "lower", "MISSED"),
        (8.1, None, "lower", ""),
        (None, 1.0, "higher", ""),
    ],
)
def test_a_target_is_met_at_its_very_value(
    value: float | None, target: float | None, better: str, verdict: str
) -> None:
    row = Row("a figure", "1", value=value, target=target, better="lower" if better == "lower" else "higher")
    assert row.verdict == verdict
    assert row.as_json()["met"] is {"met": True, "MISSED": False, "": None}[verdict]


def test_the_table_shows_every_row_and_its_notes() -> None:
    rows = [
        Row("fast", "20,000/CPU-s", "bare 25,000/CPU-s", 0.8, 0.6, notes=("nothing was lost",)),
        Row("slow", "31 ms", "", 31.0, 25.0, "lower", "ms"),
        Row("absent", "-", "node ws", None, 1.0, "lower", skipped="node and npm are not here"),
    ]
    lines = show(rows).splitlines()
    assert lines[0].split() == ["figure", "ours", "baseline", "measured", "target"]
    assert lines[2].split()[-4:] == ["0.80x", ">=", "0.60x", "met"]
    assert "31.0 ms" in lines[3]
    assert lines[3].endswith("MISSED")
    assert lines[4].endswith("skipped")
    assert lines[-2:] == ["  fast: nothing was lost", "  absent: node and npm are not here"]


def test_numbers_are_short() -> None:
    assert [number(21_065.4), number(40.26), number(0.604, "x"), number(float("nan")), number(96, "webhooks")] == [
        "21,065",
        "40.3",
        "0.60x",
        "-",
        "96 webhooks",
    ]


def test_a_percentile_is_one_of_the_values() -> None:
    values = [float(n) for n in range(1, 101)]
    assert (percentile(values, 0.5), percentile(values, 0.99), percentile(values, 1.0)) == (51.0, 100.0, 100.0)
    assert percentile([], 0.5) != percentile([], 0.5)


def test_spliced_requests_are_the_webhooks_that_they_stand_for_and_never_the_same_twice() -> None:
    requests = payloads.Requests("/hook", first=7, customers=3, in_turn=True)
    seen = set()
    for count in range(6):
        head, _, body = requests.next().partition(b"\r\n\r\n")
        customer = (7 + count) % 3
        assert json.loads(body) == payloads.webhook(customer, 7 + count)
        assert f"Content-Length: {len(body)}".encode() in head
        signature = "sha256=" + hmac.digest(payloads.APP_SECRET.encode(), body, "sha256").hex()
        assert f"X-Hub-Signature-256: {signature}".encode() in head
        assert payloads.number_in(body) == 7 + count
        seen.add(body)
    assert len(seen) == 6


def test_customers_come_in_no_order_but_all_of_them() -> None:
    requests = payloads.Requests("/hook", first=0, customers=20, step=5)
    senders = []
    for _ in range(400):
        message = json.loads(requests.next().partition(b"\r\n\r\n")[2])
        senders.append(message["entry"][0]["changes"][0]["value"]["messages"][0]["from"])
    assert set(senders) == {payloads.phone(customer) for customer in range(0, 100, 5)}
    assert senders[:20] != senders[20:40]


def test_whole_frames_are_found_and_a_part_of_one_waits() -> None:
    small, large = b"\x81\x02hi", b"\x81\x7e\x01\x00" + b"x" * 256
    huge = b"\x82\x7f" + (70_000).to_bytes(8, "big") + b"y" * 70_000
    data = small + large + huge
    assert [(kind, data[begin:end]) for kind, begin, end in wire.frames(data)] == [
        (1, b"hi"),
        (1, b"x" * 256),
        (2, b"y" * 70_000),
    ]
    for cut in (1, 3, 5, len(small) + 3, len(data) - 1):
        whole = list(wire.frames(data[:cut]))
        assert len(whole) == sum(end <= cut for end in (4, 4 + 260, len(data)))


def test_an_answer_counts_once_it_is_whole() -> None:
    data = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 3\r\nRetry-After: 5\r\n\r\nno!HTTP/1.1 200 OK\r\n\r\n"
    assert wire.answer(data[:40]) is None
    assert wire.answer(data[: data.index(b"no!") + 2]) is None
    status, size = wire.answer(data) or (0, 0)
    assert (status, data[size:]) == (503, b"HTTP/1.1 200 OK\r\n\r\n")
    assert wire.answer(data[size:]) == (200, len(data) - size)


def test_masked_frames_are_as_the_protocol_has_them() -> None:
    assert wire.text(b"hi") == b"\x81\x82\0\0\0\0hi"
    assert wire.text(b"x" * 300)[:4] == b"\x81\xfe\x01\x2c"
    assert wire.pong(b"") == b"\x8a\x80\0\0\0\0"


def test_each_sign_in_is_of_somebody_else_from_somewhere_else_and_as_long_as_it_says() -> None:
    text = streams.signing_in("/login", "person%(who)07d@example.org", "a password")
    seen = set()
    for who in (0, 7, 255, 256, 70_000):
        head, _, body = streams.filled(text, who).partition(b"\r\n\r\n")
        assert f"Content-Length: {len(body)}".encode() in head
        assert json.loads(body)["email"] == f"person{who:07d}@example.org"
        (address,) = (line for line in head.split(b"\r\n") if line.startswith(b"X-Forwarded-For: 10."))
        seen.add(address)
    assert len(seen) == 5


def test_streams_of_requests_keep_their_own_rates_and_their_answers_apart() -> None:
    with Answering({b"GET /slow": (503, 0.05), b"GET /fast": (200, 0.0)}) as port:
        slow = {"name": "slow", "rate": 40.0, "text": streams.asking("/slow", {}), "connections": 2}
        fast = {"name": "fast", "rate": 100.0, "text": streams.asking("/fast", {"X-API-Key": "k"})}
        came = streams.mixed(port=port, seconds=0.5, streams=[slow, fast])
    assert (came["fast"]["acknowledged"], came["fast"]["others"]) == (50, {})
    assert (came["slow"]["acknowledged"], came["slow"]["others"]) == (0, {"503": 20})
    assert came["slow"]["p50_ms"] >= 50 > came["fast"]["p50_ms"]


class Answering:
    """A server that answers by the beginning of a request, some time after it came."""

    def __init__(self, answers: dict[bytes, tuple[int, float]]) -> None:
        self._answers = answers
        self._socket = socket.create_server(("127.0.0.1", 0))

    def __enter__(self) -> int:
        threading.Thread(target=self._accept, daemon=True).start()
        return int(self._socket.getsockname()[1])

    def __exit__(self, *error: object) -> None:
        self._socket.close()

    def _accept(self) -> None:
        with suppress(OSError):  # closed: the test is over
            while True:
                connection, _ = self._socket.accept()
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            while asked := connection.recv(4096):
                status, after_s = next(told for start, told in self._answers.items() if asked.startswith(start))
                time.sleep(after_s)
                connection.sendall(b"HTTP/1.1 %d Said\r\nContent-Length: 2\r\n\r\nok" % status)
