package provision

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/eclipse/paho.mqtt.golang/packets"
)

// Topics of mosquitto's dynamic-security plugin
// (mosquitto.org/documentation/dynamic-security).
const (
	controlTopic  = "$CONTROL/dynamic-security/v1"
	responseTopic = "$CONTROL/dynamic-security/v1/response"
)

// Limits of talking to the plugin. It saves its whole state after each command
// and the broker waits meanwhile, so batches are small.
const (
	controlTimeout = 15 * time.Second
	batchSize      = 20
	pageSize       = 40
	maxResponse    = 1 << 20 // bytes
)

// command is one command to the plugin; absent fields are left out.
type command struct {
	Command         string    `json:"command"`
	CorrelationData string    `json:"correlationData,omitempty"`
	Username        string    `json:"username,omitempty"`
	ClientID        string    `json:"clientid,omitempty"`
	Password        string    `json:"password,omitempty"`
	RoleName        string    `json:"rolename,omitempty"`
	TextName        string    `json:"textname,omitempty"`
	TextDescription string    `json:"textdescription,omitempty"`
	Roles           []roleRef `json:"roles,omitempty"`
	ACLs            []rule    `json:"acls,omitempty"`
	Verbose         bool      `json:"verbose,omitempty"`
	Count           int       `json:"count,omitempty"`
	Offset          int       `json:"offset,omitempty"`
	Priority        int       `json:"priority,omitempty"`
}

type roleRef struct {
	RoleName string `json:"rolename"`
}

// rule is one line of a role.
type rule struct {
	Type     string `json:"acltype"`
	Topic    string `json:"topic"`
	Priority int    `json:"priority"`
	Allow    bool   `json:"allow"`
}

// answer is the plugin's answer to one command.
type answer struct {
	Command         string `json:"command"`
	CorrelationData string `json:"correlationData"`
	Error           string `json:"error"`
	Data            struct {
		Client  *client         `json:"client"`
		Total   int             `json:"totalCount"`
		Clients json.RawMessage `json:"clients"`
		Roles   json.RawMessage `json:"roles"`
	} `json:"data"`
}

// client is a user as the plugin describes it.
type client struct {
	Username        string    `json:"username"`
	ClientID        string    `json:"clientid"`
	TextDescription string    `json:"textdescription"`
	Disabled        bool      `json:"disabled"`
	Roles           []roleRef `json:"roles"`
	Groups          []struct {
		Name string `json:"groupname"`
	} `json:"groups"`
}

// has reports whether the client has exactly this role and no group.
func (c client) has(role string) bool {
	return len(c.Roles) == 1 && c.Roles[0].RoleName == role && len(c.Groups) == 0
}

// role is a role as the plugin describes it.
type role struct {
	RoleName        string `json:"rolename"`
	TextDescription string `json:"textdescription"`
	ACLs            []rule `json:"acls"`
}

// control is one connection to the plugin, for one piece of work.
type control struct {
	client  mqtt.Client
	answers chan []byte
	lost    chan error
	tag     string // of this connection's commands: other administrators' answers arrive too
}

