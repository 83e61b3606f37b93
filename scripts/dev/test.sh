# ./dev test [--slow]: installs what the tests need, builds and runs them; the last line counts them all.
# --slow runs the slow tier instead: examples on large engines, unit tests and those of the wheel under sanitizers, and every
# fuzz target for a minute.
. "$(dirname "$0")/lib.sh"

tier=quick
case ${1:-} in
  "") ;;
  --slow) tier=slow ;;
  *) usage_error "dev test: '$1' is not an option; give --slow or nothing" ;;
esac
[[ $# -le 1 ]] || usage_error "dev test: one option at a time; give --slow or nothing"

rm -rf "$report"
mkdir -p "$report"

need_packages "test rate limits that servers share" "${test_packages[@]}"
need_requirements "$root/tests/requirements.txt"
if ! has_default_model; then
  need_default_model
  say_gemma_terms
fi
export TIDEMILL_BUILD=$root/build/release
export TIDEMILL_MODEL_GEMMA=$default_model_file

if [[ $tier == quick ]]; then
  need_gemma_tokenizer
  [[ -f $gemma_tokenizer_file ]] && export TIDEMILL_GEMMA_TOKENIZER_JSON=$gemma_tokenizer_file
  if fetch_minilm; then
    export TIDEMILL_MODEL_MINILM=$minilm_folder
  else
    say "tests of embeddings with a real model will be skipped"
  fi
  need_build release
  run_ctest release
  run_pytest tests
  rm -rf "$wheels"
  build_wheel
  test_wheel
fi

if [[ $tier == slow ]]; then
  need_requirements "$root/tests/requirements-slow.txt"
  need_build release
  run_pytest tests/examples
  need_build asan
  run_ctest asan --label-exclude slow
  test_wheel_under_asan
  need_build fuzz
  for target in $(fuzz_targets); do
    if run_fuzz "$target" 60; then record passed "fuzz $target"; else record failed "fuzz $target"; fi
  done
fi

say "all of it took $((SECONDS / 60)) min $((SECONDS % 60)) s"
python3 "$root/scripts/dev/tally.py" "$report"
