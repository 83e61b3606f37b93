# ./dev bench [NAME [ARGUMENTS]]: builds and runs bench/NAME_bench.cpp, or bench/NAME.py for what compares programs.
# A program named as a module of Python's own would stand in its way: tokenize is bench/tokenize_bench.py.
. "$(dirname "$0")/lib.sh"

benchmarks() {
  { find "$root/bench" -maxdepth 1 -name '*_bench.cpp' && grep -l '^    ./dev bench' "$root"/bench/*.py; } |
    sed -e 's/.*\///' -e 's/\.\(cpp\|py\)$//' -e 's/_bench$//' | sort | tr '\n' ' '
}

if [[ $# -eq 0 ]]; then
  say "there are these benchmarks: $(benchmarks); for example ./dev bench infer --peers"
  exit 0
fi
name=$1
shift
if [[ -f $root/bench/${name}_bench.cpp ]]; then
  need_build release "${name}_bench"
  exec "$root/build/release/${name}_bench" "$@"
fi
[[ -f $root/bench/$name.py || -f $root/bench/${name}_bench.py ]] || usage_error "dev bench: there is no benchmark '$name'; there are: $(benchmarks)"
need_build release
need_venv
if [[ $name == tokenize ]]; then
  need_tokenizer_peers
  need_gemma_tokenizer
  need_llama2_tokenizer
  for file in "$llama2_tokenizer_file" "$gemma_tokenizer_file"; do
    [[ -f $file ]] && tokenizer_files+=("$file")
  done
  exec "$venv/bin/python" "$root/bench/tokenize_bench.py" "${tokenizer_files[@]/#/--tokenizer=}" "$@"
fi
if [[ $name == train_tokenizer ]]; then
  [[ " $* " == *" --peers "* ]] && need_training_peers
  exec "$venv/bin/python" "$root/bench/train_tokenizer.py" "$@"
fi
if [[ $name == recurrent ]]; then
  need_requirements "$root/tests/requirements.txt"
  [[ " $* " == *" --peers "* ]] && need_llama_cpp
  exec "$venv/bin/python" "$root/bench/recurrent.py" "$@"
fi
if [[ $name == load ]]; then
  need_requirements "$root/tests/requirements.txt"
  exec "$venv/bin/python" "$root/bench/load.py" "$@"
fi
if [[ $name == embed ]]; then
  fetch_minilm || die "all-minilm-l6-v2: is not there; look at the network, then try again"
  [[ " $* " == *" --peers "* ]] && need_embed_peers
  exec "$venv/bin/python" "$root/bench/embed.py" --model "$minilm_folder" "$@"
fi
if [[ $name == delta ]]; then
  need_build release delta_codec_bench
  need_delta_pairs
  exec "$venv/bin/python" "$root/bench/delta.py" "$@"
fi
if [[ $name == quantize && " $* " == *" --peers "* ]]; then
  need_build release layer_tool
  need_quantize_model
  need_llama_quantize
  fetch_minilm || say "all-minilm-l6-v2: is not there; it is left out"
  need_default_model
  exec "$root/build/peers/quantize-venv/bin/python" "$root/bench/quantize.py" --minilm "$minilm_folder" --model "$default_model_file" "$@"
fi
need_default_model
if [[ $name == serve ]]; then
  need_packages "measure requests" wrk
  [[ " $* " == *" --peers "* ]] && need_llama_server
  exec "$venv/bin/python" "$root/bench/serve.py" --model "$default_model_file" "$@"
fi
[[ $name == infer || $name == context || $name == delta_serving ]] && need_requirements "$root/tests/requirements.txt"
[[ " $* " == *" --peers "* ]] && need_llama_cpp
exec "$venv/bin/python" "$root/bench/$name.py" --model "$default_model_file" "$@"
