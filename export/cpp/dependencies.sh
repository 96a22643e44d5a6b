#!/usr/bin/env bash
# What the C++ host is built from, on Debian or a child of it; does nothing where everything is there already.
# Prints the folder of onnxruntime (include/ and lib/), or nothing where the system has it. Exit code 3: not to be had here.
#     export/cpp/dependencies.sh FOLDER [PYTHON]      PYTHON: one whose environment holds onnxruntime
set -euo pipefail
mkdir -p "$1"
folder=$(cd "$1" && pwd) python=${2:-python3}

missing() { echo "Error: $*" >&2; exit 3; }
command -v dpkg-query >/dev/null || missing "this is no Debian; export/README.md names what to install."

needed=()
for package in g++ cmake libeigen3-dev libnifti2-dev libssl-dev nlohmann-json3-dev; do
    dpkg-query --show --showformat='${Status}\n' "$package" 2>/dev/null | grep -q '^install ok installed' || needed+=("$package")
done
if [ ${#needed[@]} -gt 0 ]; then
    [ "$(id -u)" = 0 ] || missing "as root: apt-get install ${needed[*]}"
    apt-get update -qq >&2 || missing "apt-get update failed."
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${needed[@]}" >&2 || missing "apt-get could not install ${needed[*]}."
fi

# Debian 13 and later have onnxruntime itself.
if dpkg-query --show libonnxruntime-dev >/dev/null 2>&1; then exit 0; fi

# Debian 12 has not: the headers of Debian 13's package (its C interface is stable), and the library of the Python wheel,
# so that both hosts run the same engine.
if [ ! -f "$folder/include/onnxruntime_cxx_api.h" ]; then
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$folder/include"
    . /etc/os-release
    [ -f /etc/apt/sources.list.d/debian.sources ] || missing "this is no Debian 12; export/README.md names what to install."
    sed "s/${VERSION_CODENAME:-bookworm}/trixie/g" /etc/apt/sources.list.d/debian.sources > "$work/debian.sources"
    apt=(apt-get -qq -o "Dir::Etc::sourcelist=$work/debian.sources" -o Dir::Etc::sourceparts=/dev/null
         -o "Dir::State::lists=$work/lists" -o "Dir::Cache=$work/cache" -o APT::Sandbox::User=root)
    "${apt[@]}" update >&2 || missing "the package lists of Debian 13 cannot be read."
    (cd "$work" && "${apt[@]}" download libonnxruntime-dev >&2 && dpkg-deb --extract libonnxruntime-dev_*.deb unpacked) ||
        missing "Debian 13's libonnxruntime-dev cannot be had."
    cp "$work"/unpacked/usr/include/onnxruntime/onnxruntime_*.h "$folder/include/"
fi
library=$("$python" -c 'import glob, importlib.util, os
found = importlib.util.find_spec("onnxruntime")
print(*glob.glob(os.path.join(os.path.dirname(found.origin), "capi", "libonnxruntime.so.1.*")) if found else [])')
[ -f "$library" ] || missing "$python has no onnxruntime; pip install onnxruntime"
mkdir -p "$folder/lib"
ln -sf "$library" "$folder/lib/libonnxruntime.so"
ln -sf "$library" "$folder/lib/libonnxruntime.so.1"
echo "$folder"
