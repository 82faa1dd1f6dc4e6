package main

import (
	"math"
	"runtime"
	"slices"
	"sort"
	"sync"
	"sync/atomic"

	"github.com/stepgrad/stepgrad"
)

// A format says how vectors become integers: symmetric levels of 8 or 4 bits,
// and a float32 scale for every group of columns of every vector.
type format struct {
	bits, group int
}

// groups is how many scales a vector of so many columns has.
func (f format) groups(cols int) int { return (cols + f.group - 1) / f.group }

// bytes is the size of a vector, scales included.
func (f format) bytes(cols int) int {
	n := 4 * f.groups(cols)
	for at := 0; at < cols; at += f.group {
		n += (min(f.group, cols-at)*f.bits + 7) / 8
	}
	return n
}

// codes are the vectors of a matrix in a format.
type codes struct {
	format
	cols   int
	bytes8 []int8 // 8 bits: one to a byte
	bytes4 []byte // 4 bits: the even columns of a group low, the odd ones high, groups beginning with a byte
	scales []float32
}

// stride4 is how many bytes a vector takes in bytes4.
func (c codes) stride4() int { return c.format.bytes(c.cols) - 4*c.groups(c.cols) }

func newCodes(f format, rows, cols int) codes {
	c := codes{format: f, cols: cols, scales: make([]float32, rows*f.groups(cols))}
	if f.bits == 8 {
		c.bytes8 = make([]int8, rows*cols)
	} else {
		c.bytes4 = make([]byte, rows*c.stride4())
	}
	return c
}

// encode fills in the vectors from lo to hi: for each group the range, the
// scale that makes the largest element the largest level, and the levels.
func (c codes) encode(m matrix, lo, hi int) {
	groups, stride := c.groups(c.cols), c.stride4()
	for i := lo; i < hi; i++ {
		at := i * stride
		for g := range groups {
			from := i*c.cols + g*c.group
			to := min(from+c.group, (i+1)*c.cols)
			x := m.data[from:to]
			low, high := stepgrad.MinMax(x)
			q, err := stepgrad.QuantFromRange(low, high, c.bits, true)
			if err != nil {
				panic(err) // the matrix holds finite numbers
			}
			c.scales[i*groups+g] = q.Scale()
			if c.bits == 8 {
				stepgrad.Quantize(c.bytes8[from:to], x, q)
			} else {
				n := (len(x) + 1) / 2
				stepgrad.Quantize4(c.bytes4[at:at+n], x, q, stepgrad.LowFirst)
				at += n
			}
		}
	}
}

// encodeAll uses all cores.
func (c codes) encodeAll(m matrix) {
	stepgrad.Parallel(len(m.data), func(lo, hi int) {
		// A vector belongs to the chunk that holds its first element.
		c.encode(m, (lo+m.cols-1)/m.cols, (hi+m.cols-1)/m.cols)
	})
}

// encodeNaive is encode as the scalar loop that one writes without a library.
// Its levels are the same.
func (c codes) encodeNaive(m matrix, lo, hi int) {
	top := float32(int(1)<<(c.bits-1) - 1)
	groups, stride := c.groups(c.cols), c.stride4()
	for i := lo; i < hi; i++ {
		at := i * stride
		for g := range groups {
			from := i*c.cols + g*c.group
			to := min(from+c.group, (i+1)*c.cols)
			var largest float32
			for _, v := range m.data[from:to] {
				largest = max(largest, v, -v)
			}
			scale := max(largest/top, 0x1p-127)
			if largest == 0 {
				scale = 1
			}
			c.scales[i*groups+g] = scale
			inverse := 1 / scale
			for j := from; j < to; j++ {
				k := float32(math.RoundToEven(float64(m.data[j] * inverse)))
				k = min(max(k, -top), top)
				switch {
				case c.bits == 8:
					c.bytes8[j] = int8(k)
				case (j-from)%2 == 0:
					c.bytes4[at] = byte(int8(k)) & 15
				default:
					c.bytes4[at] |= byte(int8(k)) << 4
					at++
				}
			}
			if c.bits == 4 && (to-from)%2 == 1 {
				at++
			}
		}
	}
}

