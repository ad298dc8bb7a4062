# What .ci/kernels and .ci/crun have in common: Debian's kernels and packages, fetched without
# installing them, and booted in software emulation. Sourced in the repository's folder, with bash's -euo pipefail.

# kernel suite package version sha256
kernels='
5.10 bullseye linux-image-5.10.0-32-cloud-amd64-unsigned 5.10.223-1 b1fb8d34c26105a2ba1271a3df868a9eea460657df98c77fd08822ef4908c9db
6.1 bookworm linux-image-6.1.0-50-cloud-amd64-unsigned 6.1.176-1 4f217f710203cdfedde21f836bc66a0a4d773752d7fe8e5e13f701f891788945
6.12 trixie linux-image-6.12.117+deb13-cloud-amd64-unsigned 6.12.117-1 4113a615a1f1535ed4356ca03d428c74536b00f6ccb58e049a2ffd6a1cb3f1ad
'
cache=${XDG_CACHE_HOME:-$HOME/.cache}/scallop-kernels
mkdir -p "$cache"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# private_apt SUITE PACKAGE: sets options to apt-get's that read a private list of sources.
private_apt() {
	local mirror
	mirror=$(apt-get indextargets --format '$(REPO_URI)' | grep -E '/debian/?$' | head -n 1)
	[ -n "$mirror" ] || { echo "${0##*/}: this host has no Debian mirror to fetch $2 from" >&2; return 1; }
	mkdir -p "$work/apt/lists/partial" "$work/apt/archives/partial"
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $1 main" >"$work/apt/$1.list"
	options=(-qq -o "Dir::Etc::sourcelist=$work/apt/$1.list" -o Dir::Etc::sourceparts=-
		-o "Dir::State::lists=$work/apt/lists" -o "Dir::Cache=$work/apt" -o APT::Sandbox::User=root)
	apt-get "${options[@]}" update >&2
}

# fetch SUITE PACKAGE VERSION SHA256: the package.
fetch() {
	local deb="$cache/$2_${3}_amd64.deb" options
	if [ ! -e "$deb" ]; then
		private_apt "$1" "$2" || return 1
		(cd "$cache" && apt-get "${options[@]}" download "$2=$3" >&2)
	fi
	echo "$4  $deb" | sha256sum --check --quiet >&2 || { rm -f "$deb"; return 1; }
	echo "$deb"
}

# boot IMAGE: prints what the guest prints. One thread emulates both CPUs: with one each,
# the kernel's patching of its own code (a tracepoint that is switched on) is torn, and it crashes.
boot() {
	(cd "$work/root" && find . | cpio -o -H newc --quiet | gzip -1) >"$work/initrd.gz"
	timeout "${TIMEOUT:-300}" qemu-system-x86_64 -accel tcg,thread=single -cpu max -m "${MEMORY:-1024}" -smp "${CPUS:-2}" -nographic -no-reboot \
		-kernel "$1" -initrd "$work/initrd.gz" -append "console=ttyS0 panic=-1 quiet ${APPEND:-}"
}
