// Command bochs-init is /init of the machine that .ci/avx512-bochs boots: it
// says which processor it is on, runs the test binary, reports, and powers off.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// What fits in a minute of emulation. Only the subtests on the AVX-512 tier
// run: other legs have the rest on real hardware.
var runs = [][]string{
	{"-test.short", "-test.run=TestISA|TestConformance/./float/avx512|TestNamedTypes/avx512|TestNoAllocations/avx512|TestDigest/avx512"},
	// Those with vector code of their own; the others are made of them.
	{"-test.short", "-test.run=TestWholes/avx512/^(FakeQuantize|FakeQuantizeGrad|Quantize|Dequantize|Quantize4|Dequantize4|MinMax|Uniform|Normal|LogSoftmax)$/float"},
	{"-test.run=TestGuardPages/./avx512|TestGuardWorks"},
}

func main() {
	if err := run(); err != nil {
		fmt.Println("init:", err)
	} else {
		fmt.Println("init: exit status 0")
	}
	const tcsbrk, drain = 0x5409, 1 // what tcdrain does
	syscall.Syscall(syscall.SYS_IOCTL, os.Stdout.Fd(), tcsbrk, drain)
	time.Sleep(300 * time.Millisecond) // the last bytes are still in the UART
	fmt.Println("init: power off:", syscall.Reboot(syscall.LINUX_REBOOT_CMD_POWER_OFF))
	select {} // were init to end, the kernel would panic
}

func run() error {
	if err := syscall.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	cpu, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(cpu)) {
		if strings.HasPrefix(line, "model name") || strings.HasPrefix(line, "flags") {
			fmt.Print("init: ", line)
		}
	}
	for _, args := range runs {
		// -isa fails the run before its first test if this is not the tier.
		test := exec.Command("/stepgrad.test", append([]string{"-isa=avx512", "-test.v"}, args...)...)
		test.Stdin, test.Stdout, test.Stderr = os.Stdin, os.Stdout, os.Stdout // there is no /dev/null
		fmt.Println("init:", test)
		if err := test.Run(); err != nil {
			return err // "exit status 1", or the signal
		}
	}
	return nil
}
