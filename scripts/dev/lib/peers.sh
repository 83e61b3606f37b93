# Other engines that benchmarks run beside ours, each in an environment of its own under build/peers.

# llama.cpp from its source package, compiled for the processor at hand, as its users would build it for speed.
need_llama_cpp() {
  local requirements=$root/bench/peers/llama_cpp_requirements.txt environment=$root/build/peers/llama-venv
  cmp -s "$requirements" "$environment/installed-requirements.txt" && return
  need_packages "build llama.cpp" "${build_packages[@]}" "${python_packages[@]}"
  say "building llama.cpp from its source package (77 MB, some ten minutes, once) into ${environment#"$root"/}"
  mkdir -p "${environment%/*}"
  quietly peer-venv python3 -m venv --clear "$environment" || die "$environment: python3 could not make it; see $logs/peer-venv.log"
  CMAKE_ARGS="-DGGML_NATIVE=ON" CMAKE_BUILD_PARALLEL_LEVEL=$(build_jobs) quietly peer-llama-cpp \
    "$environment/bin/python" -m pip install --no-deps --no-binary llama-cpp-python --requirement "$requirements" ||
    die "llama.cpp: its source package could not be built; see $logs/peer-llama-cpp.log"
  cp "$requirements" "$environment/installed-requirements.txt"
}
