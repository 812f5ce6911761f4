package graphtest

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"html/template"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// answer is a response under construction; nothing is sent before it is whole,
// so that faults can spoil it.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (a *answer) json(status int, doc any) {
	b, err := json.Marshal(doc)
	if err != nil {
		panic("graphtest: answer does not encode: " + err.Error())
	}
	a.status, a.body = status, b
	if a.header.Get("Content-Type") == "" {
		a.header.Set("Content-Type", "application/json; charset=utf-8")
	}
}

// send writes the answer, compressed where the client takes that.
func (a *answer) send(w http.ResponseWriter, r *http.Request) {
	for k, v := range a.header {
		w.Header()[k] = v
	}
	body := a.body
	if len(body) > 1024 && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		z.Write(body) // a bytes.Buffer takes everything
		z.Close()
		body = packed.Bytes()
		w.Header().Set("Content-Encoding", "gzip")
	}
	w.Header().Add("Vary", "Accept-Encoding")
	if a.status != http.StatusNoContent {
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	}
	w.WriteHeader(a.status)
	if r.Method != http.MethodHead {
		w.Write(body) // a client that went away is its own affair
	}
}

// form reads query and form body, 64 KiB at most; repeated parameters make the
// request malformed (RFC 6749 3.1).
func (a *answer) form(r *http.Request) (url.Values, bool) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return url.Values{}, false
	}
	if r.Method == http.MethodPost {
		kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
		body, err := io.ReadAll(io.LimitReader(r.Body, 64<<10+1))
		if err != nil || len(body) > 64<<10 || kind != "application/x-www-form-urlencoded" {
			return url.Values{}, false
		}
		posted, err := url.ParseQuery(string(body))
		if err != nil {
			return url.Values{}, false
		}
		for k, v := range posted {
			q[k] = v
		}
	}
	for _, v := range q {
		if len(v) > 1 {
			return url.Values{}, false
		}
	}
	return q, true
}

// permissionLine is one line of the consent page.
type permissionLine struct{ Name, Text string }

// pageData is what the pages show.
type pageData struct {
	Title, Text  string
	App          string
	Flow         string
	Email        string
	Code, Error  string
	Permissions  []permissionLine
	Everyone     bool // consent for the whole organization
	Organization bool // the person may consent for everybody
}

// errorPage shows an error in the browser; nobody is redirected.
func (s *Server) errorPage(a *answer, e *aadsts) {
	trace := newID()
	a.page(e.status, "message", pageData{
		Title: "Sorry, but we're having trouble signing you in",
		Code:  "AADSTS" + strconv.Itoa(e.code), Error: s.describe(e, trace, newID()),
	})
}

func (a *answer) page(status int, name string, data pageData) {
	var b bytes.Buffer
	if err := pages.ExecuteTemplate(&b, name, data); err != nil {
		panic("graphtest: page " + name + ": " + err.Error())
	}
	a.status, a.body = status, b.Bytes()
	a.header.Set("Content-Type", "text/html; charset=utf-8")
	a.header.Set("Cache-Control", "no-store, no-cache")
	a.header.Set("X-Frame-Options", "DENY")
	a.header.Set("Referrer-Policy", "no-referrer")
	a.header.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'")
}

