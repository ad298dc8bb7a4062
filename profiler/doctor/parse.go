package doctor

import "strings"

// parseTracefs finds where /proc/PID/mounts has tracefs.
func parseTracefs(text string) string {
	for line := range strings.Lines(text) {
		if fields := strings.Fields(line); len(fields) >= 3 && fields[2] == "tracefs" {
			return fields[1]
		}
	}
	return ""
}

const unknownVersion = "of unknown version"

// parseVersion takes the version out of the first line of `runtime --version`:
// "runc version 1.1.15", "Docker version 26.1.5, build a72d7cd", "podman version 5.4.2".
func parseVersion(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	for _, word := range strings.Fields(line) {
		if word[0] >= '0' && word[0] <= '9' && strings.Contains(word, ".") {
			return strings.TrimRight(word, ",")
		}
	}
	return unknownVersion
}
