package autograd

import "github.com/stepgrad/stepgrad"

// Floor returns ⌊x⌋, as stepgrad.Floor. Its gradient is declared zero, as
// torch.floor's: nothing arrives at x, not even where dy is NaN. Explain finds
// it in a graph that does not learn; FloorSTE and SoftFloor learn.
func Floor[T stepgrad.Float](x *Var[T]) *Var[T] { return hard("Floor", x, stepgrad.Floor[T]) }

// Ceil returns ⌈x⌉, as stepgrad.Ceil. Its gradient is declared zero: see Floor.
func Ceil[T stepgrad.Float](x *Var[T]) *Var[T] { return hard("Ceil", x, stepgrad.Ceil[T]) }

// Round returns x rounded to the nearest integer, ties to even, as
// stepgrad.Round. Its gradient is declared zero: see Floor.
func Round[T stepgrad.Float](x *Var[T]) *Var[T] { return hard("Round", x, stepgrad.Round[T]) }

// RoundAway returns x rounded to the nearest integer, ties away from zero, as
// stepgrad.RoundAway. Its gradient is declared zero: see Floor.
func RoundAway[T stepgrad.Float](x *Var[T]) *Var[T] {
	return hard("RoundAway", x, stepgrad.RoundAway[T])
}

// Trunc returns x without its fraction, as stepgrad.Trunc. Its gradient is
// declared zero: see Floor.
func Trunc[T stepgrad.Float](x *Var[T]) *Var[T] { return hard("Trunc", x, stepgrad.Trunc[T]) }

func hard[T stepgrad.Float](op string, x *Var[T], kernel func(dst, x []T)) *Var[T] {
	return blocked(op, mapped(x, kernel), x.shape, x)
}