// pages are the sign-in, consent and message pages. Element ids are stable.
var pages = template.Must(template.New("pages").Parse(`
{{define "head"}}<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{.Title}}</title>
<style>
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:flex;flex-direction:column;align-items:center;justify-content:center;gap:16px;padding:16px;
background:#eef1f4;color:#1b1b1b;font:15px/1.45 "Segoe UI",system-ui,sans-serif}
main{width:100%;max-width:440px;background:#fff;padding:36px 40px;box-shadow:0 2px 8px rgba(0,0,0,.16)}
h1{font-size:24px;font-weight:600;line-height:1.25;margin:14px 0 16px}
.brand{font-weight:600;color:#444}.brand i{display:inline-block;width:14px;height:18px;border:2px solid #2b6a4d;border-right-width:5px;margin-right:8px;vertical-align:-4px}
label{display:block;margin-top:14px;font-size:13px;color:#444}
input[type=email],input[type=password]{width:100%;border:0;border-bottom:1px solid #666;padding:7px 2px;font:inherit;background:none}
input:focus{outline:0;border-bottom:2px solid #2b6a4d}
.actions{display:flex;justify-content:flex-end;gap:8px;margin-top:26px}
button{min-width:108px;min-height:36px;border:0;padding:6px 14px;font:inherit;background:#d9dcdf;color:#111;cursor:pointer}
button.main{background:#2b6a4d;color:#fff}button:focus-visible{outline:2px solid #111;outline-offset:2px}
.error{color:#b3261e;margin:0 0 6px;overflow-wrap:anywhere;white-space:pre-line}
ul{list-style:none;margin:0;padding:0}li{padding:9px 0;border-top:1px solid #e3e6e8}li code{display:block;color:#666;font-size:12px}
.check{display:flex;gap:8px;align-items:center;margin-top:16px;color:#111;font-size:15px}
footer{color:#555;font-size:13px;text-align:center;max-width:440px}
@media (max-width:480px){main{padding:24px}}
</style></head><body><main><div class="brand"><i></i>Doorleaf practice tenant</div>{{end}}

{{define "foot"}}</main><footer id="practice-note">This is the Doorleaf practice tenant, not Microsoft. Do not enter a real password.</footer></body></html>{{end}}

{{define "signin"}}{{template "head" .}}
<h1 id="title">Sign in</h1>
<p>to continue to <strong id="app-name">{{.App}}</strong></p>
<form id="signin-form" method="post" action="/common/login" autocomplete="off">
<input type="hidden" name="flow" value="{{.Flow}}">
{{with .Error}}<p class="error" id="error" role="alert">{{.}} {{with $.Code}}<small id="error-code">({{.}})</small>{{end}}</p>{{end}}
<label for="email">E-mail</label><input id="email" type="email" name="email" value="{{.Email}}" placeholder="someone@practice.example" required autofocus>
<label for="password">Password</label><input id="password" type="password" name="password" required>
<div class="actions"><button class="main" id="signin" type="submit">Sign in</button></div>
</form>{{template "foot" .}}{{end}}

{{define "consent"}}{{template "head" .}}
<p id="account">{{.Email}}</p>
<h1 id="title">{{if .Everyone}}Permissions requested: review for your organization{{else}}Permissions requested{{end}}</h1>
<p><strong id="app-name">{{.App}}</strong> would like to:</p>
<form id="consent-form" method="post" action="/common/consent">
<input type="hidden" name="flow" value="{{.Flow}}">
<ul id="permissions">{{range .Permissions}}<li data-permission="{{.Name}}">{{.Text}}<code>{{.Name}}</code></li>{{end}}</ul>
{{if and .Organization (not .Everyone)}}<label class="check"><input id="organization" type="checkbox" name="organization" value="1"> Consent on behalf of your organization</label>{{end}}
<div class="actions"><button id="cancel" name="decision" value="cancel" type="submit">Cancel</button>
<button class="main" id="accept" name="decision" value="accept" type="submit">Accept</button></div>
</form>{{template "foot" .}}{{end}}

{{define "approval"}}{{template "head" .}}
<p id="account">{{.Email}}</p>
<h1 id="title">Need admin approval</h1>
<p><strong id="app-name">{{.App}}</strong> needs permission to access resources in your organization that only an admin can grant.
Ask an admin to grant permission to this app before you can use it.</p>
<p id="error-code">AADSTS90094</p>
<form id="approval-form" method="post" action="/common/consent"><input type="hidden" name="flow" value="{{.Flow}}">
<div class="actions"><button id="cancel" name="decision" value="approval" type="submit">Return to the application without granting consent</button></div>
</form>{{template "foot" .}}{{end}}

{{define "message"}}{{template "head" .}}
<h1 id="title">{{.Title}}</h1>
{{with .Text}}<p>{{.}}</p>{{end}}
{{with .Error}}<p class="error" id="error" role="alert">{{.}}</p><p id="error-code">{{$.Code}}</p>{{end}}
{{template "foot" .}}{{end}}
`))
