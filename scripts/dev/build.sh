# ./dev build [PRESET]: builds everything of one preset into build/PRESET.
. "$(dirname "$0")/lib.sh"

[[ $# -le 1 ]] || usage_error "dev build: one preset at a time; give release, debug, asan, tsan or fuzz"
preset=${1:-release}
case $preset in
  release | debug | asan | tsan | fuzz) need_build "$preset" ;;
  *) usage_error "dev build: there is no preset '$preset'; give release, debug, asan, tsan or fuzz" ;;
esac
[[ $preset == release ]] && say "built $root/build/release/tidemill"
exit 0
