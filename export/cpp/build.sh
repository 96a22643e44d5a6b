#!/usr/bin/env bash
# Build the C++ host, with what it needs: export/cpp/build.sh [FOLDER] [PYTHON]; the program is FOLDER/translate.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=${1:-build/cpp}
root=$("$here/dependencies.sh" "$folder/onnxruntime" "${2:-python3}")
cmake -S "$here" -B "$folder" -DONNXRUNTIME_ROOT="$root"
cmake --build "$folder"
