# Make .venv and install the lock into it, with uv where there is one, else with pip.
set -eu

refuse() {
  echo "There are no wheels of TensorFlow and jaxlib for $1. Expected Linux with glibc (x86-64 or" \
    "arm64), macOS on an Apple chip, or Windows (x86-64). $2" >&2
  exit 1
}
elsewhere="Open the folder in its dev container (.devcontainer), or on another machine."
case "$(uname -s) $(uname -m)" in
  "Darwin x86_64")
    [ "$(sysctl -n sysctl.proc_translated 2>/dev/null)" != 1 ] || refuse "an Intel Mac, which this \
terminal plays by Rosetta" "Open a terminal without Rosetta, with a Python for Apple chips."
    refuse "Intel Macs" "$elsewhere" ;;
  "Linux x86_64" | "Linux aarch64") ! ls /lib/ld-musl-* >/dev/null 2>&1 || refuse musl "$elsewhere" ;;
  Linux*) refuse "$(uname -m)" "$elsewhere" ;;
esac

here=$(CDPATH= cd .venv 2>/dev/null && pwd -P) || : # by which `make` knows it, too
runs() { .venv/bin/python -c '' || .venv/Scripts/python -c ''; } 2>/dev/null
if [ -e .venv/.installed ] && { [ "$(cat .venv/.installed)" != "$here" ] || ! runs; }; then
  echo "The environment in .venv is that of another folder, or its Python has gone: it is made anew."
  rm -rf .venv
fi
echo "Installing the environment into .venv: 3 GB, a minute with uv, some minutes with pip ..."
if command -v uv >/dev/null 2>&1; then
  uv venv --quiet --allow-existing --python '>=3.11,<3.14' .venv
  uv pip install --quiet --compile-bytecode --python .venv -r requirements.txt
  uv pip install --quiet --python .venv --no-deps --editable .
else
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
fi
(CDPATH= cd .venv && pwd -P) >.venv/.installed
