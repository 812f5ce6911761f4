package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"doorleaf/devices/provision"
	"doorleaf/gateway/sqlite"
)

const brokerFilesUsage = `Usage:
  doorleaf broker-files [-data DIR] [-master-key-file FILE] [-user NAME -password-file FILE] [-client-id ID] FOLDER

Writes what a broker that is not Doorleaf's has to know of the paired signs: a
password file and an access list of mosquitto, users and rules of EMQX, and
definitions of RabbitMQ. Stop the gateway first; with
DOORLEAF_MQTT_PROVISION=files a running one keeps these files by itself. -user
is what the gateway logs in with.

`

// cmdBrokerFiles exports the users of signs.
func cmdBrokerFiles(ctx context.Context, args []string, std stdio) error {
	fs := flag.NewFlagSet("doorleaf broker-files", flag.ContinueOnError)
	fs.SetOutput(std.err)
	data, key := dataFlags(fs)
	user := fs.String("user", "", "user name of the gateway at the broker")
	passwordFile := fs.String("password-file", "", "file with its password")
	clientID := fs.String("client-id", "gateway", "first part of the gateway's client id")
	fs.Usage = func() { fmt.Fprint(std.err, brokerFilesUsage); fs.PrintDefaults() }
	if err := fs.Parse(args); err != nil {
		return flag.ErrHelp
	}
	if fs.NArg() != 1 || (*user == "") != (*passwordFile == "") {
		fs.Usage()
		return flag.ErrHelp
	}
	conf := &config{data: *data, masterKeyFile: keyFile(*data, *key)}
	conf.external = externalConf{user: *user, passwordFile: *passwordFile, clientID: *clientID, files: fs.Arg(0), provision: provisionFiles}
	if err := setClientID(conf, *clientID); err != nil {
		return fmt.Errorf("-client-id: %w", err)
	}
	ch, err := brokerFiles(ctx, conf)
	if err != nil {
		return err
	}
	fmt.Fprintf(std.out, "%s: %d signs added, %d changed, %d removed\n", fs.Arg(0), ch.Added, ch.Updated, ch.Removed)
	if ch.Unknown > 0 {
		fmt.Fprintf(std.out, "%d signs were paired by an earlier version that kept no password: only EMQX will let them in, others after they are paired again\n", ch.Unknown)
	}
	return nil
}

func brokerFiles(ctx context.Context, c *config) (ch provision.Changes, err error) {
	path := filepath.Join(c.data, "doorleaf.db")
	if _, err := os.Stat(path); err != nil { // opening would make one
		return ch, err
	}
	if _, err := os.Stat(c.masterKeyFile); err != nil {
		return ch, err
	}
	key, err := sqlite.LoadKey(c.masterKeyFile)
	if err != nil {
		return ch, err
	}
	store, err := sqlite.Open(ctx, sqlite.Options{Path: path, Key: key, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		return ch, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	gw, _, err := c.external.accounts("")
	if err != nil {
		return ch, err
	}
	kept, err := keptBroker(ctx, c, &outside{account: gw}, gw, store)
	if err != nil {
		return ch, err
	}
	logins, err := store.Logins(ctx)
	if err != nil {
		return ch, err
	}
	return kept.Reconcile(ctx, logins)
}
