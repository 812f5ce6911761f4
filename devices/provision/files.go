package provision

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"doorleaf/devices"
)

// Files writes what brokers read from files into a folder: a password file and
// an access list of mosquitto, users and rules of EMQX, definitions of RabbitMQ.
// Each file is replaced at once, and only when it changes, so that what watches
// the folder can make the broker read it again.
type Files struct {
	Folder  string
	Gateway Account
	// ClientID is the first part of the gateway's client id, "gateway" by default.
	ClientID string
	Seed     Seed
	// Load is asked for every sign before one is put or removed: files are always
	// written whole.
	Load func(context.Context) ([]devices.Login, error)
}

// Names of the files.
const (
	MosquittoPasswords = "mosquitto.passwords"
	MosquittoRights    = "mosquitto.acl"
	EMQXUsers          = "emqx-users.csv"
	EMQXRights         = "emqx-acl.conf"
	RabbitDefinitions  = "rabbitmq-definitions.json"
)

// Reconcile implements Broker. Changes counts signs of the mosquitto file.
func (f *Files) Reconcile(_ context.Context, logins []devices.Login) (ch Changes, err error) {
	if _, err := byID(logins); err != nil {
		return ch, err
	}
	logins = slices.Clone(logins)
	slices.SortFunc(logins, func(a, b devices.Login) int { return strings.Compare(string(a.Sign), string(b.Sign)) })
	passwords, err := f.mosquittoPasswords(logins)
	if err != nil {
		return ch, err
	}
	old, err := os.ReadFile(filepath.Join(f.Folder, MosquittoPasswords))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return ch, err
	}
	ch = changed(string(old), string(passwords))
	for _, l := range logins {
		if l.Password == "" {
			ch.Unknown++
		}
	}
	rabbit, err := f.rabbit(logins)
	if err != nil {
		return ch, err
	}
	if err := os.MkdirAll(f.Folder, 0o700); err != nil {
		return ch, err
	}
	for _, file := range []struct {
		name string
		text []byte
	}{
		{MosquittoRights, mosquittoRights(f.Gateway.User)}, {EMQXRights, emqxRights(f.Gateway.User)},
		{EMQXUsers, f.emqxUsers(logins)}, {RabbitDefinitions, rabbit}, {MosquittoPasswords, passwords},
	} {
		if err := replace(filepath.Join(f.Folder, file.name), file.text); err != nil {
			return ch, err
		}
	}
	return ch, nil
}

// changed compares two password files by sign.
func changed(old, text string) (ch Changes) {
	before := map[string]string{}
	for line := range strings.Lines(old) {
		if user, hash, ok := strings.Cut(line, ":"); ok && isID(user) {
			before[user] = hash
		}
	}
	for line := range strings.Lines(text) {
		user, hash, _ := strings.Cut(line, ":")
		if !isID(user) {
			continue
		}
		switch was, there := before[user]; {
		case !there:
			ch.Added++
		case was != hash:
			ch.Updated++
		}
		delete(before, user)
	}
	ch.Removed = len(before)
	return ch
}

// Put implements Broker.
func (f *Files) Put(ctx context.Context, l devices.Login) error {
	if err := checkLogin(l); err != nil {
		return err
	}
	if l.Password == "" {
		return ErrNoPassword
	}
	return f.again(ctx, func(logins []devices.Login) []devices.Login {
		return append(slices.DeleteFunc(logins, func(x devices.Login) bool { return x.Sign == l.Sign }), l)
	})
}

// Remove implements Broker. The session ends when the broker reads the file
// again, or later: files close nothing.
func (f *Files) Remove(ctx context.Context, id devices.SignID) error {
	return f.again(ctx, func(logins []devices.Login) []devices.Login {
		return slices.DeleteFunc(logins, func(x devices.Login) bool { return x.Sign == id })
	})
}

func (f *Files) again(ctx context.Context, change func([]devices.Login) []devices.Login) error {
	logins, err := f.Load(ctx)
	if err != nil {
		return err
	}
	_, err = f.Reconcile(ctx, change(logins))
	return err
}

func (f *Files) mosquittoPasswords(logins []devices.Login) ([]byte, error) {
	var b bytes.Buffer
	line := func(user, password string, rounds int) error {
		hash, err := mosquittoHash(password, f.Seed.salt("mosquitto", user, password, 12), rounds)
		fmt.Fprintf(&b, "%s:%s\n", user, hash)
		return err
	}
	if f.Gateway.User != "" {
		if err := line(f.Gateway.User, f.Gateway.Password, personRounds); err != nil {
			return nil, err
		}
	}
	if err := line(pairUser, pairPassword, signRounds); err != nil {
		return nil, err
	}
	for _, l := range logins {
		if l.Password == "" {
			continue
		}
		if err := line(string(l.Sign), l.Password, signRounds); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), nil
}

