package recording

import (
	"fmt"
	"regexp"
)

var phaseName = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,31}$`)

// CheckPhaseName tells whether a name can be a phase's: 1 to 32 lower-case
// letters, digits, '-' and '_', a letter first.
func CheckPhaseName(name string) error {
	if phaseName.MatchString(name) {
		return nil
	}
	return fmt.Errorf("phase name %q: use 1 to 32 of a-z, 0-9, '-' and '_', a letter first", name)
}
