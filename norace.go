//go:build !race

package stepgrad

const race = false

func raceRead[E any]([]E)  {}
func raceWrite[E any]([]E) {}
