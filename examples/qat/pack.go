package main

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/nlpodyssey/safetensors"
)

// pack puts levels of so many bits one after the other, the first in the lowest
// bits of the first byte: for 4 bits that is stepgrad.LowFirst.
func pack(levels []int8, width int) []byte {
	packed := make([]byte, (len(levels)*width+7)/8)
	for i, k := range levels {
		at, shift := i*width/8, i*width%8
		v := uint16(k) & (1<<width - 1) << shift
		packed[at] |= byte(v)
		if v > 0xff {
			packed[at+1] |= byte(v >> 8)
		}
	}
	return packed
}

// unpack gets n levels back.
func unpack(packed []byte, n, width int) []int8 {
	levels := make([]int8, n)
	for i := range levels {
		at, shift := i*width/8, i*width%8
		v := uint16(packed[at])
		if shift+width > 8 {
			v |= uint16(packed[at+1]) << 8
		}
		levels[i] = int8(v>>shift<<(8-width)) >> (8 - width)
	}
	return levels
}

// A view is a tensor to be stored.
type view struct {
	dtype safetensors.DType
	shape []uint64
	data  []byte
}

func (v view) DType() safetensors.DType { return v.dtype }
func (v view) Shape() []uint64          { return v.shape }
func (v view) Data() []byte             { return v.data }
func (v view) DataLen() uint64          { return uint64(len(v.data)) }

func littleEndian[T any](dtype safetensors.DType, data []T, shape ...uint64) view {
	b, err := binary.Append(nil, binary.LittleEndian, data)
	if err != nil {
		panic(err) // numbers have a size
	}
	return view{dtype, shape, b}
}

// save makes a safetensors file of the network. Weights are (out, in), int8 or
// packed into bytes row by row.
func (n intNetwork) save() ([]byte, error) {
	tensors := map[string]view{"activation.scale": littleEndian(safetensors.F32, []float32{n.activeScale}, 1)}
	for name, l := range map[string]intLayer{"first": n.first, "second": n.second} {
		out := uint64(l.out)
		weights := view{safetensors.I8, []uint64{out, uint64(l.in)}, pack(l.weights, n.weightBits)}
		if n.weightBits != 8 {
			weights.dtype, weights.shape[1] = safetensors.U8, uint64(len(weights.data)/l.out)
		}
		tensors[name+".weight"] = weights
		tensors[name+".weight_scale"] = littleEndian(safetensors.F32, l.scale, out)
		tensors[name+".bias"] = littleEndian(safetensors.I32, l.bias, out)
	}
	return safetensors.Serialize(tensors, map[string]string{
		"weight_bits": strconv.Itoa(n.weightBits), "activation_bits": strconv.Itoa(n.activationBits),
	})
}

// save makes a safetensors file of the network in float.
func (n network) save() ([]byte, error) {
	tensors := map[string]view{}
	for name, p := range map[string]tensor{"first.weight": n.w1, "first.bias": n.b1, "second.weight": n.w2, "second.bias": n.b2} {
		var shape []uint64
		for _, d := range p.Shape() {
			shape = append(shape, uint64(d))
		}
		tensors[name] = littleEndian(safetensors.F32, p.Data(), shape...)
	}
	return safetensors.Serialize(tensors, nil)
}

// load reads what save of an intNetwork has made.
func load(file []byte) (intNetwork, error) {
	st, err := safetensors.Deserialize(file)
	if err != nil {
		return intNetwork{}, err
	}
	_, header, err := safetensors.ReadMetadata(file)
	if err != nil {
		return intNetwork{}, err
	}
	var n intNetwork
	find := func(w width) bool {
		return strconv.Itoa(w.weightBits) == header.Metadata()["weight_bits"] && strconv.Itoa(w.activationBits) == header.Metadata()["activation_bits"]
	}
	i := slices.IndexFunc(widths, find)
	if i < 0 {
		return intNetwork{}, fmt.Errorf("no network of %q-bit weights and %q-bit activations", header.Metadata()["weight_bits"], header.Metadata()["activation_bits"])
	}
	n.width = widths[i]

	get := func(name string, dtype safetensors.DType, into any, shape ...uint64) {
		if err != nil {
			return
		}
		v, ok := st.Tensor(name)
		switch {
		case !ok:
			err = fmt.Errorf("no tensor %s", name)
		case v.DType() != dtype || !slices.Equal(v.Shape(), shape):
			err = fmt.Errorf("%s is %v of shape %v, must be %v of shape %v", name, v.DType(), v.Shape(), dtype, shape)
		default:
			_, err = binary.Decode(v.Data(), binary.LittleEndian, into)
		}
	}
	powersOfTwo := func(name string, scales []float32) {
		for _, s := range scales {
			if f, e := math.Frexp(float64(s)); err == nil && (f != 0.5 || e < -100 || e > 100) {
				err = fmt.Errorf("%s has %v, must be a power of two", name, s)
			}
		}
	}
	activation := make([]float32, 1)
	get("activation.scale", safetensors.F32, activation, 1)
	powersOfTwo("activation.scale", activation)
	n.activeScale = activation[0]
	layer := func(name string, in, out int) intLayer {
		l := intLayer{in: in, out: out, bias: make([]int32, out), scale: make([]float32, out)}
		dtype, row := safetensors.I8, in*n.weightBits/8
		if n.weightBits != 8 {
			dtype = safetensors.U8
		}
		packed := make([]byte, out*row)
		get(name+".weight", dtype, packed, uint64(out), uint64(row))
		l.weights = unpack(packed, in*out, n.weightBits)
		get(name+".weight_scale", safetensors.F32, l.scale, uint64(out))
		powersOfTwo(name+".weight_scale", l.scale)
		get(name+".bias", safetensors.I32, l.bias, uint64(out))
		for _, b := range l.bias {
			if err == nil && (b < leastBias || b > mostBias) {
				err = fmt.Errorf("%s.bias has %d, must be within 16 bits", name, b)
			}
		}
		return l
	}
	n.first, n.second = layer("first", pixels, hidden), layer("second", hidden, classes)
	return n, err
}
