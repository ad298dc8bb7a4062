package completeness

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// Plot draws a saturation curve as columns, of at most so many rows and columns: values
// that ascend and then stay say that nothing new came. Values beyond the width are thinned out.
func Plot(w io.Writer, values []int, width, height int) {
	if len(values) == 0 || slices.Max(values) == 0 {
		return
	}
	most := slices.Max(values)
	label := len(strconv.Itoa(most))
	columns := fitted(values, max(1, width-label-2))
	for row := height; row > 0; row-- {
		axis := strings.Repeat(" ", label)
		if row == height {
			axis = strconv.Itoa(most)
		}
		var line strings.Builder
		for _, v := range columns {
			line.WriteString(block(v, most, row, height))
		}
		fmt.Fprintln(w, strings.TrimRight(axis+" │"+line.String(), " "))
	}
	fmt.Fprintf(w, "%*d └%s\n", label, 0, strings.Repeat("─", len(columns)))
}

// block is the part of a column that falls into one row, in eighths. What is there at all shows.
func block(v, most, row, height int) string {
	eighths := v * height * 8 / most
	if v > 0 {
		eighths = max(1, eighths)
	}
	return string([]rune(" ▁▂▃▄▅▆▇█")[min(8, max(0, eighths-8*(row-1)))])
}

// fitted stretches few values and thins out many, so that the last column is the last value.
func fitted(values []int, width int) []int {
	times := max(1, min(width/len(values), 4))
	width = min(width, times*len(values))
	columns := make([]int, width)
	for i := range columns {
		columns[i] = values[((i+1)*len(values)+width-1)/width-1]
	}
	return columns
}
