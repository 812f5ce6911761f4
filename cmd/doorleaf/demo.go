package main

import (
	"context"
	"flag"
	"fmt"
	"html/template"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"doorleaf/devices"
	"doorleaf/devices/simsign"
	"doorleaf/gateway/calendar"
	"doorleaf/graphsync/graphtest"
)

// demo is the practice office: a stand-in for Microsoft 365, a gateway and six
// signs, all on the loopback of this machine.
type demo struct {
	conf    *config
	log     *slog.Logger
	graph   *graphtest.Server
	app     graphtest.App
	started bool   // serves
	setup   string // one-time link for the first administrator, "" when there is one
	signs   []*demoSign
	page    *template.Template
}

// demoSign is one simulated sign of the demo.
type demoSign struct {
	Number        int
	Panel         string
	Width, Height int
	AlwaysOn      bool
	sign          *simsign.Sign
}

func demoSigns() []*demoSign {
	return []*demoSign{
		{Panel: "800x480", Width: 800, Height: 480, AlwaysOn: true},
		{Panel: "400x300", Width: 400, Height: 300, AlwaysOn: true},
		{Panel: "296x128", Width: 296, Height: 128, AlwaysOn: true},
		{Panel: "648x480", Width: 648, Height: 480},
		{Panel: "416x240", Width: 416, Height: 240},
		{Panel: "640x384", Width: 640, Height: 384, AlwaysOn: true},
	}
}

// demoWall is where the glasses of the signs can be seen.
const demoWall = "127.0.0.1:8090"

func cmdDemo(ctx context.Context, args []string, std stdio) error {
	fs := flag.NewFlagSet("doorleaf demo", flag.ContinueOnError)
	fs.SetOutput(std.err)
	data := fs.String("data", "", "empty folder for the demo; default a temporary one, removed at the end")
	listen := fs.String("listen", "127.0.0.1:8080", "address of the gateway's /m")
	wall := fs.String("wall", demoWall, "address of the page with the signs")
	mqtt := fs.String("mqtt-listen", "mqtt://127.0.0.1:1883", "address of the broker")
	if err := fs.Parse(args); err != nil {
		return flag.ErrHelp
	}
	log, err := newLogger("info", std.err)
	if err != nil {
		return err
	}
	if *data == "" {
		if *data, err = os.MkdirTemp("", "doorleaf-demo-"); err != nil {
			return err
		}
		defer os.RemoveAll(*data)
	}
	d := &demo{log: log, signs: demoSigns()}
	if err := d.openOffice(*data, *listen, *mqtt); err != nil {
		return err
	}
	defer d.graph.Close()
	wallListener, err := net.Listen("tcp", *wall)
	if err != nil {
		return fmt.Errorf("-wall: %w", err)
	}
	defer wallListener.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	return serve(ctx, d.conf, log, func(h *house) {
		if d.started {
			return
		}
		d.started = true
		d.setup = h.setupURL
		d.startSigns(ctx)
		go d.serveWall(ctx, wallListener)
		go d.setZones(ctx, h)
		d.explain(std, wallListener.Addr().String())
	})
}

// openOffice starts the stand-in, registers the gateway there and makes the
// gateway's configuration.
func (d *demo) openOffice(data, listen, mqtt string) error {
	if err := os.MkdirAll(data, 0o700); err != nil {
		return fmt.Errorf("-data: %w", err)
	}
	graph, err := graphtest.New(graphtest.Options{Office: true, Logger: d.log})
	if err != nil {
		return err
	}
	d.graph = graph
	ca := filepath.Join(data, "practice-ca.pem")
	if err := os.WriteFile(ca, graph.CAPEM(), 0o644); err != nil {
		graph.Close()
		return fmt.Errorf("-data: %w", err)
	}
	d.conf, err = readConfig("demo", []string{
		"-data", filepath.Join(data, "gateway"), "-listen", listen, "-mqtt-listen", mqtt,
		"-login-url", graph.LoginURL(), "-graph-url", graph.GraphURL(), "-ca-file", ca, "-poll-interval", "3s",
	}, nil, stdio{})
	if err != nil {
		graph.Close()
		return err
	}
	d.conf.brokerInside = true // one process to look at
	d.app = graph.RegisterApp(graphtest.AppRegistration{Name: "Doorleaf", RedirectURIs: []string{d.conf.publicURL + "/m"},
		Delegated:   []string{"offline_access", "Calendars.Read", "Calendars.Read.Shared", "Place.Read.All"},
		Application: []string{"Place.Read.All", "Calendars.Read"}})
	return nil
}

