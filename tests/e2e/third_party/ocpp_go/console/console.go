// Package console is how the back ends (CSMS) of the end-to-end tests say what they see, and how they
// are told to send a command of their own.
package console

import (
	"bufio"
	"encoding/json"
	"os"
	"strings"
	"sync"
)

// Token is who every session is for.
const Token = "DRIVER-1"

var printing sync.Mutex

// Report prints one event and its fields as a line of JSON.
func Report(event string, fields map[string]any) {
	line := map[string]any{"event": event}
	for key, value := range fields {
		line[key] = value
	}
	printing.Lock()
	defer printing.Unlock()
	_ = json.NewEncoder(os.Stdout).Encode(line)
}

// Heard prints what a station said.
func Heard(station, method string, params any) {
	Report("heard", map[string]any{"station": station, "method": method, "params": params})
}

// Answer prints what a station answered to a command.
func Answer(station, method string, result any, err error) {
	fields := map[string]any{"station": station, "method": method}
	if err != nil {
		fields["error"] = err.Error()
	} else {
		fields["result"] = result
	}
	Report("answer", fields)
}

// Commands calls what belongs to the word of each line, `start`, `stop` or `unlock`, with the station.
func Commands(by map[string]func(station string) error) {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		word, station, _ := strings.Cut(lines.Text(), " ")
		if err := by[word](station); err != nil {
			Report("violation", map[string]any{"station": station, "error": err.Error()})
		}
	}
}

// Sessions are the ids under which stations charge.
type Sessions[ID any] struct {
	mu  sync.Mutex
	ids map[string]ID
}

// Set keeps the id of a station's session.
func (s *Sessions[ID]) Set(station string, id ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ids == nil {
		s.ids = map[string]ID{}
	}
	s.ids[station] = id
}

// Of is the id of a station's session.
func (s *Sessions[ID]) Of(station string) ID {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ids[station]
}
