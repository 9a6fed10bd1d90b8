# Shared by the scripts beside it; sourced, not run.

fail() {
    echo "$*" >&2
    exit 1
}

# apt_install PACKAGE...: on Debian and its kin, where no password is needed; otherwise it fails without a word.
apt_install() {
    command -v apt-get >/dev/null || return 1
    if [ "$(id -u)" = 0 ]; then
        as_root="env"
    elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
        as_root="sudo -n env"
    else
        return 1
    fi
    echo "Installing with apt-get: $*"
    # shellcheck disable=SC2086 # as_root is several words
    set -- $as_root DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
    "$@" </dev/null >/dev/null 2>&1 && return 0
    # A fresh machine has no package lists yet.
    # shellcheck disable=SC2086
    $as_root apt-get update -qq </dev/null >/dev/null 2>&1
    "$@" </dev/null >/dev/null
}
