# Make .venv and install the lock into it, with uv where there is one, else with pip.
set -eu
echo "Installing the environment into .venv (once, a minute or so) ..."
if command -v uv >/dev/null 2>&1; then
  uv venv --quiet --allow-existing --python '>=3.11,<3.14' .venv
  uv pip install --quiet --compile-bytecode --python .venv -r requirements.txt
  uv pip install --quiet --python .venv --no-deps --editable .
  exit
fi
for python in python3.13 python3.12 python3.11 python3 python none; do
  [ "$python" = none ] && {
    echo "No Python from 3.11 to 3.13 was found on PATH. Install one of them, or uv, and run make again." >&2
    exit 1
  }
  "$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && break
done
"$python" -m venv .venv
installed=.venv/bin/python
[ -x "$installed" ] || installed=.venv/Scripts/python # Windows
"$installed" -m pip install --quiet --disable-pip-version-check -r requirements.txt
"$installed" -m pip install --quiet --disable-pip-version-check --no-deps --editable .
