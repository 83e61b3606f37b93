# Debian and Ubuntu packages: only the missing ones, named before they are installed.
# Names carry the release where it matters (clang-19), so that everyone builds with the same tools.

# Debian 12's own Boost, 1.74, is too old for the server; later releases have a newer one.
boost_package=libboost-dev
[[ $(. /etc/os-release 2>/dev/null && echo "${ID:-} ${VERSION_ID:-}") != "debian 12" ]] || boost_package=libboost1.81-dev
build_packages=(g++ cmake ninja-build ccache libhwy-dev libpcre2-dev nlohmann-json3-dev libgtest-dev "$boost_package" libssl-dev
  libtomlplusplus-dev prometheus-cpp-dev libhiredis-dev libzstd-dev libsnappy-dev zlib1g-dev libxxhash-dev)
python_packages=(python3 python3-venv ca-certificates)
fuzz_packages=(clang-19 libclang-rt-19-dev)
test_packages=(redis-tools)
check_packages=(clang-format-19 clang-tidy-19)

is_installed() { [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; }

# as_root COMMAND...   For a user who is not root this asks sudo, which may ask for a password.
as_root() {
  if [[ $EUID -eq 0 ]]; then "$@"; else sudo "$@"; fi
}

# need_packages WHAT_FOR PACKAGE...
need_packages() {
  local purpose=$1 package missing=()
  shift
  if ! command -v dpkg-query >/dev/null; then
    say "no dpkg here: going on as if these were installed: $*"
    return
  fi
  for package; do is_installed "$package" || missing+=("$package"); done
  [[ ${#missing[@]} -eq 0 ]] && return
  say "to install with apt, needed to $purpose: ${missing[*]}"
  [[ $EUID -eq 0 ]] || command -v sudo >/dev/null ||
    die "apt: not root, and sudo is not installed; run this as root once: apt-get install --no-install-recommends ${missing[*]}"
  install_packages "${missing[@]}"
}

install_packages() {
  local options=(--yes --no-install-recommends -o DPkg::Lock::Timeout=300)
  quietly apt-update as_root apt-get update || say "apt-get update failed; trying with the package lists that are here"
  LC_ALL=C apt-get install --simulate "${options[@]}" "$@" >/dev/null 2>&1 ||
    die "apt: this release does not have all of: $*; use Debian 12, Ubuntu 24.04 or a newer release of either"
  { LC_ALL=C apt-get install --assume-no --no-install-recommends "$@" 2>/dev/null || true; } |
    sed -n -e 's/^Need to get \(.*\) of archives.*/dev:   download \1/p' \
      -e 's/^After this operation, \(.*\) of additional.*/dev:   on disk \1/p' >&2
  quietly apt-install as_root env DEBIAN_FRONTEND=noninteractive apt-get install "${options[@]}" "$@" ||
    die "apt: could not install $*; see $logs/apt-install.log"
}
