package severity

import (
	_ "embed"
	"fmt"
	"strings"
	"sync"
)

//go:embed severity.tsv
var tsv string

type rows struct {
	rows   []Entry
	byName map[string]int
}

// table is read at its first use. It is part of the program and tested, so an error is a bug.
var table = sync.OnceValue(func() *rows {
	t, err := parse(tsv)
	if err != nil {
		panic("severity.tsv: " + err.Error())
	}
	return t
})

func parse(text string) (*rows, error) {
	t := &rows{byName: map[string]int{}}
	previous := ""
	for i, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		if strings.HasPrefix(line, "#") {
			continue
		}
		e, err := parseRow(line)
		if err == nil && e.Name <= previous {
			err = fmt.Errorf("%s is not in its place: names are sorted, each once", e.Name)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
		previous = e.Name
		t.byName[e.Name] = len(t.rows)
		t.rows = append(t.rows, e)
	}
	return t, nil
}

// parseRow reads name, class, level, docker, and if there are, reason and note.
func parseRow(line string) (Entry, error) {
	fields := strings.Split(line, "\t")
	if len(fields) < 4 || len(fields) > 6 || fields[0] == "" {
		return Entry{}, fmt.Errorf("%d fields, want 4 to 6", len(fields))
	}
	fields = append(fields, "", "")
	e := Entry{Name: fields[0], Class: Class(fields[1]), Reason: fields[4]}
	usual, ok := classes[e.Class]
	if !ok {
		return e, fmt.Errorf("%s has class %q, which is not known", e.Name, e.Class)
	}
	var err error
	if e.Level, err = ParseLevel(fields[2]); err != nil {
		return e, fmt.Errorf("%s: %w", e.Name, err)
	}
	if e.Docker, err = parseDocker(fields[3], fields[5]); err != nil {
		return e, fmt.Errorf("%s %w", e.Name, err)
	}
	switch {
	case e.Reason != "":
	case e.Level == None:
		e.Reason = usual
	default:
		return e, fmt.Errorf("%s is of level %s without a reason", e.Name, e.Level)
	}
	return e, nil
}
