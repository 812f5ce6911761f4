package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

var shotsFolder = flag.String("shots", "", "folder for a screenshot of every page")

// TestPages looks at every page in every language, at phone and desktop width:
// nothing sticks out, no text is missing, the browser complains about nothing.
func TestPages(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	b := openBrowser(t, o.graph)
	createAdministrator(b, o)
	b.open(o.base + "/m/setup")
	registerValues(b, o, o.app.Secret, o.graph.TenantID())
	connect(b, o)
	listRooms(b)
	s := o.startSign(o.mqtt)
	pairAndBind(b, s)
	s.next("shown", nil)
	b.shows(".head__state", "Right")
	o.startSign(o.mqtt).next("pairing", nil) // one more that waits
	complaints := watchComplaints(b)

	door := b.path()
	paths := []string{"/m", "/m/doors", door, door + "/unpair", "/m/pair", "/m/pair/many", "/m/displays", "/m/rooms", "/m/health", "/m/settings/power", "/m/more", "/m/help", "/m/setup",
		"/m/settings", "/m/settings/integration", "/m/settings/integration/settings", "/m/settings/integration/settings/office365",
		"/m/settings/integration/office365", "/m/settings/integration/office365/check", "/m/settings/integration/office365/limit",
		"/m/settings/integration/office365/lifetimes", "/m/settings/integration/office365/traffic", "/m/rooms/doctor", "/m/settings/look", "/m/settings/firmware", "/m/settings/site", "/m/settings/network", "/m/settings/account"}
	for _, language := range []string{"de", "ru", "en"} {
		b.open(o.base + "/m/settings/account")
		b.choose("#language", language)
		b.press(`form[action="/m/settings/account/language"] button`)
		for _, width := range []int{360, 1280} {
			b.do("set the width", chromedp.EmulateViewport(int64(width), 900))
			for _, path := range paths {
				b.open(o.base + path)
				checkPage(b, language, width)
				b.shoot(fmt.Sprintf("%s-%d%s", language, width, strings.ReplaceAll(strings.Replace(path, door, "/m/door", 1), "/", "-")))
			}
		}
	}
	for _, c := range complaints() {
		t.Errorf("the browser complains: %s", c)
	}
}

// missingText is a key of the text catalogue where its text should be.
var missingText = regexp.MustCompile(`\b(nav|mark|office|door|pair|rooms|trust|chain|error|help|site|setup|overview|integration|wizard|org|limit|lifetime|spare|slot|traffic|counter|doctor|privacy|mail|consented|look|firmware|pair-many|factory)\.[a-z0-9-]+(\.[a-z0-9-]+)*\b`)

func checkPage(b *browser, language string, width int) {
	b.t.Helper()
	at := fmt.Sprintf("%s in %s, %d px wide", b.path(), language, width)
	if got := b.evaluate("document.documentElement.lang"); got != language {
		b.t.Errorf("%s: language is %q", at, got)
	}
	if got := b.evaluate("document.querySelectorAll('h1').length"); got != "1" {
		b.t.Errorf("%s: got %s headings of the first level, want 1", at, got)
	}
	if wide := b.evaluate(widest); wide != "" {
		b.t.Errorf("%s: sticks out to the right: %s", at, wide)
	}
	if key := missingText.FindString(b.evaluate("document.body.innerText")); key != "" {
		b.t.Errorf("%s: shows the key %q", at, key)
	}
	if small := b.evaluate("[...document.images].filter((i) => !i.alt).length"); small != "0" {
		b.t.Errorf("%s: %s pictures without a description", at, small)
	}
}

// widest names an element beyond the right edge when the page can be scrolled
// sideways.
const widest = `(() => {
	const page = document.documentElement;
	if (page.scrollWidth <= page.clientWidth) return "";
	const out = [...document.body.querySelectorAll("*")].filter((e) => e.getBoundingClientRect().right > page.clientWidth + 0.5);
	const e = out.at(-1);
	return page.scrollWidth + " px: " + (e ? e.tagName + "." + e.className + " " + e.textContent.trim().slice(0, 60) : "?");
})()`

// watchComplaints collects what the browser reports as errors: refused by
// policy, failed to load, thrown by a script.
func watchComplaints(b *browser) func() []string {
	b.t.Helper()
	var mu sync.Mutex
	var list []string
	add := func(s string) {
		mu.Lock()
		defer mu.Unlock()
		list = append(list, s)
	}
	err := chromedp.Listen(b.ctx, func(event any) {
		switch e := event.(type) {
		case *cdplog.EventEntryAdded:
			if e.Entry.Level == cdplog.EntryLevelError {
				add(e.Entry.Text + " " + e.Entry.URL)
			}
		case *runtime.EventExceptionThrown:
			add(e.ExceptionDetails.Text)
		}
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		return list
	}
}

// shoot writes a picture of the whole page when -shots asks for it.
func (b *browser) shoot(name string) {
	b.t.Helper()
	if *shotsFolder == "" {
		return
	}
	ctx, cancel := context.WithTimeout(b.ctx, browserPatience)
	defer cancel()
	picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err == nil {
		err = os.MkdirAll(*shotsFolder, 0o755)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(*shotsFolder, name+".png"), picture, 0o644)
	}
	if err != nil {
		b.t.Errorf("screenshot: %v", err)
	}
}
