package portability

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/scallop-sec/scallop/profiler/syscalls"
)

//go:embed siblings.tsv
var tsv string

type relation string

const (
	same      relation = "="
	instead   relation = ">"
	beside    relation = "+"
	refused   relation = "!"
	notNeeded relation = "-"
)

// edge is one step of the closure: who may call from may call to.
type edge struct {
	to        string
	abi       string // the only one that needs it; empty for all
	condition *Condition
	relation  relation
	level     Level
	why       string
	source    string
}

// graph has the edges by the call that they start from, in the order of the table.
type graph map[string][]edge

// siblings is read at its first use. It is part of the program and tested, so an error is a bug.
var siblings = sync.OnceValue(func() graph {
	g, err := parse(tsv)
	if err != nil {
		panic("siblings.tsv: " + err.Error())
	}
	return g
})

func parse(text string) (graph, error) {
	g := graph{}
	for i, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		if strings.HasPrefix(line, "#") {
			continue
		}
		if err := g.addRow(line); err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
	}
	return g, nil
}

func (g graph) addRow(line string) error {
	fields := strings.Split(line, "\t")
	if len(fields) != 6 || slices.Contains(fields, "") {
		return fmt.Errorf("%d fields, want 6, none empty", len(fields))
	}
	from, to := strings.Fields(fields[1]), strings.Fields(fields[3])
	e := edge{level: Level(fields[0]), relation: relation(fields[2]), why: fields[4], source: fields[5]}
	if e.level != Libc && e.level != Arch {
		return fmt.Errorf("level %q is not known", e.level)
	}
	switch e.relation {
	case same:
		to = from
	case instead, beside, refused, notNeeded:
	default:
		return fmt.Errorf("relation %q is not known", e.relation)
	}
	for _, f := range from {
		for _, t := range to {
			if err := g.addEdge(e, f, t); err != nil {
				return err
			}
		}
	}
	return nil
}

func (g graph) addEdge(e edge, from, to string) error {
	if abi, name, ok := strings.Cut(to, "/"); ok {
		if syscalls.SeccompArch(syscalls.ABI(abi)) == "" {
			return fmt.Errorf("ABI %q is not known", abi)
		}
		e.abi, to = abi, name
	}
	if name, condition, ok := strings.Cut(to, "?"); ok {
		if e.condition = conditions[condition]; e.condition == nil {
			return fmt.Errorf("condition %q is not known", condition)
		}
		to = name
	}
	if to == from {
		return nil
	}
	e.to = to
	g[from] = append(g[from], e)
	return nil
}
