# The project's own Python environment, .venv in the checkout: nothing is installed outside it.
venv=$root/.venv

need_venv() {
  # Asks pip itself: an environment that was interrupted or moved has files but does not work.
  "$venv/bin/python" -c 'import pip' 2>/dev/null && return
  python3 -c 'import venv, ensurepip' 2>/dev/null || need_packages "run Python tools" "${python_packages[@]}"
  say "making the Python environment .venv"
  quietly venv python3 -m venv --clear "$venv" || die "$venv: python3 could not make it; see $logs/venv.log"
}

# need_requirements FILE   Installs a file of exact versions; a copy of the file remembers that it was done.
need_requirements() {
  local file=$1
  local name=${file#"$root"/}
  local done_before=$venv/installed-${name//\//-}
  need_venv
  cmp -s "$file" "$done_before" && return
  say "to install with pip into .venv: $(grep -oE '^[A-Za-z0-9._-]+==[^ ;]+' "$file" | tr '\n' ' ')"
  # Every package is listed with its version, so pip resolves nothing and cannot bring another one.
  quietly pip "$venv/bin/python" -m pip install --no-deps --requirement "$file" ||
    die "pip: could not install $file; see $logs/pip.log"
  cp "$file" "$done_before"
}
