package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"doorleaf/devices/mqttlink"
)

func cmdServe(ctx context.Context, args []string, std stdio) error {
	c, err := readConfig("serve", args, os.Environ(), std)
	if err != nil {
		return err
	}
	log, err := newLogger(c.logLevel, std.err)
	if err != nil {
		return err
	}
	return serve(ctx, c, log, nil)
}

func newLogger(level string, w io.Writer) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("DOORLEAF_LOG_LEVEL (flag -log-level): want debug, info, warn or error, got %q", level)
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: l})), nil
}

// serve runs the gateway until ctx ends or a part of it fails. started, when
// not nil, is called once everything listens, and again when all was opened anew
// because the broker's key was changed.
func serve(ctx context.Context, c *config, log *slog.Logger, started func(*house)) error {
	keepLessGarbage()
	for {
		err := serveOnce(ctx, c, log, started)
		if !errors.Is(err, errOtherKey) {
			return err
		}
		log.Info("starting anew with the other key")
	}
}

// keepLessGarbage lets the collector run at half the usual growth, unless GOGC
// says otherwise: what a gateway holds for thousands of signs stays, and a tenth
// more processor time while all their pictures change costs less than the memory.
func keepLessGarbage() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(50)
	}
}

func serveOnce(ctx context.Context, c *config, log *slog.Logger, started func(*house)) error {
	h, err := openHouse(ctx, c, log)
	if err != nil {
		return err
	}
	defer h.close()
	h.announce()
	if started != nil {
		started(h)
	}
	err = h.run(ctx)
	if errors.Is(err, errOtherKey) {
		h.again()
	}
	return err
}

// group runs the parts of the process; the first that fails ends all.
type group struct {
	wg     sync.WaitGroup
	cancel context.CancelCauseFunc
}

func (g *group) start(ctx context.Context, name string, run func(context.Context) error) {
	g.wg.Go(func() {
		err := run(ctx)
		if err == nil || ctx.Err() != nil {
			return
		}
		g.cancel(fmt.Errorf("%s: %w", name, err))
	})
}

// run starts every part and waits for all of them.
func (h *house) run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	g := &group{cancel: cancel}
	g.start(ctx, "gateway", h.core.Run)
	g.start(ctx, "mqtt link", h.link.Run)
	if h.outside != nil && h.outside.keeper != nil {
		g.start(ctx, "users at the broker", h.outside.keeper.Run)
	}
	g.start(ctx, "calendars", h.calendars.Run)
	g.start(ctx, "web", h.serveHTTP)
	g.start(ctx, "key", h.keyChange)
	<-ctx.Done()
	g.wg.Wait()
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}

func (h *house) serveHTTP(ctx context.Context) error {
	srv := &http.Server{
		Handler:           h.handler(),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(h.log.Handler(), slog.LevelDebug),
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	var err error
	if srv.TLSConfig, err = h.webTLS(ctx); err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() {
		if srv.TLSConfig != nil {
			done <- srv.ServeTLS(h.web, "", "")
			return
		}
		done <- srv.Serve(h.web)
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	_ = srv.Shutdown(stop) // event streams are cut by their request context
	<-done
	return nil
}

// handler routes the health checks and Microsoft's notifications beside the
// admin pages. The notifications' handler bounds what it reads itself.
func (h *house) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", h.admin)
	if h.conf.notificationURL() != "" {
		mux.Handle(notificationPath, h.calendars.Notifications())
	}
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, nil) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) { answer(w, h.ready(r.Context())) })
	return mux
}

func answer(w http.ResponseWriter, err error) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	if err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprintln(w, err)
		return
	}
	fmt.Fprintln(w, "ok")
}

// ready says whether the database answers and the gateway has its broker.
func (h *house) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if _, err := h.store.CountAccounts(ctx); err != nil {
		return errors.New("database does not answer")
	}
	if !h.link.Ready() {
		if s := h.link.State(); s.Trouble != mqttlink.NoTrouble {
			return errors.New("no connection to the MQTT broker: " + s.Trouble.String())
		}
		return errors.New("no connection to the MQTT broker")
	}
	return nil
}

// rootCAs are the system's authorities and those of DOORLEAF_CA_FILE.
func rootCAs(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("DOORLEAF_CA_FILE: %w", err)
	}
	if !pool.AppendCertsFromPEM(b) {
		return nil, fmt.Errorf("DOORLEAF_CA_FILE %s: holds no PEM certificate", file)
	}
	return pool, nil
}

// readPassword reads the first administrator's password from a file.
func readPassword(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", fmt.Errorf("DOORLEAF_ADMIN_PASSWORD_FILE: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, 4096))
	if err != nil {
		return "", fmt.Errorf("DOORLEAF_ADMIN_PASSWORD_FILE: %w", err)
	}
	p := strings.TrimRight(string(b), "\r\n")
	if len([]rune(p)) < 8 {
		return "", fmt.Errorf("DOORLEAF_ADMIN_PASSWORD_FILE %s: the password needs at least 8 characters", file)
	}
	return p, nil
}
