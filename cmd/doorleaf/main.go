// Command doorleaf is the on-premise server behind e-paper signs on meeting-room
// doors, and the tools that firmware and template authors need around it. This
// package only reads configuration and wires the others together.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"doorleaf/devices/broker"
)

// stdio are the three streams of a command, so that tests can replace them.
type stdio struct {
	in       io.Reader
	out, err io.Writer
}

// command is one subcommand. run returns flag.ErrHelp after it printed its own
// usage.
type command struct {
	name    string
	summary string
	run     func(ctx context.Context, args []string, std stdio) error
}

func commands() []command {
	return []command{
		{"serve", "run the gateway: /m, the broker, the calendars", cmdServe},
		{"demo", "run the gateway with a practice Microsoft 365 and six simulated signs", cmdDemo},
		{"sign", "run one simulated sign", cmdSign},
		{"firmware", "for makers of signs: make a key, sign a release", cmdFirmware},
		{"render", "draw a Door (JSON) as PNG or PBM", cmdRender},
		{"dither", "turn a photo into a 1-bit picture", cmdDither},
		{"sheet", "draw every state on every panel in every language", cmdSheet},
		{"wire", "encode and decode pictures as they travel", cmdWire},
		{"backup", "copy database and key of a gateway that may be running", cmdBackup},
		{"restore", "fill an empty data folder from a backup", cmdRestore},
		{"broker-files", "export the users of signs for another MQTT broker", cmdBrokerFiles},
		{"version", "print the version", cmdVersion},
	}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], stdio{os.Stdin, os.Stdout, os.Stderr})
	stop()
	os.Exit(code)
}

// run runs one command line and returns its exit code: 0 done, 1 failed, 2
// wrong usage.
func run(ctx context.Context, args []string, std stdio) int {
	if len(args) == 0 {
		usage(std.err)
		return 2
	}
	if args[0] == "help" || args[0] == "-h" || args[0] == "--help" {
		usage(std.out)
		return 0
	}
	if args[0] == brokerCommand { // ends with the gateway, not with a signal
		if err := broker.RunProcess(std.err); err != nil {
			fmt.Fprintln(std.err, err)
			return 1
		}
		return 0
	}
	for _, c := range commands() {
		if c.name != args[0] {
			continue
		}
		err := c.run(ctx, args[1:], std)
		switch {
		case err == nil:
			return 0
		case errors.Is(err, flag.ErrHelp):
			return 2
		case errors.Is(err, context.Canceled) && ctx.Err() != nil:
			return 0
		}
		fmt.Fprintf(std.err, "doorleaf %s: %v\n", c.name, err)
		return 1
	}
	fmt.Fprintf(std.err, "doorleaf: there is no command %q\n\n", args[0])
	usage(std.err)
	return 2
}

func usage(w io.Writer) {
	fmt.Fprint(w, "Doorleaf shows room calendars on e-paper door signs.\n\nUsage: doorleaf COMMAND [flags]\n\n")
	for _, c := range commands() {
		fmt.Fprintf(w, "  %-12s %s\n", c.name, c.summary)
	}
	fmt.Fprint(w, "\n\"doorleaf COMMAND -h\" lists the flags of a command.\n")
}
