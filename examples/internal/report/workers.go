package report

import (
	"runtime"
	"sync"
)

// Workers runs the functions given to work, as many at a time as there are
// processors; wait returns when all have returned.
func Workers() (work func(f func()), wait func()) {
	free := make(chan struct{}, runtime.GOMAXPROCS(0))
	group := new(sync.WaitGroup)
	return func(f func()) {
		group.Go(func() {
			free <- struct{}{}
			f()
			<-free
		})
	}, group.Wait
}
