package recording

import (
	"crypto/rand"
	"encoding/hex"
)

// NewID is a random one of 32 hexadecimal digits.
func NewID() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // cannot fail: crypto/rand, since Go 1.24
	return hex.EncodeToString(id[:])
}

// IsID tells whether s is 32 hexadecimal digits in lower case.
func IsID(s string) bool {
	if len(s) != 32 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
