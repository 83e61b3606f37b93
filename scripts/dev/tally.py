"""Add up the reports of all test runners: tally.py REPORT_FOLDER

Reads ctest-*.xml (ctest --output-junit over GoogleTest programs), pytest-*.xml (pytest --junitxml) and steps.tsv
(lines "passed|failed|skipped TAB name TAB reason"). Lists what was skipped and what failed, then prints
"N passed, N failed, N skipped" alone on the last line. Exit status 1 when a test failed or none passed.
"""

import collections
import pathlib
import re
import sys
import xml.etree.ElementTree as ElementTree

Outcome = collections.namedtuple("Outcome", "kind name reason count", defaults=("", 1))

GTEST_PASSED = re.compile(r"^\[  PASSED  \] (\d+) tests?\.", re.MULTILINE)
GTEST_SKIPPED = re.compile(r"^[^\n]*: Skipped\n(.*?)\n?^\[  SKIPPED \] (\S+)(?: \(\d+ ms\))", re.MULTILINE | re.DOTALL)
GTEST_FAILED = re.compile(r"^\[  FAILED  \] ([^\s,]+)(?:, where .*)?$", re.MULTILINE)


def of_gtest(program, output):
    """The outcomes of one GoogleTest program from what it printed."""
    for passed in GTEST_PASSED.findall(output)[:1]:
        yield Outcome("passed", program, count=int(passed))
    for reason, name in GTEST_SKIPPED.findall(output):
        yield Outcome("skipped", f"{program} {name}", reason.strip())
    for name in dict.fromkeys(GTEST_FAILED.findall(output)):  # a case is named where it ran and in the summary
        yield Outcome("failed", f"{program} {name}")


def of_ctest(report):
    """One outcome per GoogleTest case; a program that died before its summary counts as one failure."""
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        name, status = f"{report.stem}: {case.get('name')}", case.get("status")
        if case.find("skipped") is not None:
            yield Outcome("skipped", name, (case.findtext("system-out") or "").strip() or "the program skipped itself")
            continue
        outcomes = list(of_gtest(name, case.findtext("system-out") or ""))
        yield from outcomes
        if status == "fail" and not any(outcome.kind == "failed" for outcome in outcomes):
            yield Outcome("failed", name, "ended without a summary (crash, sanitizer or time limit)")
        elif status == "run" and not outcomes:
            yield Outcome("passed", name)


def of_pytest(report):
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        name = f"{case.get('classname')}.{case.get('name')}"
        if case.find("failure") is not None or case.find("error") is not None:
            yield Outcome("failed", name)
        elif case.find("skipped") is not None:
            yield Outcome("skipped", name, case.find("skipped").get("message", ""))
        else:
            yield Outcome("passed", name)


def of_steps(report):
    for line in report.read_text(encoding="utf-8").splitlines():
        kind, name, reason = line.split("\t")
        yield Outcome(kind, name, reason)


def read_all(folder):
    for pattern, reader in [("ctest-*.xml", of_ctest), ("pytest-*.xml", of_pytest), ("steps.tsv", of_steps)]:
        for report in sorted(folder.glob(pattern)):
            yield from reader(report)


def main(folder):
    outcomes = list(read_all(folder))
    for kind in ("skipped", "failed"):
        for outcome in outcomes:
            if outcome.kind == kind:
                reason = " ".join(outcome.reason.split())[:200]
                print(f"{kind}: {outcome.name}" + (f": {reason}" if reason else ""))
    total = {kind: sum(o.count for o in outcomes if o.kind == kind) for kind in ("passed", "failed", "skipped")}
    print(f"{total['passed']} passed, {total['failed']} failed, {total['skipped']} skipped")
    return 0 if total["passed"] and not total["failed"] else 1


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
