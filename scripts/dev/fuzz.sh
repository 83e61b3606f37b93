# ./dev fuzz [TARGET] [--seconds N]: one fuzz target, or all of them one after another; `differential` is one, too.
. "$(dirname "$0")/lib.sh"

seconds=60 targets=()
while [[ $# -gt 0 ]]; do
  case $1 in
    --seconds)
      [[ ${2:-} =~ ^[1-9][0-9]{0,5}$ ]] || usage_error "dev fuzz: --seconds needs a number; for example --seconds 600"
      seconds=$2
      shift 2
      ;;
    -*) usage_error "dev fuzz: '$1' is not an option; give [TARGET] [--seconds N]" ;;
    *)
      fuzz_targets | grep -qx -- "$1" || usage_error "dev fuzz: there is no target '$1'; there are: $(fuzz_targets | tr '\n' ' ')"
      targets+=("$1")
      shift
      ;;
  esac
done
[[ ${#targets[@]} -gt 0 ]] || mapfile -t targets < <(fuzz_targets)

[[ ${targets[*]} == differential ]] || need_build fuzz
failed=0
for target in "${targets[@]}"; do run_fuzz "$target" "$seconds" || failed=1; done
exit $failed
