"""What holds for every test: with PATCHBAY_REQUIRE_SERVICES=1 nothing may skip, so that CI hides nothing."""

from __future__ import annotations

import os

import pytest

_skipped: list[str] = []


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        _skipped.append(f"{report.nodeid}: {reason}")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if _skipped and os.environ.get("PATCHBAY_REQUIRE_SERVICES") == "1" and not hasattr(session.config, "workerinput"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _skipped:
        must = os.environ.get("PATCHBAY_REQUIRE_SERVICES") == "1"
        terminalreporter.section("skipped, and nothing may skip here" if must else "skipped")
        for line in _skipped:
            terminalreporter.write_line(line)
