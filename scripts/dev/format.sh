# ./dev format [--check]: lays out every C++ file by .clang-format; --check only names the files that differ.
. "$(dirname "$0")/lib.sh"

mode=(-i)
case ${1:-} in
  "") ;;
  --check) mode=(--dry-run --Werror) ;;
  *) usage_error "dev format: '$1' is not an option; give --check or nothing" ;;
esac
need_packages "format" clang-format-19
cd "$root"
mapfile -t files < <(find include src cli serve bench -name '*.h' -o -name '*.cpp' 2>/dev/null | sort)
clang-format-19 "${mode[@]}" "${files[@]}" || die "format: the files above are not laid out by .clang-format; run ./dev format"
