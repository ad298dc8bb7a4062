package gate

import (
	"fmt"
	"slices"

	"github.com/scallop-sec/scallop/exporter/severity"
)

// judgeDenied asks the filter for each call that was denied, under whatever filter that was. One that recordings have, too, stays
// one finding.
func (r *Result) judgeDenied(f *Filter, e *Evidence) error {
	for _, c := range e.denials.list() {
		o := f.Judge(c.ABI, c.Nr, c.Name)
		denied, err := e.cause(f, &c)
		if err != nil {
			return err
		}
		if i := slices.IndexFunc(r.Findings, func(f Finding) bool { return isAbout(&f, &c) }); i >= 0 {
			r.Findings[i].Denial = denied
			r.Findings[i].Text += "; " + denied.Text()
			continue
		}
		r.addCall(Verdict{c, o})
		r.Findings = append(r.Findings, *e.deniedFinding(f, &c, o, denied))
	}
	return nil
}

func isAbout(f *Finding, c *Call) bool {
	return f.Call != nil && f.Call.ABI == c.ABI && f.Call.Nr == c.Nr
}

// addCall counts a call once, whether it was recorded or denied.
func (r *Result) addCall(v Verdict) {
	if !slices.ContainsFunc(r.Calls, func(w Verdict) bool { return w.Call.ABI == v.Call.ABI && w.Call.Nr == v.Call.Nr }) {
		r.Calls = append(r.Calls, v)
	}
}

func (e *Evidence) deniedFinding(f *Filter, c *Call, o Outcome, denied *Denial) *Finding {
	found := judged(f, c, o)
	switch {
	case found == nil:
		danger := severity.Of(c.Name)
		found = &Finding{Kind: Elsewhere, Level: Warning, Subject: c.Title(), Call: c, ABIs: []string{c.ABI}, Danger: &danger}
		found.Text = fmt.Sprintf("%s (%s) is allowed, and was denied all the same: %s", c.Title(), c.ABI, c.Evidence())
		found.Next = "find out which filter is in force: scallop status"
		denied.Cause, denied.Why = Allowed, "another filter denied it, or another version of the profile"
	case found.Kind == Missing && e.answersOnPurpose(f, c):
		found.Kind, found.Level = Answered, Note
		found.Text = fmt.Sprintf("%s (%s) is answered ENOSYS on purpose, and C libraries take another call: %s", c.Name, c.ABI, c.Evidence())
		denied.Cause, denied.Why = OnPurpose, "C libraries take another call"
	case found.Kind == Conditional:
		found.Level = Error
		found.Text = fmt.Sprintf("%s (%s) is allowed for some arguments only (%s), and was denied with others: %s", c.Name, c.ABI, f.answer(c.ABI, c.Name), c.Evidence())
		found.Next = "change the condition by hand: scallop denials --args shows the arguments"
	case found.Kind == Missing:
		found.Text += "; " + denied.reason()
	}
	found.Denial = denied
	return found
}
