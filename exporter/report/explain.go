package report

import (
	"bytes"
	"fmt"
	"time"

	"github.com/scallop-sec/scallop/exporter/gate"
)

func explainText(x *gate.Explanation) []byte {
	var b bytes.Buffer
	line(&b, "%s", x.Name)
	line(&b, "%s", x.Verdict)
	b.WriteByte('\n')
	for _, n := range x.Numbers {
		line(&b, "number    %d on %s", n.Nr, n.ABI)
	}
	line(&b, "class     %s", x.Danger.Class)
	line(&b, "danger    %s: %s", x.Danger.Level, x.Danger.Reason)
	line(&b, "docker    %s", dockerText(x))
	reasons(&b, x)
	for i := range x.Calls {
		callText(&b, &x.Calls[i])
	}
	for i, text := range x.Unknown {
		line(&b, "%-9s %s", onlyFirst(i, "unknown"), text)
	}
	answers(&b, x)
	return b.Bytes()
}

// dockerText is when Docker's default profile allows the call.
func dockerText(x *gate.Explanation) string {
	switch when := x.Danger.Docker.When; when {
	case "":
		return "not known to scallop"
	case "always", "never":
		return "allowed " + when + " by Docker's default profile"
	default:
		return "allowed by Docker's default profile: " + when
	}
}

func reasons(b *bytes.Buffer, x *gate.Explanation) {
	for i, ev := range x.Reasons {
		line(b, "%-9s %s: %s", onlyFirst(i, "reasons"), ev.Reason, ev.Text)
	}
}

func onlyFirst(i int, label string) string {
	if i == 0 {
		return label
	}
	return ""
}

// callText has a line for each phase.
func callText(b *bytes.Buffer, c *gate.Call) {
	b.WriteByte('\n')
	line(b, "seen on %s, %s", c.ABI, plural(c.Count(), "time"))
	for _, p := range c.Phases {
		line(b, "  %-9s %s in %s; first %s by %s in %s", p.Phase, plural(p.Count, "call"), plural(p.Recordings, "recording"),
			offset(p.First.OffsetNs), p.First.By(), p.First.Source)
	}
}

func offset(ns int64) string {
	return "+" + time.Duration(ns).Round(time.Microsecond).String()
}

func answers(b *bytes.Buffer, x *gate.Explanation) {
	if x.Profile == "" {
		return
	}
	b.WriteByte('\n')
	line(b, "profile %s", x.Profile)
	for _, a := range x.Answers {
		line(b, "  %-9s %s: %s", a.ABI, a.Outcome, a.Action)
		for _, text := range a.Reasons {
			line(b, "            %s", text)
		}
	}
	if len(x.Answers) == 0 {
		line(b, "  %s", fmt.Sprintf("no ABI of these recordings has %s", x.Name))
	}
}