// mosquittoRights is the access list. A pattern holds for everybody, with the
// user's own name for %u; what is not listed is refused.
func mosquittoRights(gateway string) []byte {
	var b bytes.Buffer
	if gateway != "" {
		fmt.Fprintf(&b, "user %s\ntopic read dl/1/+/u/+\ntopic read dl/1/pair/+/u/+\ntopic write dl/1/+/d/+\ntopic write dl/1/pair/+/d/+\n\n", gateway)
	}
	fmt.Fprintf(&b, "user %s\ntopic write dl/1/pair/+/u/commit\ntopic write dl/1/pair/+/u/reveal\ntopic read dl/1/pair/+/d/+\n\n", pairUser)
	b.WriteString("pattern write dl/1/%u/u/+\npattern read dl/1/%u/d/+\n")
	return b.Bytes()
}

// emqxUsers is for "Import Users" of EMQX's built-in database with the settings
// SHA-256 and no salt. That hash is kept of every sign, so none is missing.
func (f *Files) emqxUsers(logins []devices.Login) []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	line := func(user string, hash [32]byte) {
		_ = w.Write([]string{user, hex.EncodeToString(hash[:]), "", "false"}) // a buffer takes everything
	}
	_ = w.Write([]string{"user_id", "password_hash", "salt", "is_superuser"})
	line(pairUser, sha256Of(pairPassword))
	for _, l := range logins {
		if l.Password != "" {
			l.PasswordHash = sha256Of(l.Password)
		}
		if l.PasswordHash == [32]byte{} {
			continue
		}
		line(string(l.Sign), l.PasswordHash)
	}
	w.Flush()
	return b.Bytes()
}

// emqxRights is EMQX's acl.conf, Erlang terms read from the top. To EMQX a "+" in a
// rule stands for any level of what is subscribed to, wildcards among them, so
// that those of who pairs are refused one by one.
func emqxRights(gateway string) []byte {
	var b bytes.Buffer
	gateway = strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(gateway)
	if gateway != "" {
		fmt.Fprintf(&b, "{allow, {username, \"%s\"}, subscribe, [{eq, \"dl/1/+/u/+\"}, {eq, \"dl/1/pair/+/u/+\"}]}.\n", gateway)
		fmt.Fprintf(&b, "{allow, {username, \"%s\"}, publish, [\"dl/1/+/d/+\", \"dl/1/pair/+/d/+\"]}.\n", gateway)
	}
	fmt.Fprintf(&b, "{deny, {username, \"%s\"}, subscribe, [{eq, \"dl/1/pair/+/d/+\"}, {eq, \"dl/1/pair/+/d/#\"}, {eq, \"dl/1/pair/+/d/challenge\"}, {eq, \"dl/1/pair/+/d/identity\"}]}.\n", pairUser)
	fmt.Fprintf(&b, "{allow, {username, \"%s\"}, subscribe, [\"dl/1/pair/+/d/+\"]}.\n", pairUser)
	fmt.Fprintf(&b, "{allow, {username, \"%s\"}, publish, [\"dl/1/pair/+/u/commit\", \"dl/1/pair/+/u/reveal\"]}.\n", pairUser)
	b.WriteString("{allow, {username, {re, \"^[a-z2-7]{16}$\"}}, subscribe, [\"dl/1/${username}/d/+\"]}.\n" +
		"{allow, {username, {re, \"^[a-z2-7]{16}$\"}}, publish, [\"dl/1/${username}/u/+\"]}.\n" +
		"{deny, all}.\n")
	return b.Bytes()
}

// rabbit is a definitions file that adds users to the virtual host "/".
func (f *Files) rabbit(logins []devices.Login) ([]byte, error) {
	r := RabbitMQ{Seed: f.Seed, Gateway: f.Gateway, ClientID: f.ClientID}
	var d definitions
	for _, x := range r.fixed() {
		r.add(&d, x)
	}
	for _, l := range logins {
		if l.Password != "" {
			r.add(&d, rabbitSign(r.vhost(), l))
		}
	}
	b, err := json.MarshalIndent(d, "", " ")
	return append(b, '\n'), err
}

// replace makes a file hold text, whole or not at all. The broker often runs as
// another user: what it may read is decided by the group of the folder.
func replace(name string, text []byte) error {
	if old, err := os.ReadFile(name); err == nil && bytes.Equal(old, text) {
		return nil
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // gone when all went well
	_, err = f.Write(text)
	if err := errors.Join(err, f.Chmod(0o640), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
