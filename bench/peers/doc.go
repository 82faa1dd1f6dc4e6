// Package peers measures other libraries beside stepgrad, on the same elements
// in the same run, under the names of package bench. It is a module of its own,
// so that they are no dependency of anyone's.
//
//	go test -C bench/peers -bench . -count 6 > peers.txt
//	benchstat -row /op,/n -col /impl -filter '.unit:ns/op' peers.txt
package peers
