package completeness

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Lines are the figures in words: all phases, and each.
func (r *Report) Lines() []string {
	lines := []string{r.All.Line()}
	if len(r.Phases) < 2 {
		return lines
	}
	for i := range r.Phases {
		lines = append(lines, r.Phases[i].Line())
	}
	return lines
}

// Line is the figure in one line, e.g. "steady: 12 different calls in 4,558; 1 seen only once; the last
// new one came after 0.4 s of 2.8 s; estimated unseen: at least 0.5; coverage 99.98 %".
func (f *Figure) Line() string {
	name := f.Phase
	if name == "" {
		name = "in all"
	}
	if f.Calls == 0 {
		return name + ": no call was made: nothing can be said about those unseen"
	}
	parts := []string{fmt.Sprintf("%s: %s in %s", name, differentCalls(f.Different), thousands(f.Calls))}
	if f.Recordings != nil {
		return strings.Join(append(parts, f.Recordings.words(f)...), "; ")
	}
	parts = append(parts, seenOnce(f.Once))
	if n := f.LastNew; n != nil {
		parts = append(parts, fmt.Sprintf("the last new one came after %s of %s%s", seconds(n.AtNs), seconds(n.OfNs), n.before()))
	}
	return strings.Join(append(parts, "estimated unseen: at least "+decimal(f.Unseen), "coverage "+Percent(f.Coverage)), "; ")
}

// before is how many calls were made until then, where that is known well enough to be worth the words.
func (n *LastNew) before() string {
	switch {
	case n.AtLeast == n.AtMost:
		return ", " + thousands(n.AtMost) + " calls"
	case n.AtLeast > n.AtMost/10*9:
		return fmt.Sprintf(", %s to %s calls", thousands(n.AtLeast), thousands(n.AtMost))
	}
	return ""
}

func (s *Samples) words(f *Figure) []string {
	once := strconv.Itoa(s.Once) + " of the calls"
	if s.Once == 0 {
		once = "no call"
	}
	return []string{
		fmt.Sprintf("%d recordings, %s in one of them only", s.Count, once),
		fmt.Sprintf("the last new one came with recording %d", s.LastNew),
		"estimated unseen: at least " + decimal(s.Unseen),
		fmt.Sprintf("coverage %s over recordings, %s over calls", Percent(s.Coverage), Percent(f.Coverage)),
	}
}

func differentCalls(n int) string {
	if n == 1 {
		return "1 call"
	}
	return strconv.Itoa(n) + " different calls"
}

func seenOnce(n int) string {
	if n == 0 {
		return "all seen more than once"
	}
	return strconv.Itoa(n) + " seen only once"
}

// Percent keeps what is nearly all from looking like all: it cuts instead of rounding.
func Percent(share float64) string {
	if share < 1 && share > 0.999999 {
		return ">99.9999 %"
	}
	text := strconv.FormatFloat(math.Floor(share*1e8+1e-6)/1e6, 'f', 6, 64)
	whole, fraction, _ := strings.Cut(text, ".")
	// Up to the first digit that is not a 9, two at least: 99.98, 99.9993.
	n := len(fraction) - len(strings.TrimLeft(fraction, "9"))
	if whole != "99" {
		n = 1
	}
	n = min(max(2, n+1), len(fraction))
	return strings.TrimSuffix(strings.TrimRight(whole+"."+fraction[:n], "0"), ".") + " %"
}

// decimal has one digit, which is more than the estimate can mean.
func decimal(x float64) string {
	return strings.TrimSuffix(strconv.FormatFloat(x, 'f', 1, 64), ".0")
}

func thousands(n uint64) string {
	s := strconv.FormatUint(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func seconds(ns int64) string {
	switch d := time.Duration(ns); {
	case d < time.Millisecond:
		return fmt.Sprintf("%d µs", d.Microseconds())
	case d < 100*time.Millisecond:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 100*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < 100*time.Minute:
		return fmt.Sprintf("%.1f min", d.Minutes())
	}
	return fmt.Sprintf("%.1f h", time.Duration(ns).Hours())
}
