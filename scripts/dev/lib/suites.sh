# The parts of ./dev test. Each leaves its outcomes in build/report, where tally.py adds them up; a failing part does
# not keep the later ones from running.
report=$root/build/report

# record passed|failed|skipped NAME [REASON]   For what has no report of its own.
record() { printf '%s\t%s\t%s\n' "$1" "$2" "${3:-}" >>"$report/steps.tsv"; }

# run_ctest PRESET [CTEST_OPTION...]
run_ctest() {
  local preset=$1
  shift
  say "unit tests ($preset)"
  local options=(--test-dir "$root/build/$preset" --output-on-failure --no-tests=error --timeout 600
    --test-output-size-passed 4000000 --test-output-size-failed 4000000 --test-output-truncation head
    --output-junit "$report/ctest-$preset.xml")
  rm -f "$report/ctest-$preset.xml"
  if ! ctest "${options[@]}" "$@"; then
    [[ -s $report/ctest-$preset.xml ]] || record failed "ctest $preset" "ctest did not run"
  fi
}

# run_pytest FOLDER   Tests that cross folders, over the release build and, where it is in the store, the real model.
run_pytest() {
  say "tests of the whole (pytest)"
  (cd "$root" && "$venv/bin/python" -m pytest "$1" -q -rs -p no:cacheprovider \
    --junitxml="$report/pytest-release.xml") ||
    [[ -s $report/pytest-release.xml ]] || record failed pytest "pytest did not run"
}

# Fuzz targets of the preset fuzz, by name without _fuzz, and `differential`, which compares the release build's
# tokenizers with the libraries that they follow.
fuzz_targets() {
  { find "$root/src" "$root/serve" -name '*_fuzz.cpp' -printf '%f\n' | sed 's/_fuzz\.cpp$//' && echo differential; } | sort
}

# run_differential SECONDS
run_differential() {
  need_requirements "$root/tests/requirements.txt"
  need_build release
  [[ -f $gemma_tokenizer_file ]] && export TIDEMILL_GEMMA_TOKENIZER_JSON=$gemma_tokenizer_file
  say "comparing tokenizers with the libraries that they follow for $1 s"
  has_default_model && export TIDEMILL_MODEL_GEMMA=$default_model_file
  TIDEMILL_BUILD=$root/build/release "$venv/bin/python" "$root/tests/fuzz/differential.py" --seconds "$1" >&2
}

# run_fuzz TARGET SECONDS   Starts from tests/fuzz/corpus/TARGET, which it only reads; what it finds new is kept in
# build/fuzz/corpus, an input that fails in build/fuzz/findings.
run_fuzz() {
  local target=$1 seconds=$2
  if [[ $target == differential ]]; then
    run_differential "$seconds"
    return
  fi
  local found=$root/build/fuzz/corpus/$target findings=$root/build/fuzz/findings seeds=$root/tests/fuzz/corpus/$target
  local folders=("$found")
  [[ -d $seeds ]] && folders+=("$seeds")
  mkdir -p "$found" "$findings"
  say "fuzzing $target for $seconds s"
  if quietly "fuzz-$target" "$root/build/fuzz/${target}_fuzz" "${folders[@]}" -max_total_time="$seconds" \
    -rss_limit_mb=1024 -timeout=10 -print_final_stats=1 -artifact_prefix="$findings/$target-"; then
    say "  $target: $(grep -oE 'stat::number_of_executed_units: +[0-9]+' "$logs/fuzz-$target.log" | grep -oE '[0-9]+$') inputs, no finding"
    return 0
  fi
  say "  $target: a finding; the input lies in $findings, the report in $logs/fuzz-$target.log"
  return 1
}
