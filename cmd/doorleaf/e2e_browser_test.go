package main

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	protocol "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"

	"doorleaf/graphsync/graphtest"
)

// browserPatience is how long a page may take; CI machines are slow.
const browserPatience = 60 * time.Second

// browser is a real Chromium with one tab.
type browser struct {
	t         *testing.T
	ctx       context.Context
	downloads string // folder
}

// openBrowser starts Chromium with a profile of its own, which trusts the
// stand-in's certificate and no other unknown one. Without Chromium the test is
// skipped.
func openBrowser(t *testing.T, graph *graphtest.Server) *browser {
	t.Helper()
	return openBrowserThat(t, chromedp.Flag("ignore-certificate-errors-spki-list", publicKeyHash(t, graph)))
}

// openBrowserThat is openBrowser with options of its own.
func openBrowserThat(t *testing.T, further ...chromedp.ExecAllocatorOption) *browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("needs Chromium: install the package chromium")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.WindowSize(1280, 900),
		chromedp.Flag("lang", "en"), chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	allocator, stop := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), append(options, further...)...)
	t.Cleanup(stop)
	ctx, closeTab := chromedp.NewContext(allocator)
	t.Cleanup(closeTab)
	b := &browser{t: t, ctx: ctx, downloads: t.TempDir()}
	// The first action starts the browser and must not carry a timeout.
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		t.Fatalf("start Chromium: %v", err)
	}
	events := true
	if _, err := chromedp.CallBrowser(ctx, protocol.SetDownloadBehavior, protocol.SetDownloadBehaviorParams{
		Behavior: protocol.SetDownloadBehaviorBehaviorAllowAndName, DownloadPath: b.downloads, EventsEnabled: &events}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.keepEvidence)
	return b
}

// publicKeyHash names the key of the stand-in as Chromium wants it.
func publicKeyHash(t *testing.T, graph *graphtest.Server) string {
	t.Helper()
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(graph.CAPEM())
	u, err := url.Parse(graph.LoginURL())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := tls.Dial("tcp", u.Host, &tls.Config{RootCAs: pool})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	sum := sha256.Sum256(conn.ConnectionState().PeerCertificates[0].RawSubjectPublicKeyInfo)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// keepEvidence logs what a failed test was looking at.
func (b *browser) keepEvidence() {
	if b.t.Failed() {
		b.t.Logf("the browser was at %s:\n%s", b.evaluate("location.href"), b.evaluate("document.body.innerText"))
	}
}

// do runs actions and fails the test, naming the step, when they do not end
// well in time.
func (b *browser) do(step string, actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, browserPatience)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		b.t.Fatalf("browser: %s: %v", step, err)
	}
}

// evaluate returns the text that an expression gives in the page, or the error.
func (b *browser) evaluate(expression string) string {
	ctx, cancel := context.WithTimeout(b.ctx, 10*time.Second)
	defer cancel()
	s, err := chromedp.Run(ctx, chromedp.Evaluate[string]("String("+expression+")"))
	if err != nil {
		return err.Error()
	}
	return s
}

// until waits until an expression is true in the page, over new documents too.
func (b *browser) until(expression string) bool {
	tick := time.NewTicker(30 * time.Millisecond)
	defer tick.Stop()
	for limit := time.After(browserPatience); ; {
		if b.evaluate(expression) == "true" {
			return true
		}
		select {
		case <-limit:
			return false
		case <-tick.C:
		}
	}
}

func (b *browser) open(address string) {
	b.t.Helper()
	b.do("open "+address, chromedp.Navigate(address))
}

// click presses the link or button that reads or is headed so, as a person finds
// it, and waits for the next page. within is "nav" for the navigation and "main"
// for the page without its breadcrumbs.
func (b *browser) click(within, text string) {
	b.t.Helper()
	xpath := fmt.Sprintf(`//*[self::a or self::button][ancestor::*[self::main or self::nav][1][self::%[1]s]][normalize-space(.)=%[2]q or .//*[normalize-space(.)=%[2]q]]`, within, text)
	b.leave(fmt.Sprintf("click %q in %s", text, within), fmt.Sprintf(`document.evaluate(%q, document, null, XPathResult.FIRST_ORDERED_NODE_TYPE).singleNodeValue`, xpath))
}

// press clicks an element by its selector and waits for the next page.
func (b *browser) press(selector string) {
	b.t.Helper()
	b.leave("press "+selector, queryOf(selector))
}

// queryOf is the expression of the first element that a selector matches.
func queryOf(selector string) string { return fmt.Sprintf("document.querySelector(%q)", selector) }

