package admin

import (
	"bytes"
	"crypto/sha256"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"doorleaf/gateway"
)

// browser talks to the pages as a browser does, without following redirects.
type browser struct {
	t      *testing.T
	base   *url.URL
	client *http.Client
	header http.Header
}

// open serves an office and returns a browser that is not signed in.
func open(t *testing.T, o *office) *browser {
	t.Helper()
	return openWith(t, o.options(texts(t), "http://localhost:8080"))
}

func openWith(t *testing.T, options Options) *browser {
	t.Helper()
	h, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	base, err := url.Parse(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := srv.Client()
	client.Jar = jar
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &browser{t: t, base: base, client: client, header: http.Header{"Sec-Fetch-Site": {"same-origin"}}}
}

// enter signs the browser in without paying for a password hash.
func (b *browser) enter(o *office) *browser {
	b.t.Helper()
	o.store.mu.Lock()
	defer o.store.mu.Unlock()
	if _, ok := o.store.accounts[1]; !ok {
		o.store.accounts[1] = gateway.Account{ID: 1, Name: "admin", PasswordHash: "x"}
	}
	o.store.sessions[sha256.Sum256([]byte("token"))] = gateway.Session{TokenHash: sha256.Sum256([]byte("token")), Account: 1, Expires: time.Now().Add(time.Hour)}
	b.client.Jar.SetCookies(b.base, []*http.Cookie{{Name: "doorleaf-session", Value: "token", Path: "/"}})
	return b
}

// answer is a response with its body read.
type answer struct {
	*http.Response
	body string
}

func (b *browser) do(method, path string, form url.Values) answer {
	b.t.Helper()
	if form == nil {
		return b.send(method, path, "", nil)
	}
	return b.send(method, path, "application/x-www-form-urlencoded", strings.NewReader(form.Encode()))
}

// upload posts a form with a file, "file", behind fields of names and values in
// turn.
func (b *browser) upload(path string, file []byte, fields ...string) answer {
	b.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for i := 0; i+1 < len(fields); i += 2 {
		if err := form.WriteField(fields[i], fields[i+1]); err != nil {
			b.t.Fatal(err)
		}
	}
	part, err := form.CreateFormFile("file", "file.bin")
	if err == nil {
		_, err = part.Write(file)
	}
	if err == nil {
		err = form.Close()
	}
	if err != nil {
		b.t.Fatal(err)
	}
	return b.send(http.MethodPost, path, form.FormDataContentType(), &body)
}

// send makes a request with a body of a type, "" for none.
func (b *browser) send(method, path, contentType string, body io.Reader) answer {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.base.String()+path, body)
	if err != nil {
		b.t.Fatal(err)
	}
	for k, v := range b.header {
		req.Header[k] = v
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	res, err := b.client.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return answer{res, string(text)}
}

func (b *browser) get(path string) answer { b.t.Helper(); return b.do(http.MethodGet, path, nil) }

func (b *browser) post(path string, fields ...string) answer {
	b.t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	return b.do(http.MethodPost, path, form)
}

// want checks status and, for redirects, where they lead.
func (a answer) want(t *testing.T, status int, location string) answer {
	t.Helper()
	if a.StatusCode != status {
		t.Fatalf("%s %s = %d, want %d\n%s", a.Request.Method, a.Request.URL.Path, a.StatusCode, status, plain(a.body))
	}
	if got := a.Header.Get("Location"); got != location {
		t.Fatalf("%s %s leads to %q, want %q", a.Request.Method, a.Request.URL.Path, got, location)
	}
	return a
}

// says checks that the visible text holds a sentence.
func (a answer) says(t *testing.T, sentence string) answer {
	t.Helper()
	if !strings.Contains(plain(a.body), sentence) {
		t.Errorf("%s does not say %q:\n%s", a.Request.URL.Path, sentence, plain(a.body))
	}
	return a
}

var tags = regexp.MustCompile(`<[^>]*>`)

// plain is the text of a page without tags.
func plain(html string) string {
	_, main, found := strings.Cut(html, "<main")
	if !found {
		main = html
	}
	text := tags.ReplaceAllString(main, " ")
	text = strings.NewReplacer("&#39;", "'", "&#34;", `"`, "&amp;", "&", "&lt;", "<", "&gt;", ">", "&#43;", "+").Replace(text)
	return strings.Join(strings.Fields(text), " ")
}

// route is one line of the route table.
type route struct {
	method, path string
	open         bool
}

// routesOf reads the route table, so that no new route escapes the tests.
func routesOf(t *testing.T) []route {
	t.Helper()
	src, err := os.ReadFile("routes.go")
	if err != nil {
		t.Fatal(err)
	}
	var list []route
	for _, m := range regexp.MustCompile(`(open|signedIn)\("(GET|POST) (\S+)"`).FindAllStringSubmatch(string(src), -1) {
		path := strings.NewReplacer("{id}", "abcdefghijklmna2", "{$}", "").Replace(m[3])
		if path == "/m/rooms/room" {
			path += "?id=room0@contoso.example"
		}
		list = append(list, route{m[2], path, m[1] == "open"})
	}
	if len(list) < 40 {
		t.Fatalf("only %d routes found", len(list))
	}
	return list
}
