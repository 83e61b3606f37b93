# Configure and build one CMake preset.

# One compiler per core, but not more than memory holds: the vector kernels take up to 1.5 GB each.
build_jobs() {
  local cores memory_gb
  cores=$(nproc)
  memory_gb=$(awk '/^MemAvailable/ {print int($2 / 1048576)}' /proc/meminfo)
  local fitting=$((memory_gb * 2 / 3))
  echo $((fitting < 1 ? 1 : fitting < cores ? fitting : cores))
}

# need_build PRESET [TARGET...]   Without a target everything of the preset is built.
need_build() {
  local preset=$1 target options=()
  shift
  need_packages "build" "${build_packages[@]}"
  [[ $preset == fuzz ]] && need_packages "build the fuzz targets" "${fuzz_packages[@]}"
  for target; do options+=(--target "$target"); done
  say "building $preset${*:+ ($*)}"
  if [[ ! -f $root/build/$preset/build.ninja ]]; then
    (cd "$root" && quietly "configure-$preset" cmake --preset "$preset") ||
      die "cmake: could not configure the preset '$preset'; see $logs/configure-$preset.log"
  fi
  cmake --build "$root/build/$preset" --parallel "$(build_jobs)" "${options[@]}" >&2 ||
    die "build: the preset '$preset' does not compile; the compiler's words are above"
}
