# ./dev wheel: builds the Python wheels into build/wheels, for CPython 3.11 and, where one is there, for 3.12 and all later
# ones, and tests each in an environment of its own, types included.
. "$(dirname "$0")/lib.sh"

[[ $# -eq 0 ]] || usage_error "dev wheel: takes no arguments"
rm -rf "$report" "$wheels"
mkdir -p "$report"
mapfile -t newer < <(newer_pythons)
build_wheel
if [[ ${#newer[@]} -gt 0 ]]; then
  build_stable_wheel "${newer[0]}"
else
  say "no Python 3.12 or newer is here: the wheel for these is not built"
fi
repair_wheels
wheel_types=yes
own=$(ls "$wheels"/*-cp311-cp311-*.whl 2>/dev/null || true)
[[ -z $own ]] || test_wheel python3 "$own"
for python in "${newer[@]}"; do test_wheel "$python" "$(ls "$wheels"/*-abi3-*.whl)"; done
python3 "$root/scripts/dev/tally.py" "$report"
say "to use one: pip install" "$wheels"/*.whl
