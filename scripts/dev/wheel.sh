# ./dev wheel: builds the Python wheel into build/wheels and tests it in an environment of its own.
. "$(dirname "$0")/lib.sh"

[[ $# -eq 0 ]] || usage_error "dev wheel: takes no arguments"
rm -rf "$report"
mkdir -p "$report"
build_wheel
test_wheel
python3 "$root/scripts/dev/tally.py" "$report"
say "to use it: pip install $(echo "$wheels"/*.whl)"
