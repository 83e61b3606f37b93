# The Python package: a wheel over the release build, and an environment with nothing but the wheel and its tests' needs.
wheels=$root/build/wheels
wheel_environment=$root/build/wheel-venv

build_wheel() {
  need_packages "build the Python package" python3-dev
  need_requirements "$root/python/requirements.txt"
  need_build release tidemill_lib
  say "building the wheel into ${wheels#"$root"/}"
  rm -rf "$wheels"
  quietly wheel "$venv/bin/python" -m pip wheel --no-deps --no-build-isolation --wheel-dir "$wheels" \
    --config-settings=cmake.define.TIDEMILL_BUILD="$root/build/release" "$root/python" ||
    die "wheel: it could not be built; see $logs/wheel.log"
}

# Leaves outcomes in $report, as the suites do.
test_wheel() {
  quietly wheel-venv python3 -m venv --clear "$wheel_environment" ||
    die "$wheel_environment: python3 could not make it; see $logs/wheel-venv.log"
  quietly wheel-install "$wheel_environment/bin/python" -m pip install --no-deps \
    --requirement "$root/python/tests/requirements.txt" "$wheels"/*.whl ||
    die "wheel: it could not be installed; see $logs/wheel-install.log"
  say "tests of the wheel (pytest)"
  (cd "$root/python/tests" && "$wheel_environment/bin/python" -m pytest . -q -rs -p no:cacheprovider \
    --junitxml="$report/pytest-wheel.xml") ||
    [[ -s $report/pytest-wheel.xml ]] || record failed "pytest of the wheel" "pytest did not run"
}
