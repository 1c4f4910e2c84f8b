package handlers

import (
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/noafhir/noafhir/fhir"
)

// log writes the access log: what was done to what, and how it went. There is
// nothing of a patient in it but a logical id.
func (x *exchange) log(duration time.Duration) {
	logger := x.server.options.Logger
	if logger == nil {
		return
	}
	level := slog.LevelInfo
	if x.status >= 500 {
		level = slog.LevelWarn
	}
	logger.LogAttrs(x.r.Context(), level, "request",
		slog.String("request", x.id),
		slog.String("method", x.loggedMethod()),
		slog.String("interaction", x.action.name),
		slog.String("type", x.loggedType()),
		slog.String("id", x.loggedID()),
		slog.Int("status", x.status),
		slog.Duration("duration", duration),
		slog.Int("bytes", x.size),
	)
}

// loggedType returns the resource type, if there is such a type: anything else
// is text from the client.
func (x *exchange) loggedType() string {
	if x.server.codec.Schema.ResourceByName(x.req.Key.Type) == 0 {
		return ""
	}
	return x.req.Key.Type
}

// loggedID returns the logical id, if it is one.
func (x *exchange) loggedID() string {
	if !fhir.ValidID(x.req.Key.ID) {
		return ""
	}
	return x.req.Key.ID
}

// loggedMethod returns the method, if HTTP has it.
func (x *exchange) loggedMethod() string {
	switch x.r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return x.r.Method
	}
	return "other"
}

// recovered answers after a panic. The reason may hold what a client sent, so
// only its type is logged, beside the stack.
func (x *exchange) recovered(reason any) {
	if reason == http.ErrAbortHandler {
		panic(reason)
	}
	if logger := x.server.options.Logger; logger != nil {
		text := fmt.Sprintf("%T", reason)
		if err, ok := reason.(interface{ RuntimeError() }); ok {
			text = err.(error).Error()
		}
		logger.Error("panic", "request", x.id, "interaction", x.action.name, "reason", text, "stack", string(debug.Stack()))
	}
	if x.status != 0 {
		panic(http.ErrAbortHandler) // the response is cut off, so the client must not take it for whole
	}
	x.present(http.StatusInternalServerError, x.internalIssues())
}
