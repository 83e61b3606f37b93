"""The closing line of ./dev test: what each runner's report adds to it."""

import pathlib
import subprocess
import sys

TALLY = pathlib.Path(__file__).resolve().parents[2] / "scripts/dev/tally.py"

GTEST_OUTPUT = """\
[ RUN      ] Math.Adds
[       OK ] Math.Adds (0 ms)
[ RUN      ] Math.Wide
/a/math_test.cpp:7: Skipped
no AVX-512 here

[  SKIPPED ] Math.Wide (0 ms)
[ RUN      ] Math/Sizes.Fits/3
[  FAILED  ] Math/Sizes.Fits/3, where GetParam() = 3 (0 ms)
[  PASSED  ] 1 test.
[  SKIPPED ] 1 test, listed below:
[  SKIPPED ] Math.Wide
[  FAILED  ] 1 test, listed below:
[  FAILED  ] Math/Sizes.Fits/3, where GetParam() = 3

 1 FAILED TEST
"""


def tally(folder, **reports):
    for name, content in reports.items():
        suffix = "tsv" if name == "steps" else "xml"
        (folder / f"{name.replace('_', '-')}.{suffix}").write_text(content, encoding="utf-8")
    done = subprocess.run([sys.executable, TALLY, folder], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout.splitlines()


def ctest(*cases):
    return "<testsuite>" + "".join(cases) + "</testsuite>"


def case(name, status, output="", inside=""):
    return f'<testcase name="{name}" status="{status}">{inside}<system-out>{output}</system-out></testcase>'


def test_cases_of_a_gtest_program_count_one_by_one(tmp_path):
    code, lines = tally(tmp_path, ctest_release=ctest(case("math", "fail", GTEST_OUTPUT, "<failure/>")))
    assert code == 1
    assert lines == [
        "skipped: ctest-release: math Math.Wide: no AVX-512 here",
        "failed: ctest-release: math Math/Sizes.Fits/3",
        "1 passed, 1 failed, 1 skipped",
    ]


def test_a_program_that_dies_is_one_failure(tmp_path):
    code, lines = tally(tmp_path, ctest_asan=ctest(case("math", "fail", "[ RUN      ] Math.Adds\n==1==ERROR: ...")))
    assert code == 1 and lines[-1] == "0 passed, 1 failed, 0 skipped"


def test_a_program_that_dies_after_its_summary_still_fails(tmp_path):
    code, lines = tally(tmp_path, ctest_asan=ctest(case("math", "fail", "[  PASSED  ] 3 tests.\n==1==LeakSanitizer")))
    assert code == 1 and lines[-1] == "3 passed, 1 failed, 0 skipped"


def test_a_program_that_skips_itself(tmp_path):
    skipping = case("math.avx3", "notrun", "this machine lacks avx3", '<skipped message="SKIP_RETURN_CODE=77"/>')
    code, lines = tally(tmp_path, ctest_release=ctest(case("other", "run", "[  PASSED  ] 2 tests."), skipping))
    assert code == 0
    assert lines == ["skipped: ctest-release: math.avx3: this machine lacks avx3", "2 passed, 0 failed, 1 skipped"]


def test_pytest_and_steps_are_added(tmp_path):
    pytest_report = (
        '<testsuites><testsuite><testcase classname="a" name="ok"/>'
        '<testcase classname="a" name="bad"><failure/></testcase>'
        '<testcase classname="a" name="later"><skipped message="no model here"/></testcase></testsuite></testsuites>'
    )
    code, lines = tally(tmp_path, pytest_release=pytest_report, steps="passed\tfuzz gguf\t\nfailed\tfuzz text\tcrash\n")
    assert code == 1
    assert lines[-1] == "2 passed, 2 failed, 1 skipped"
    assert "skipped: a.later: no model here" in lines and "failed: fuzz text: crash" in lines


def test_nothing_run_is_a_failure(tmp_path):
    assert tally(tmp_path) == (1, ["0 passed, 0 failed, 0 skipped"])
