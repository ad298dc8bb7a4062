package filter

// optimal is the tree over the spans whose weighted depth is lowest: Knuth's dynamic program for search trees with all
// weights in the leaves, of O(n²) (Acta Informatica 1, 1971; the weights are sums, which is all that its
// bound on where a root can be asks for). Without weight a span counts one ten-thousandth of the rest's mean: what was never
// seen shall not be deep either, since it may be what is made tomorrow.
func optimal(spans []span) *node {
	t := &tree{spans: spans, sums: prefixSums(spans)}
	t.fill()
	return t.node(0, len(spans)-1)
}

type tree struct {
	spans []span
	sums  []uint64   // of the weights before each span
	cost  [][]uint64 // of the best tree over spans i to j
	split [][]int    // the last span of its lower half
}

// rarity is how much less a span without weight counts than the mean.
const rarity = 10_000

func prefixSums(spans []span) []uint64 {
	var total uint64
	for _, s := range spans {
		total += s.weight
	}
	floor := max(total/uint64(len(spans))/rarity, 1)
	sums := make([]uint64, len(spans)+1)
	for i, s := range spans {
		sums[i+1] = sums[i] + max(s.weight, floor)
	}
	return sums
}

func (t *tree) fill() {
	n := len(t.spans)
	t.cost, t.split = make([][]uint64, n), make([][]int, n)
	for i := range n {
		t.cost[i], t.split[i] = make([]uint64, n), make([]int, n)
		t.split[i][i] = i
	}
	for width := 1; width < n; width++ {
		for i := 0; i+width < n; i++ {
			t.best(i, i+width)
		}
	}
}

// best looks between the splits of the two trees that are one span smaller.
func (t *tree) best(i, j int) {
	lo, hi := t.split[i][j-1], min(t.split[i+1][j], j-1)
	found := false
	for k := lo; k <= hi; k++ {
		if c := t.cost[i][k] + t.cost[k+1][j]; !found || c < t.cost[i][j] {
			t.cost[i][j], t.split[i][j], found = c, k, true
		}
	}
	t.cost[i][j] += t.weight(i, j)
}

func (t *tree) weight(i, j int) uint64 { return t.sums[j+1] - t.sums[i] }

func (t *tree) node(i, j int) *node {
	if i == j {
		return t.spans[i].leaf
	}
	k := t.split[i][j]
	n := jump(opJGE, t.spans[k+1].lo, t.node(k+1, j), t.node(i, k))
	n.heat = t.weight(i, j)
	return n
}
