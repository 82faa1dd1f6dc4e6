// Command asm writes every generated file of the module:
//
//	go -C asm run .
//
// The vector code comes from the bodies in this package, the Go glue and the
// documentation tables from the catalogue in kernels/. TestFresh compares what
// is in the tree with what would be written.
package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
)

func main() {
	files, err := generate()
	if err != nil {
		fmt.Fprintln(os.Stderr, "asm:", err)
		os.Exit(1)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join("..", name), text, 0o644); err != nil {
			fmt.Fprintln(os.Stderr, "asm:", err)
			os.Exit(1)
		}
	}
}

// generate returns every generated file, by its path from the root.
func generate() (map[string][]byte, error) {
	rs := routines()
	files := map[string][]byte{}
	src, _, err := amd64File(rs)
	if err != nil {
		return nil, err
	}
	files["kernels_amd64.s"] = src
	files["kernels_arm64.s"] = arm64File(rs)
	tables, err := docs()
	if err != nil {
		return nil, err
	}
	cpuid, err := cpuidFiles()
	if err != nil {
		return nil, err
	}
	maps.Copy(files, cpuid)
	maps.Copy(files, glue(rs))
	maps.Copy(files, tables)
	return files, nil
}
