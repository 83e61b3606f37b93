# The Python package: wheels over the release build, and environments with nothing but a wheel and its tests' needs.
wheels=$root/build/wheels
wheel_environment=$root/build/wheel-venv

# build_wheel [PYTHON]   By an interpreter whose packages have what builds wheels; that of the project without one.
build_wheel() {
  local python=${1:-}
  if [[ -z $python ]]; then
    need_packages "build the Python package" python3-dev
    need_requirements "$root/python/requirements.txt"
    python=$venv/bin/python
  fi
  need_build release tidemill_lib tidemill
  say "building a wheel for $("$python" --version) into ${wheels#"$root"/}"
  quietly wheel "$python" -m pip wheel --no-deps --no-build-isolation --wheel-dir "$wheels" \
    --config-settings=cmake.define.TIDEMILL_BUILD="$root/build/release" "$root/python" ||
    die "wheel: it could not be built; see $logs/wheel.log"
}

# Interpreters from 3.12 on, one a line: they share a wheel of the stable interface.
newer_pythons() {
  local python
  for python in python3.{12..19} "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.1[2-9]*/bin/python3; do
    "$python" -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 12))' 2>/dev/null && echo "$python"
  done | awk '!seen[$0]++'
}

# build_stable_wheel PYTHON   In an environment of its own.
build_stable_wheel() {
  local environment=$root/build/wheel-stable-venv
  quietly wheel-stable-venv "$1" -m venv --clear "$environment" || die "$environment: $1 could not make it"
  quietly wheel-stable-pip "$environment/bin/python" -m pip install --no-deps --requirement "$root/python/requirements.txt" ||
    die "pip: could not install python/requirements.txt for $1; see $logs/wheel-stable-pip.log"
  build_wheel "$environment/bin/python"
}

# Wheels that carry the libraries which not every Linux has, and say how old a system may be.
repair_wheels() {
  need_requirements "$root/python/requirements-repair.txt"
  local wheel
  for wheel in "$wheels"/*-linux_*.whl; do
    PATH=$venv/bin:$PATH quietly auditwheel "$venv/bin/python" -m auditwheel repair --wheel-dir "$wheels" "$wheel" ||
      die "auditwheel: ${wheel##*/} could not be repaired; see $logs/auditwheel.log"
    rm "$wheel"
  done
}

# install_wheel PYTHON WHEEL   Into a fresh environment, with what its tests import.
install_wheel() {
  quietly wheel-venv "$1" -m venv --clear "$wheel_environment" ||
    die "$wheel_environment: $1 could not make it; see $logs/wheel-venv.log"
  local requirements=(--requirement "$root/python/tests/requirements.txt")
  [[ -z ${wheel_types:-} ]] || requirements+=(--requirement "$root/python/tests/requirements-types.txt")
  quietly wheel-install "$wheel_environment/bin/python" -m pip install --no-deps "${requirements[@]}" "$2" ||
    die "wheel: it could not be installed; see $logs/wheel-install.log"
}

# test_wheel [PYTHON [WHEEL]]   Leaves outcomes in $report, as the suites do.
test_wheel() {
  local python=${1:-python3} wheel=${2:-} name
  [[ -n $wheel ]] || wheel=$(echo "$wheels"/*.whl)
  name=pytest-wheel-$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
  install_wheel "$python" "$wheel"
  say "tests of ${wheel##*/} (pytest, $("$python" --version))"
  (cd "$root/python/tests" && "$wheel_environment/bin/python" -m pytest . -q -rs -p no:cacheprovider \
    --junitxml="$report/$name.xml") ||
    [[ -s $report/$name.xml ]] || record failed "pytest of the wheel" "pytest did not run"
}

# test_wheel_under_asan   The tests of the wheel with the module and the library under the sanitizers of the preset asan.
# Memory that was freed is kept for a while then, so tests that it stays flat say nothing; types are those of the other wheel.
test_wheel_under_asan() {
  local folder=$root/build/asan-wheel name=pytest-wheel-asan library
  need_packages "build the Python package" python3-dev
  need_requirements "$root/python/requirements.txt"
  need_build asan tidemill_lib tidemill
  say "building a wheel with sanitizers into ${folder#"$root"/}"
  rm -rf "$folder"
  quietly wheel-asan "$venv/bin/python" -m pip wheel --no-deps --no-build-isolation --wheel-dir "$folder" \
    --config-settings=build-dir="$root/build/asan-python" --config-settings=cmake.build-type=Debug \
    --config-settings=cmake.define.TIDEMILL_BUILD="$root/build/asan" \
    --config-settings=cmake.define.TIDEMILL_SANITIZED=ON "$root/python" ||
    die "wheel: it could not be built with sanitizers; see $logs/wheel-asan.log"
  install_wheel python3 "$(echo "$folder"/*.whl)"
  say "tests of the wheel under sanitizers (pytest)"
  # The interpreter is not built with them, so their library must be there before anything else, and that of C++ beside it,
  # where the sanitizer looks for what it wraps.
  library="$(g++ -print-file-name=libasan.so) $(g++ -print-file-name=libstdc++.so)"
  (cd "$root/python/tests" && LD_PRELOAD=$library ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1 \
    UBSAN_OPTIONS=print_stacktrace=1 "$wheel_environment/bin/python" -m pytest . -q -rs -p no:cacheprovider \
    --ignore=test_leaks.py --ignore=test_types.py --junitxml="$report/$name.xml") ||
    [[ -s $report/$name.xml ]] || record failed "pytest of the wheel under sanitizers" "pytest did not run"
}
