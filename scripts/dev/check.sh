# ./dev check: what to run before a commit. Format, clang-tidy on the files that differ from main, build, quick tests.
. "$(dirname "$0")/lib.sh"

need_packages "check" "${check_packages[@]}"
bash "$root/scripts/dev/format.sh" --check
need_build release

cd "$root"
base=$(git merge-base HEAD origin/main 2>/dev/null || git rev-parse HEAD)
mapfile -t changed < <({ git diff --name-only --diff-filter=d "$base"; git ls-files --others --exclude-standard; } |
  grep -E '^(src|cli|serve|bench)/.*\.cpp$' | sort -u)
if [[ ${#changed[@]} -gt 0 ]]; then
  say "clang-tidy on ${#changed[@]} changed files"
  printf '%s\0' "${changed[@]}" |
    xargs -0 -n 1 -P "$(build_jobs)" clang-tidy-19 -p build/release --quiet --extra-arg=-Wno-unknown-warning-option 2> >(grep -v 'warnings\? generated' >&2) ||
    die "clang-tidy: has objections to the lines above; mend them, or argue in .clang-tidy"
fi
bash "$root/scripts/dev/test.sh"