// dialControl connects to the broker as its administrator.
func dialControl(ctx context.Context, server string, conf *tls.Config, admin Account) (*control, error) {
	c := &control{answers: make(chan []byte, 16), lost: make(chan error, 1), tag: rand.Text()[:16]}
	o := mqtt.NewClientOptions().AddBroker(server).SetClientID("doorleaf-admin-" + strings.ToLower(c.tag)).
		SetUsername(admin.User).SetPassword(admin.Password).SetProtocolVersion(4).SetCleanSession(true).
		SetAutoReconnect(false).SetConnectRetry(false).SetConnectTimeout(5 * time.Second).SetWriteTimeout(5 * time.Second).
		SetConnectionLostHandler(func(_ mqtt.Client, err error) {
			select {
			case c.lost <- err:
			default:
			}
		})
	if conf != nil {
		o.SetTLSConfig(conf)
	}
	c.client = mqtt.NewClient(o)
	if err := await(ctx, c.client.Connect()); err != nil {
		c.client.Disconnect(1)
		if errors.Is(err, packets.ErrorRefusedBadUsernameOrPassword) || errors.Is(err, packets.ErrorRefusedNotAuthorised) {
			return nil, ErrRefused
		}
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	t := c.client.Subscribe(responseTopic, 1, func(_ mqtt.Client, m mqtt.Message) {
		if len(m.Payload()) > maxResponse {
			return
		}
		select {
		case c.answers <- m.Payload():
		default: // a flood of answers that are not ours
		}
	})
	if err := await(ctx, t); err != nil {
		c.close()
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	if st, ok := t.(*mqtt.SubscribeToken); ok && st.Result()[responseTopic] > 2 {
		c.close()
		return nil, ErrNoPlugin
	}
	return c, nil
}

func (c *control) close() { c.client.Disconnect(100) }

func await(ctx context.Context, t mqtt.Token) error {
	timer := time.NewTimer(controlTimeout)
	defer timer.Stop()
	select {
	case <-t.Done():
		return t.Error()
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return errors.New("no answer in time")
	}
}

// do sends commands and returns their answers in order. A command that fails
// fails the call, unless its error is one of tolerated.
func (c *control) do(ctx context.Context, tolerated []string, commands ...command) ([]answer, error) {
	var all []answer
	for len(commands) > 0 {
		n := min(len(commands), batchSize)
		answers, err := c.batch(ctx, commands[:n])
		if err != nil {
			return nil, err
		}
		for i, a := range answers {
			if a.Error != "" && !slices.Contains(tolerated, a.Error) {
				return nil, fmt.Errorf("mosquitto: %s %s: %s", commands[i].Command, commands[i].Username+commands[i].RoleName, printable(a.Error))
			}
		}
		all = append(all, answers...)
		commands = commands[n:]
	}
	return all, nil
}

// batch sends a few commands in one message.
func (c *control) batch(ctx context.Context, commands []command) ([]answer, error) {
	tag := c.tag + "-" + rand.Text()[:8]
	for i := range commands {
		commands[i].CorrelationData = tag
	}
	msg, err := json.Marshal(map[string]any{"commands": commands})
	if err != nil {
		return nil, err
	}
	if err := await(ctx, c.client.Publish(controlTopic, 1, false, msg)); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	timer := time.NewTimer(controlTimeout)
	defer timer.Stop()
	for {
		select {
		case b := <-c.answers:
			var r struct {
				Responses []answer `json:"responses"`
			}
			if json.Unmarshal(b, &r) != nil || len(r.Responses) == 0 || r.Responses[0].CorrelationData != tag {
				continue // another administrator's
			}
			if len(r.Responses) != len(commands) {
				return nil, ErrAnswer
			}
			return r.Responses, nil
		case err := <-c.lost:
			return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-timer.C:
			return nil, ErrNoPlugin
		}
	}
}

// list reads everything of one kind, page by page.
func list[T any](ctx context.Context, c *control, command string, items func(answer) json.RawMessage) ([]T, error) {
	var all []T
	for {
		a, err := c.do(ctx, nil, listCommand(command, len(all)))
		if err != nil {
			return nil, err
		}
		var page []T
		if err := json.Unmarshal(items(a[0]), &page); err != nil {
			return nil, fmt.Errorf("%w: %s", ErrAnswer, command)
		}
		all = append(all, page...)
		if len(page) == 0 || len(all) >= a[0].Data.Total {
			return all, nil
		}
		if len(all) > maxUsers {
			return nil, fmt.Errorf("%w: more than %d entries", ErrAnswer, maxUsers)
		}
	}
}

// maxUsers bounds what is read from a broker.
const maxUsers = 100_000

func listCommand(name string, offset int) command {
	return command{Command: name, Verbose: true, Count: pageSize, Offset: offset}
}

// printable is what a broker says, short and on one line.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
	return s[:min(len(s), 120)]
}
