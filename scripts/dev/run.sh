# ./dev run [ARGUMENTS]: from nothing to text written by Gemma 3 270M. Arguments replace the prompt of the first try.
# ./dev run embed [QUESTION...]: from nothing to a search of the documentation by meaning, with all-MiniLM-L6-v2.
. "$(dirname "$0")/lib.sh"

need_build release tidemill
if [[ ${1:-} == embed ]]; then
  shift
  need_venv
  fetch_minilm || die "all-minilm-l6-v2: is not there; look at the network, then try again"
  exec "$venv/bin/python" "$root/scripts/search_docs.py" "$root/build/release/tidemill" "$(basename "$minilm_folder")" "$@"
fi
if ! has_default_model; then
  need_default_model
  say_gemma_terms
fi

# Gemma 3 270M is a base model: it continues a text rather than answering.
first_try=(--prompt "The tide mill stood at the edge of the village," -n 96)
arguments=("$@")
[[ $# -gt 0 ]] || arguments=("${first_try[@]}")

program=$root/build/release/tidemill
printf -v line ' %q' "${arguments[@]}"
say "$program run $default_model$line"
status=0
"$program" run "$default_model" "${arguments[@]}" || status=$?
[[ $status -eq 0 && $# -eq 0 ]] || exit $status

cat >&2 <<EOF

What to try next:
  ./dev run --prompt "Once upon a time" -n 200 --temperature 0.8    another beginning, with some chance
  ./dev run                                                         again, without any fetching
  ./dev run embed                                                   search the documentation by meaning
  $program --help            every command
  ./dev bench                                                       how fast this machine is
EOF
