# What the commands of ./dev share; every part only defines variables and functions.
set -euo pipefail
for part in say packages python build model test_data suites wheel peers; do
  . "$(dirname "${BASH_SOURCE[0]}")/lib/$part.sh"
done
unset part
