package main

import (
	"errors"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
)

// share is a flag's value from 0 to 1, which can be written as 0.99 or as 99%.
type share float64

var _ pflag.Value = (*share)(nil)

func (s *share) String() string { return strconv.FormatFloat(float64(*s), 'g', -1, 64) }

// Type is what the help calls it.
func (s *share) Type() string { return "share" }

// Set is called for what the user wrote.
func (s *share) Set(text string) error {
	number, percent := strings.CutSuffix(text, "%")
	value, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if percent {
		value /= 100
	}
	if err != nil || !(value >= 0 && value <= 1) {
		return errors.New("it is no share: use 0 to 1, or 0% to 100%")
	}
	*s = share(value)
	return nil
}
