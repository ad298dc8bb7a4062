package audit

import (
	"strings"
	"time"
)

// prefixLayouts are those of syslog and of journalctl -o short, short-precise, short-iso, short-full.
var prefixLayouts = []string{
	"Jan _2 15:04:05",
	"Jan _2 2006 15:04:05",
	"2006-01-02T15:04:05Z07:00",
	"2006-01-02T15:04:05-0700",
	"Mon 2006-01-02 15:04:05 MST",
}

// prefixTime reads the time before a logged line, zero if it tells none: seconds since boot do not. One without a zone
// is in that of now; one without a year is the last such time before now, and a day of grace for clocks that
// differ.
func prefixTime(text string, now time.Time) time.Time {
	text = strings.Replace(text, ",", ".", 1)
	if seconds, err := time.ParseDuration(text + "s"); err == nil { // short-unix
		return time.Unix(0, 0).Add(seconds).UTC()
	}
	for _, layout := range prefixLayouts {
		t, err := time.ParseInLocation(layout, text, now.Location())
		if err != nil {
			continue
		}
		if t.Year() == 0 {
			t = withYear(t, now)
		}
		if y := t.UTC().Year(); y < 1970 || y > 9999 {
			return time.Time{}
		}
		return t.UTC()
	}
	return time.Time{}
}

func withYear(t, now time.Time) time.Time {
	for year := now.Year(); ; year-- {
		dated := time.Date(year, t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), now.Location())
		if dated.Before(now.Add(24*time.Hour)) && dated.Day() == t.Day() { // February 29 has not every year
			return dated
		}
	}
}
