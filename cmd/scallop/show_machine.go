package main

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/scallop-sec/scallop/exporter/completeness"
	"github.com/scallop-sec/scallop/exporter/severity"
	"github.com/scallop-sec/scallop/profiler/recording"
)

// rankingJSON is the stable output of `scallop show --output json`.
type rankingJSON struct {
	APIVersion string    `json:"apiVersion"`
	Kind       string    `json:"kind"`
	Recording  string    `json:"recording"` // its ID
	Workload   string    `json:"workload"`
	Complete   bool      `json:"complete"`
	Phase      string    `json:"phase,omitempty"`
	Phases     []string  `json:"phases"`
	Unreached  []string  `json:"unreached"`
	Total      uint64    `json:"total"`
	Omitted    int       `json:"omitted"` // rows beyond --limit
	Rows       []rowJSON `json:"rows"`
	// Completeness is how far the counts can be trusted to hold every call.
	Completeness *completeness.Report `json:"completeness"`
}

type rowJSON struct {
	Rank       int               `json:"rank"`
	ABI        string            `json:"abi"`
	Nr         int               `json:"nr"`
	Name       string            `json:"name"`
	Count      uint64            `json:"count"`
	Share      float64           `json:"share"`
	Cumulative float64           `json:"cumulative"`
	Phases     map[string]uint64 `json:"phases"` // encoding/json sorts the keys
	First      firstJSON         `json:"first"`
	Class      severity.Class    `json:"class"`
	Danger     string            `json:"danger"` // none, information, kernel, escape
	Note       string            `json:"note,omitempty"`
}

type firstJSON struct {
	Phase    string `json:"phase"`
	OffsetNs int64  `json:"offsetNs"`
	Comm     string `json:"comm"`
	Exe      string `json:"exe"`
	PID      int    `json:"pid"`
	TID      int    `json:"tid"`
}

func (r *ranking) writeJSON(w io.Writer) error {
	out := rankingJSON{
		APIVersion: recording.APIVersion,
		Kind:       "Ranking",
		Recording:  r.rec.ID,
		Workload:   r.rec.Workload.Name,
		Complete:   r.rec.Complete,
		Phase:      r.phase,
		Phases:     append([]string{}, r.phases...),
		Unreached:  append([]string{}, r.rec.Unreached...),
		Total:      r.total,
		Omitted:    r.more,
		Rows:       []rowJSON{},

		Completeness: completeness.Of(r.rec, nil),
	}
	for i := range r.rows {
		out.Rows = append(out.Rows, r.rows[i].json())
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(out)
}

func (row *rankRow) json() rowJSON {
	phases := map[string]uint64{}
	for name, p := range row.call.Phases {
		phases[name] = p.Count
	}
	rating := severity.Of(row.call.Name)
	return rowJSON{
		Rank: row.rank, ABI: row.call.ABI, Nr: row.call.Nr, Name: row.call.Name, Count: row.count,
		Share: rounded(row.share), Cumulative: rounded(row.cumulative), Phases: phases,
		First: firstJSON{row.firstPhase, row.first.OffsetNs, row.first.Comm, row.first.Exe, row.first.PID, row.first.TID},
		Class: rating.Class, Danger: rating.Level.String(), Note: row.only,
	}
}

// rounded cuts a share to what it can mean, and to the same digits on every CPU.
func rounded(share float64) float64 {
	return math.Round(share*1e6) / 1e6
}

func (r *ranking) writeCSV(w io.Writer) error {
	c := csv.NewWriter(w)
	head := []string{"rank", "abi", "nr", "name", "count", "share", "cumulative"}
	head = append(head, r.phases...)
	head = append(head, "first_phase", "first_offset_ns", "comm", "exe", "class", "danger", "note")
	if err := c.Write(head); err != nil {
		return err
	}
	for i := range r.rows {
		if err := c.Write(r.csvRow(&r.rows[i])); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}

func (r *ranking) csvRow(row *rankRow) []string {
	cells := []string{
		strconv.Itoa(row.rank), row.call.ABI, strconv.Itoa(row.call.Nr), row.call.Name,
		strconv.FormatUint(row.count, 10), decimal(row.share), decimal(row.cumulative),
	}
	for _, phase := range r.phases {
		cells = append(cells, strconv.FormatUint(row.call.Phases[phase].Count, 10))
	}
	rating := severity.Of(row.call.Name)
	return append(cells, row.firstPhase, strconv.FormatInt(row.first.OffsetNs, 10),
		csvText(row.first.Comm), csvText(row.first.Exe), string(rating.Class), rating.Level.String(), row.only)
}

func decimal(share float64) string {
	return strconv.FormatFloat(rounded(share), 'f', 6, 64)
}

// csvText keeps a spreadsheet from running what a workload chose to be called:
// a cell that begins like a formula gets a quote, which spreadsheets hide.
func csvText(s string) string {
	s = recording.CleanString(s)
	if s != "" && strings.ContainsRune("=+-@", rune(s[0])) {
		return "'" + s
	}
	return s
}
