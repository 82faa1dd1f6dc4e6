package report

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
)

// Main runs an example: parse makes options of the arguments, or the text of
// -h; run does the work and prints what it found.
func Main[O any](name string, parse func(args []string) (o O, help string, err error), run func(o O, w io.Writer) error) {
	o, help, err := parse(os.Args[1:])
	switch {
	case err != nil:
		fmt.Fprintf(os.Stderr, "%s: %v; -h shows the flags\n", name, err)
		os.Exit(2)
	case help != "":
		fmt.Print(help)
		return
	}
	if err := run(o, os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
}

// Parse parses the arguments; for -h it returns usage and a line for every flag.
func Parse(flags *flag.FlagSet, usage string, args []string) (help string, err error) {
	flags.SetOutput(io.Discard)
	err = flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		b := new(strings.Builder)
		b.WriteString(usage)
		flags.VisitAll(func(f *flag.Flag) {
			name, text := flag.UnquoteUsage(f)
			if f.DefValue != "" {
				text += " (default " + f.DefValue + ")"
			}
			fmt.Fprintf(b, "  -%-14s %s\n", f.Name+" "+name, text)
		})
		return b.String(), nil
	case err == nil && flags.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	return "", err
}
