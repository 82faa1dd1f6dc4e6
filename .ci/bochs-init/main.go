// Command bochs-init is /init of the machine that .ci/avx512-bochs boots: it
// says which processor it is on, runs /stepgrad.test with its own arguments
// (what the kernel's command line has after "--"), reports, and powers off.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

func main() {
	// Without a status line the host calls the run a failure, so no error
	// needs more than a line.
	if err := run(); err != nil {
		fmt.Println("init:", err)
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

	test := exec.Command("/stepgrad.test", os.Args[1:]...)
	out, err := test.StdoutPipe()
	if err != nil {
		return err
	}
	test.Stderr = test.Stdout
	fmt.Println("init:", test)
	if err := test.Start(); err != nil {
		return err
	}
	// -test.v says that a test ran; its hundreds of subtests that passed would
	// only keep the serial port busy.
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n')
		if s := strings.TrimLeft(line, " "); !strings.HasPrefix(s, "=== ") && (s == line || !strings.HasPrefix(s, "--- PASS")) {
			fmt.Print(line)
		}
		if err != nil {
			break
		}
	}
	if err := test.Wait(); err != nil && !errors.As(err, new(*exec.ExitError)) {
		return err
	}
	fmt.Println("init:", test.ProcessState) // "exit status 0", or the signal
	return nil
}
