package report

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// Progress returns a function to be called once for each of total parts of the
// work, by any goroutine; what is the word for the work. It shows a bar on a
// terminal, and elsewhere a line for every tenth of the work, so that logs stay
// short.
func Progress(what string, total int, w *os.File) (tick func()) {
	terminal := term.IsTerminal(int(w.Fd()))
	to := io.Discard
	if terminal {
		to = w
	}
	bar := progressbar.NewOptions(total,
		progressbar.OptionSetWriter(to),
		progressbar.OptionSetDescription(what+" [taken:left]"),
		progressbar.OptionSetWidth(40),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish(),
	)
	var mu sync.Mutex
	done := 0
	return func() {
		mu.Lock()
		defer mu.Unlock()
		done++
		bar.Add(1)
		if before := done - 1; !terminal && 10*done/total > 10*before/total {
			fmt.Fprintf(w, "%s: %d%%, %.0f s left\n", what, 100*done/total, bar.State().SecondsLeft)
		}
	}
}
