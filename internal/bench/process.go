package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A process is a server that runs beside us.
type process struct {
	cmd     *exec.Cmd
	address string
	started time.Duration // from the start of the process to its first answer
}

// build makes the stripped binary of some sources and returns its path.
func build(dir, sources string) (string, error) {
	path := filepath.Join(dir, "noafhir")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, "./cmd/noafhir")
	cmd.Dir = sources
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the server: %w\n%s", err, out)
	}
	return path, nil
}

// freeAddress returns a loopback address that nobody listens at.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// startProcess starts a server that listens at an address, and waits for its
// first answer. Its log goes to a file, as it would in use.
func startProcess(cmd *exec.Cmd, address, log string) (*process, error) {
	out, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	cmd.Stderr = out
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, address: address}
	ask := request("GET", "/readyz", nil)
	for time.Since(begin) < 2*time.Minute {
		if c, err := dial(address); err == nil {
			status, _, err := c.do(ask)
			c.conn.Close()
			if err == nil && status == 200 {
				p.started = time.Since(begin)
				return p, nil
			}
		}
		time.Sleep(200 * time.Microsecond)
	}
	p.kill()
	text, _ := os.ReadFile(log)
	return nil, fmt.Errorf("the server does not answer: %s", text)
}

// stop has the server end in peace.
func (p *process) stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return p.cmd.Wait()
}

// kill ends the server at once.
func (p *process) kill() {
	p.cmd.Process.Kill()
	p.cmd.Wait()
}

// cpu returns the processor time that a process has used: 10 ms is the unit.
func (p *process) cpu() time.Duration {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(data[strings.LastIndexByte(string(data), ')')+1:]))
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

// anonymous returns how much memory of a process is not backed by a file, in MB.
func anonymous(pid int) (float64, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, "RssAnon:"); ok {
			kib, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(rest), " kB"))
			return float64(kib) / 1024, err
		}
	}
	return 0, fmt.Errorf("process %d tells no RssAnon", pid)
}
