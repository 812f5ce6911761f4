package admin

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"doorleaf/devices"
	"doorleaf/gateway"
)

// silent checks that the visible text does not hold a sentence.
func (a answer) silent(t *testing.T, sentence string) answer {
	t.Helper()
	if strings.Contains(plain(a.body), sentence) {
		t.Errorf("%s says %q:\n%s", a.Request.URL.Path, sentence, plain(a.body))
	}
	return a
}

// fakeKeys is a gateway whose key can be changed.
type fakeKeys struct {
	view    ServerKeysView
	changed []bool // forced
}

func (f *fakeKeys) ServerKeys(context.Context) (ServerKeysView, error) { return f.view, nil }

func (f *fakeKeys) ChangeKey(_ context.Context, force bool) error {
	if lost := len(f.view.Backup.Lacking) + len(f.view.Backup.Silent); lost > 0 && !force {
		return gateway.ErrConflict
	}
	f.changed = append(f.changed, force)
	f.view.Changing = true
	return nil
}

func lackingSigns(n int) (signs []gateway.Sign) {
	for i := range n {
		signs = append(signs, gateway.Sign{ID: devices.SignID(fmt.Sprintf("sign-%d", i)), Name: fmt.Sprintf("Door <%d>", i)})
	}
	return signs
}

func TestServerKeysPage(t *testing.T) {
	const path = "/m/settings/network"
	begin := func(t *testing.T, view ServerKeysView) (*fakeKeys, *browser) {
		o, keys := newOffice(time.Now()), &fakeKeys{view: view}
		options := o.options(texts(t), "http://localhost:8080")
		options.MQTT, options.ServerKeys = MQTTInfo{URLs: []string{"mqtts://doors.example:8883"}}, keys
		return keys, openWith(t, options).enter(o)
	}
	t.Run("everybody knows", func(t *testing.T) {
		keys, c := begin(t, ServerKeysView{Backup: gateway.KeyKnowledge{Know: 3}})
		c.get(path).want(t, http.StatusOK, "").says(t, "3 signs know the backup").silent(t, "Change all the same").silent(t, "next certificate")
		c.post(path+"/key").want(t, http.StatusSeeOther, path+"#keys")
		if len(keys.changed) != 1 || keys.changed[0] {
			t.Errorf("changed %v", keys.changed)
		}
		c.get(path).want(t, http.StatusOK, "").says(t, "The gateway is starting anew").silent(t, "Change to the backup")
	})
	t.Run("signs would be lost", func(t *testing.T) {
		keys, c := begin(t, ServerKeysView{Backup: gateway.KeyKnowledge{Know: 1, Lacking: lackingSigns(22), Silent: lackingSigns(1)}})
		c.get(path).want(t, http.StatusOK, "").says(t, "22 signs do not know it yet").says(t, "1 sign does not say what it believes").says(t, "Door <3>").says(t, "2 more").
			says(t, "Change all the same: 22 signs").silent(t, "was not changed")
		c.post(path+"/key").want(t, http.StatusConflict, "").says(t, "The key was not changed").says(t, "22 signs")
		if len(keys.changed) != 0 {
			t.Fatal("changed without being told twice")
		}
		c.post(path+"/key", "force", "on").want(t, http.StatusSeeOther, path+"#keys")
		if len(keys.changed) != 1 || !keys.changed[0] {
			t.Errorf("changed %v", keys.changed)
		}
	})
	t.Run("one does not say", func(t *testing.T) {
		keys, c := begin(t, ServerKeysView{Backup: gateway.KeyKnowledge{Know: 1, Silent: lackingSigns(1), Plain: 5}})
		c.get(path).want(t, http.StatusOK, "").says(t, "With a certificate authority it finds the gateway after a change").
			says(t, "Change all the same: 1 sign does not say what it believes").silent(t, "may not find the gateway")
		c.post(path+"/key").want(t, http.StatusConflict, "").says(t, "The key was not changed")
		if len(keys.changed) != 0 {
			t.Error("changed without being told twice")
		}
	})
	t.Run("without encryption no key matters", func(t *testing.T) {
		_, c := begin(t, ServerKeysView{Backup: gateway.KeyKnowledge{Know: 1, Plain: 5}})
		c.get(path).want(t, http.StatusOK, "").silent(t, "Change all the same").says(t, "without encryption")
	})
	t.Run("own certificate and the next", func(t *testing.T) {
		_, c := begin(t, ServerKeysView{Own: true, Backup: gateway.KeyKnowledge{Know: 2}, Next: &gateway.KeyKnowledge{Know: 1, Lacking: lackingSigns(1)}})
		c.get(path).want(t, http.StatusOK, "").says(t, "Signs see your own certificate").says(t, "1 sign knows its key").says(t, "1 sign does not know it yet").
			silent(t, "Change to the backup")
	})
	t.Run("without keys", func(t *testing.T) {
		o := newOffice(time.Now())
		c := openWith(t, o.options(texts(t), "http://localhost:8080")).enter(o)
		c.get(path).want(t, http.StatusOK, "").silent(t, "Keys that signs believe")
		c.post(path+"/key", "force", "on").want(t, http.StatusNotFound, "")
	})
	t.Run("strangers change nothing", func(t *testing.T) {
		keys, _ := begin(t, ServerKeysView{})
		o := newOffice(time.Now())
		options := o.options(texts(t), "http://localhost:8080")
		options.ServerKeys = keys
		openWith(t, options).post(path+"/key", "force", "on")
		if len(keys.changed) != 0 {
			t.Error("changed by nobody")
		}
	})
}