// startSigns starts the signs, fresh out of their boxes.
func (d *demo) startSigns(ctx context.Context) {
	gateway := d.conf.mqttListen[0]
	for i, s := range d.signs {
		s.Number = i + 1
		sign, err := simsign.New(simsign.Options{Gateway: gateway, Panel: devices.PanelBySize(s.Width, s.Height),
			Serial: fmt.Sprintf("DEMO-%d", s.Number), AlwaysOn: s.AlwaysOn})
		if err != nil {
			d.log.Error("simulated sign", "number", s.Number, "err", err)
			continue
		}
		s.sign = sign
		go func() {
			if err := sign.Run(ctx); err != nil && ctx.Err() == nil {
				d.log.Error("simulated sign", "number", s.Number, "err", err)
			}
		}()
	}
}

// setZones gives each room its time zone as soon as the gateway lists it, which
// is what a manager would choose on the Rooms page.
func (d *demo) setZones(ctx context.Context, h *house) {
	zones := map[calendar.RoomID]string{}
	for _, r := range d.graph.Rooms() {
		zones[calendar.NewRoomID(r.Email)] = r.TimeZone
	}
	changed, stop := h.core.Watch()
	defer stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case <-time.After(time.Second):
		}
		rooms, err := h.store.Rooms(ctx)
		if err != nil {
			continue
		}
		for _, r := range rooms {
			zone := zones[r.ID]
			if r.Zone != "" || zone == "" {
				continue
			}
			delete(zones, r.ID) // once: the manager may choose another
			if err := h.store.SetRoomZone(ctx, r.ID, zone); err != nil {
				d.log.Error("time zone of a room", "room", r.ID, "err", err)
			}
			h.core.AgendaChanged(r.ID)
		}
	}
}

// explain prints what to do, in the order of the manual.
func (d *demo) explain(std stdio, wall string) {
	open := d.setup
	if open == "" {
		open = d.conf.publicURL + "/m"
	}
	fmt.Fprintf(std.out, `
Doorleaf's practice office is running. Everything is on this machine.

  Signs and calendars   http://%s
  Gateway               %s

  1. Open the gateway and create the first administrator.
  2. Settings > Integration > Settings > Office 365 > Edit:
       Client ID      %s
       Client Secret  %s
       Tenant         %s
       Cloud          Custom (filled in)
     Save.
  3. Settings > Integration > Office 365 > Connect. The browser warns about the
     stand-in's certificate: continue. Sign in as
       %s
       %s
     and accept: the rooms are listed. Press "Grant application permissions"
     and accept: changes now arrive within seconds.
  4. Pair: type the code a sign shows, choose a room.
  5. Move a meeting on the first page and watch the sign.

Press Ctrl-C to stop.
`, wall, open, d.app.ClientID, d.app.Secret, d.graph.TenantID(), d.admin(), graphtest.AdminPassword)
}

func (d *demo) admin() string { return graphtest.AdminName + "@" + d.graph.Domain() }

func (d *demo) serveWall(ctx context.Context, l net.Listener) {
	srv := &http.Server{Handler: d.wall(), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second}
	go func() {
		<-ctx.Done()
		_ = srv.Close()
	}()
	if err := srv.Serve(l); err != nil && ctx.Err() == nil {
		d.log.Error("practice page", "err", err)
	}
}
