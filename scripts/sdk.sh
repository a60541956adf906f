# To be sourced: programs that are built here find the runtime beside the SDK on the PATH, wherever that was installed.
export DOTNET_ROOT=${DOTNET_ROOT:-$(dirname "$(readlink -f "$(command -v dotnet)")")}
