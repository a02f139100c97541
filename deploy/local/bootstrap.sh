#!/bin/sh
# Prints where `uv` is, after getting it if it is not here: one pinned wheel from PyPI, checked against its SHA-256.
# Needs curl, and Python for its zipfile module only (no pip, no venv module). `UV=/path/to/uv` uses that one instead.
set -eu

VERSION=0.13.9
FILES=https://files.pythonhosted.org/packages

if [ -n "${UV:-}" ]; then
  echo "$UV"
  exit 0
fi

stop() {
  echo "lagspill: $1" >&2
  exit 1
}

case "$(uname -s) $(uname -m)" in
  "Linux x86_64")
    path=3d/aa/26d64642d808de4a652579ef950d7cd2d37f080a8babf9c67c6b75fc4c3f/uv-$VERSION-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl
    sha256=d7f459fe4fd247d830351c75686d3996ace3c6f3f728eb0e85a30b7ada0cef19 ;;
  "Linux aarch64")
    path=fe/2f/51a5de367c602592c018a42a23d57fba5f2689fe6c3bf025dcf043b39c61/uv-$VERSION-py3-none-manylinux_2_28_aarch64.whl
    sha256=ecb6028d79dc96fbeafffe5c8af62a7099487ebc05a701e76714eebcffd06375 ;;
  "Darwin x86_64")
    path=1e/db/08e9ef4879bd667e6d7b4705e594e5bd3e4585f10fc63cb16b9fa2fac63e/uv-$VERSION-py3-none-macosx_10_12_x86_64.whl
    sha256=c16ed11e013557536b3e60065f1b912f6407bd6518e041b961e23ef9e6b4fbf5 ;;
  "Darwin arm64")
    path=f3/a7/a8d7b074798c7fb3b26b37584b8fe2e29df2ccdc24ce7902caab2a53edbf/uv-$VERSION-py3-none-macosx_11_0_arm64.whl
    sha256=66c512266d633bef48384a1f53003f41f2a8e7b36fe6e7fbfd3e0fd52d96fa63 ;;
  *)
    command -v uv || stop "there is no uv for $(uname -s) $(uname -m) here: install one, or set UV to it"
    exit 0 ;;
esac

python=$(command -v python3.11 || command -v python3) || stop "Python 3.11 is needed and not on the path"
folder=${XDG_CACHE_HOME:-${HOME:-$PWD/.lagspill}/.cache}/lagspill/uv-$VERSION
if [ -x "$folder/uv" ]; then
  echo "$folder/uv"
  exit 0
fi

command -v curl >/dev/null || stop "curl is needed and not on the path"
mkdir -p "$folder" || stop "$folder cannot be made"
wheel=$folder/wheel
half=$folder/.uv.$$
trap 'rm -f "$half"' EXIT
echo "getting uv $VERSION (17 MB, once)" >&2
# -C -: a download that was cut goes on where it stopped.
status=0
curl -fsSL --retry 3 --connect-timeout 30 -C - -o "$wheel" "$FILES/$path" || status=$?
# 22 and 33: nothing is left to download, because the last run was ended just before it unpacked.
if [ $status != 0 ] && { [ ! -s "$wheel" ] || { [ $status != 22 ] && [ $status != 33 ]; }; }; then
  stop "uv could not be downloaded from $FILES: check the network, or set UV to a uv that is here"
fi
"$python" - "$wheel" "$sha256" "uv-$VERSION.data/scripts/uv" "$half" <<'P' || stop "uv could not be unpacked"
import hashlib, os, sys, zipfile

wheel, expected, member, target = sys.argv[1:]
try:
    with open(wheel, "rb") as file:
        found = hashlib.sha256(file.read()).hexdigest()
    if found != expected:
        os.unlink(wheel)
        sys.exit(f"lagspill: the downloaded uv is not the expected one (SHA-256 {found}): it was deleted, try again")
    with zipfile.ZipFile(wheel) as archive, open(target, "wb") as out:
        out.write(archive.read(member))
    os.chmod(target, 0o755)
except OSError as error:
    sys.exit(f"lagspill: {error.strerror}: {error.filename or target}")
P
mv "$half" "$folder/uv"
rm -f "$wheel"
echo "$folder/uv"
