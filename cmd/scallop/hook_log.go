package main

import (
	"fmt"
	"log/syslog"
	"strings"
)

// hookLog is the system's log, which nothing that was detached can do without. Where none listens,
// nothing is said.
type hookLog struct{ out *syslog.Writer }

// hookTag is the name that messages have in the log.
const hookTag = "scallop-hook"

func openHookLog() *hookLog {
	out, err := syslog.New(syslog.LOG_DAEMON|syslog.LOG_INFO, hookTag)
	if err != nil {
		return &hookLog{}
	}
	return &hookLog{out}
}

func (l *hookLog) info(format string, args ...any) {
	if l.out != nil {
		_ = l.out.Info(logLine(format, args...)) // who should be told?
	}
}

func (l *hookLog) warning(format string, args ...any) {
	if l.out != nil {
		_ = l.out.Warning("warning: " + logLine(format, args...))
	}
}

func (l *hookLog) failure(err error) {
	if l.out != nil {
		_ = l.out.Err(logLine("%v", err))
	}
}

func logLine(format string, args ...any) string {
	return strings.TrimSpace(oneLine(fmt.Errorf(format, args...)))
}