// dot returns the inner product of vector i and a query of 8-bit levels with
// one scale: per group an int32 sum of integer products, exact, times both
// scales.
func (c codes) dot(i int, query []int8, scale float32) float32 {
	groups, at := c.groups(c.cols), i*c.stride4()
	var total float32
	for g := range groups {
		q := query[g*c.group : min((g+1)*c.group, c.cols)]
		var sum int32
		if c.bits == 8 {
			x := c.bytes8[i*c.cols+g*c.group:][:len(q)]
			for j, k := range x {
				sum += int32(k) * int32(q[j])
			}
		} else {
			n := (len(q) + 1) / 2
			for j, pair := range c.bytes4[at : at+n] {
				sum += int32(int8(pair<<4)>>4) * int32(q[2*j])
				if 2*j+1 < len(q) {
					sum += int32(int8(pair)>>4) * int32(q[2*j+1])
				}
			}
			at += n
		}
		total += float32(float32(sum) * c.scales[i*groups+g]) // not fused: the same everywhere
	}
	return total * scale
}

// search scores every vector against each query, and returns for each the
// positions of the best, best first.
func (c codes) search(queries matrix, n int) [][]int {
	levels := newCodes(format{8, c.cols}, queries.rows(), c.cols)
	levels.encode(queries, 0, queries.rows())
	rows := len(c.scales) / c.groups(c.cols)
	return ranked(queries.rows(), rows, n, func(q, i int) float32 {
		return c.dot(i, levels.bytes8[q*c.cols:(q+1)*c.cols], levels.scales[q])
	})
}

// searchFloat is the search that the others are compared with.
func searchFloat(m, queries matrix, n int) [][]int {
	return ranked(queries.rows(), m.rows(), n, func(q, i int) float32 { return dotFloat(m.row(i), queries.row(q)) })
}

func dotFloat(x, y []float32) float32 {
	var sum float64
	for j, v := range x {
		sum += float64(v) * float64(y[j])
	}
	return float32(sum)
}

// rescore orders each query's candidates by their float score.
func rescore(m, queries matrix, candidates [][]int, n int) [][]int {
	found := make([][]int, len(candidates))
	for q, c := range candidates {
		for _, k := range ranked(1, len(c), n, func(_, i int) float32 { return dotFloat(m.row(c[i]), queries.row(q)) })[0] {
			found[q] = append(found[q], c[k])
		}
	}
	return found
}

// ranked returns for each query the n positions of the highest scores; of
// equal ones, the lowest positions.
func ranked(queries, rows, n int, score func(q, i int) float32) [][]int {
	found := make([][]int, queries)
	var next atomic.Int64
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for q := int(next.Add(1)) - 1; q < queries; q = int(next.Add(1)) - 1 {
				found[q] = best(rows, n, func(i int) float32 { return score(q, i) })
			}
		})
	}
	workers.Wait()
	return found
}

func best(rows, n int, score func(i int) float32) []int {
	type hit struct {
		i     int
		score float32
	}
	var hits []hit // best first
	for i := range rows {
		s := score(i)
		if len(hits) == n && s <= hits[n-1].score {
			continue
		}
		at := sort.Search(len(hits), func(k int) bool { return hits[k].score < s })
		hits = slices.Insert(hits, at, hit{i, s})
		hits = hits[:min(len(hits), n)]
	}
	found := make([]int, len(hits))
	for k, h := range hits {
		found[k] = h.i
	}
	return found
}

// recall is the share of wanted positions that were found.
func recall(wanted, found [][]int) float64 {
	hits, total := 0, 0
	for q, w := range wanted {
		total += len(w)
		for _, i := range found[q] {
			if slices.Contains(w, i) {
				hits++
			}
		}
	}
	return float64(hits) / float64(total)
}