// mouse clicks in the middle of an element, where a person sees it. Elements
// are found by expressions in the page: the driver's own tree of nodes changes
// under its reader while a page changes.
func (b *browser) mouse(step, element string) {
	b.t.Helper()
	find := fmt.Sprintf(`(() => { const e = %s; if (!e) return ""; e.scrollIntoView({block: "center"});
		const r = e.getBoundingClientRect(), x = r.x + r.width / 2, y = r.y + r.height / 2, top = document.elementFromPoint(x, y);
		return r.width > 0 && top && (e === top || e.contains(top)) ? x + " " + y : "" })()`, element)
	// A page that follows changes may put a new element in place of the old one
	// between the button's going down and up; a person would click again.
	listen := fmt.Sprintf(`(() => { window.hit = ""; document.addEventListener("click", (c) => { const e = %s;
		window.hit = e && (e === c.target || e.contains(c.target)) ? "yes" : "no" }, {capture: true, once: true}); return "" })()`, element)
	for range 5 {
		if !b.until(find + ` !== ""`) {
			b.t.Fatalf("browser: %s: there is nothing to click", step)
		}
		var x, y float64
		b.evaluate(listen)
		if _, err := fmt.Sscan(b.evaluate(find), &x, &y); err != nil {
			continue
		}
		b.do(step, chromedp.MouseClickXY(x, y))
		if hit := b.evaluate(`window.hit ?? "left"`); hit != "" && hit != "no" {
			return
		}
	}
	b.t.Fatalf("browser: %s: five clicks have missed", step)
}

// leave clicks on what leads to another document and waits until that is loaded.
func (b *browser) leave(step, element string) {
	b.t.Helper()
	b.evaluate("window.leaving = true")
	b.mouse(step, element)
	if !b.until(`!window.leaving && document.readyState === "complete"`) {
		b.t.Fatalf("browser: %s: no new page", step)
	}
}

// fill types into a field, in place of what it holds.
func (b *browser) fill(selector, text string) {
	b.t.Helper()
	b.mouse("fill "+selector, queryOf(selector))
	b.evaluate(queryOf(selector) + ".select()")
	b.do("fill "+selector, chromedp.KeyEvent(text))
	bare := strings.NewReplacer(" ", "", "-", "") // the code field puts them in
	if got := b.value(selector); bare.Replace(got) != bare.Replace(text) {
		b.t.Fatalf("browser: field %s: got %q", selector, got)
	}
}

// choose picks an option of a list.
func (b *browser) choose(selector, value string) {
	b.t.Helper()
	got := b.evaluate(fmt.Sprintf(`(() => { const s = document.querySelector(%q); s.value = %q;
		s.dispatchEvent(new Event("change", {bubbles: true})); return s.value })()`, selector, value))
	if got != value {
		b.t.Fatalf("browser: list %s: got %q, want %q", selector, got, value)
	}
}

// has reports whether an element is in the page.
func (b *browser) has(selector string) bool {
	return b.evaluate(fmt.Sprintf("document.querySelector(%q) !== null", selector)) == "true"
}

// text returns the text of the first such element, "" without one; folded parts
// are read too.
func (b *browser) text(selector string) string {
	return strings.TrimSpace(b.evaluate(fmt.Sprintf(`document.querySelector(%q)?.textContent ?? ""`, selector)))
}

// value returns what a field holds.
func (b *browser) value(selector string) string {
	return b.evaluate(fmt.Sprintf(`document.querySelector(%q)?.value ?? ""`, selector))
}

func (b *browser) path() string { return b.evaluate("location.pathname") }

// shows waits, without reloading, until one of these elements contains a text.
func (b *browser) shows(selector, want string) {
	b.t.Helper()
	if !b.until(fmt.Sprintf(`[...document.querySelectorAll(%q)].some((e) => e.textContent.includes(%q))`, selector, want)) {
		b.t.Fatalf("browser: %s does not show %q but %q", selector, want, b.text(selector))
	}
}

// download follows a link that downloads and returns the file.
func (b *browser) download(selector string) []byte {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, browserPatience)
	defer cancel()
	progress := chromedp.BrowserEvents(ctx, protocol.DownloadProgress)
	b.mouse("download "+selector, queryOf(selector))
	for e, err := range progress {
		if err != nil {
			b.t.Fatalf("browser: download %s: %v", selector, err)
		}
		if e.State != protocol.DownloadProgressStateCompleted {
			continue
		}
		data, err := os.ReadFile(filepath.Join(b.downloads, e.GUID))
		if err != nil {
			b.t.Fatal(err)
		}
		return data
	}
	b.t.Fatalf("browser: %s downloads nothing", selector)
	return nil
}
