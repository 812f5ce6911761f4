package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"doorleaf/devices/simsign"
)

// A person changes the broker's key on the page, is told what that would cost
// while signs lack the backup, and sees the gateway come back.
func TestKeyChangeInBrowser(t *testing.T) {
	t.Parallel()
	p := newPinHouse(t)
	b := openBrowserThat(t)
	p.up()
	s := p.sign("one", nil)
	id := p.pair(s)
	p.knows(1)
	old := p.sign("old", func(o *simsign.Options) { o.Capabilities = 0x1ff })
	p.pair(old)
	p.within("the old one is known", func() bool { _, _, silent := p.knowledge(); return silent == 1 })

	b.open(p.house.setupURL)
	b.fill("#name", "office")
	b.fill("#password", "correct horse battery")
	b.press("main button.button--main")
	b.shows("nav", "Settings")
	page := p.house.conf.publicURL + "/m/settings/network"
	for _, width := range []int{390, 1440} {
		b.do("set the width", chromedp.EmulateViewport(int64(width), 900))
		b.open(page)
		b.shows("main", "1 sign knows the backup")
		b.shows("main", "1 sign does not say what it believes")
		checkPage(b, "en", width)
		b.shoot(fmt.Sprintf("keys-%d", width))
	}
	// Without the tick the browser itself holds the form back.
	before := p.served()
	b.mouse("press without the tick", queryOf(`form[action="/m/settings/network/key"] button`))
	b.shows("main", "Change all the same: 1 sign")
	if p.served() != before {
		t.Fatal("changed without being told twice")
	}
	begin := time.Now()
	b.mouse("tick", queryOf(`input[name="force"]`))
	b.press(`form[action="/m/settings/network/key"] button`)
	b.shows("main", "The gateway is starting anew")
	b.shoot("keys-changing")
	p.next()
	b.open(page)
	b.shows("main", "Change to the backup")
	if p.served() == before {
		t.Error("the same key as before")
	}
	p.back(id, begin)
	p.knows(1)
}
