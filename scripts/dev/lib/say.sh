# What the user of ./dev sees: progress lines and one-line errors, both on stderr so that results stay alone on stdout.
# Sets `root` (the checkout) and `store` (where models and test data are kept between builds).
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
store=${TIDEMILL_HOME:-${XDG_CACHE_HOME:-$HOME/.cache}/tidemill}
logs=$root/build/log

# Without this a step that Ctrl-C ends would be told as a step that failed.
trap 'exit 130' INT

say() { echo "dev: $*" >&2; }

# die "THING: WHY; WHAT TO DO"
die() {
  echo "error: $*" >&2
  exit 1
}

# usage_error "THING: WHY; WHAT TO DO": a wrong command line, exit status 2 like the program's own.
usage_error() {
  echo "error: $*" >&2
  exit 2
}

# quietly NAME COMMAND...   Runs a command with its output in build/log/NAME.log; shows the end of it when it fails.
quietly() {
  local log=$logs/$1.log
  shift
  mkdir -p "$logs"
  "$@" >"$log" 2>&1 && return
  tail -n 20 "$log" >&2
  return 1
}
